"""The writes of DHCP ranges, inside which networks offer no address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import Family, family_of, format_address
from gridsim.database.references import range_key, title_of
from gridsim.database.refusals import conflict, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects.plain_fields import check_comment, only, updated
from gridsim.objects.views import view_of

_PLAIN_FIELDS = ("name", "comment", "exclude", "server_association_type", "address_type")


def create_range(state: State, family: Family, data: Mapping[str, Any]) -> GridObject:
    """Create a DHCP range; returns it.

    Raises Refusal without parent network, for an overlap with another range, for malformed bounds.
    """
    view = view_of(state, data)
    first, last = _bounds(family, data)
    network = state.store.network_at(view.view, first)
    if network is None or not network.first <= first <= last <= network.last:
        raise conflict(
            f"Cannot find the parent network for the DHCP range {data['start_addr']}-{data['end_addr']}."
        )
    if any(scope.first <= last and first <= scope.last for scope in state.store.in_network(family.scope, network)):
        raise conflict(f"The range {data['start_addr']}-{data['end_addr']} overlaps another range.")
    fields = {
        "server_association_type": "NONE",
        **only(data, *_PLAIN_FIELDS),
        "start_addr": format_address(first),
        "end_addr": format_address(last),
        "network": network.fields["network"],
        "network_view": view.fields["name"],
    }
    _check_exclusions(family, fields)
    extattrs = attributes.merged(state, family.scope, {}, data)
    title = title_of(fields["start_addr"], fields["end_addr"], view.fields["name"])
    key = range_key(first, last, view.view)
    made = GridObject(family.scope, key, title, view.view, fields, extattrs, first, last)
    state.store.put(made)
    return made


def update_range(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change everything but the bounds of a range."""
    if "start_addr" in data or "end_addr" in data:
        raise protocol_error("Field is not allowed for update: start_addr")
    check_comment(data)
    after = updated(state, before, data, *_PLAIN_FIELDS)
    _check_exclusions(family_of(before.first), after.fields)
    state.store.put(after)
    return after


def _bounds(family: Family, data: Mapping[str, Any]) -> tuple[int, int]:
    try:
        first, last = family.parse(data["start_addr"]), family.parse(data["end_addr"])
    except ValueError:
        raise invalid_value("start_addr", data["start_addr"]) from None
    if first > last:
        raise invalid_value("end_addr", data["end_addr"])
    return first, last


def _check_exclusions(family: Family, fields: Mapping[str, Any]) -> None:
    listed = fields.get("exclude", [])
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field exclude")
    for each in listed:
        try:
            family.parse(each["start_address"])
            family.parse(each["end_address"])
        except (ValueError, KeyError, TypeError):
            raise invalid_value("exclude", each) from None
