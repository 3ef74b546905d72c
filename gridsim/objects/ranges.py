"""The writes of DHCP ranges, inside which networks offer no address."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.ipv4 import format_address, parse_address
from gridsim.database.references import range_key
from gridsim.database.refusals import conflict, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects.plain_fields import check_comment, only, updated
from gridsim.objects.views import view_of


def create_range(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create a DHCP range; returns it.

    Raises Refusal without parent network, for an overlap with another range, for malformed bounds.
    """
    view = view_of(state, data)
    first, last = _bounds(data)
    network = state.store.network_at(view.view, first)
    if network is None or not network.first <= first <= last <= network.last:
        raise conflict(
            f"Cannot find the parent network for the DHCP range {data['start_addr']}-{data['end_addr']}."
        )
    if any(scope.first <= last and first <= scope.last for scope in state.store.in_network("range", network)):
        raise conflict(f"The range {data['start_addr']}-{data['end_addr']} overlaps another range.")
    fields = {
        "server_association_type": "NONE",
        **only(data, "name", "comment", "exclude", "server_association_type"),
        "start_addr": format_address(first),
        "end_addr": format_address(last),
        "network": network.fields["network"],
        "network_view": view.fields["name"],
    }
    _check_exclusions(fields)
    extattrs = attributes.merged(state, "range", {}, data)
    title = f"{fields['start_addr']}/{fields['end_addr']}/{view.fields['name']}"
    key = range_key(first, last, view.view)
    made = GridObject("range", key, title, view.view, fields, extattrs, first, last)
    state.store.put(made)
    return made


def update_range(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change everything but the bounds of a range."""
    if "start_addr" in data or "end_addr" in data:
        raise protocol_error("Field is not allowed for update: start_addr")
    check_comment(data)
    after = updated(state, before, data, "name", "comment", "exclude", "server_association_type")
    _check_exclusions(after.fields)
    state.store.put(after)
    return after


def _bounds(data: Mapping[str, Any]) -> tuple[int, int]:
    try:
        first, last = parse_address(data["start_addr"]), parse_address(data["end_addr"])
    except ValueError:
        raise invalid_value("start_addr", data["start_addr"]) from None
    if first > last:
        raise invalid_value("end_addr", data["end_addr"])
    return first, last


def _check_exclusions(fields: Mapping[str, Any]) -> None:
    listed = fields.get("exclude", [])
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field exclude")
    for each in listed:
        try:
            parse_address(each["start_address"])
            parse_address(each["end_address"])
        except (ValueError, KeyError, TypeError):
            raise invalid_value("exclude", each) from None
