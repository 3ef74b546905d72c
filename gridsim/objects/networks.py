"""The writes of networks or network containers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import FAMILIES, Cidr, Family, Span, family_of, family_of_kind, spans_of
from gridsim.database.occupancy import Spans
from gridsim.database.references import block_key, title_of
from gridsim.database.refusals import conflict, data_error, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject, cidr_of
from gridsim.objects import addresses
from gridsim.objects.plain_fields import check_comment, only, updated
from gridsim.objects.views import view_of

NEXT_NETWORK = "func:nextavailablenetwork:"


def create_block(state: State, kind: str, data: Mapping[str, Any]) -> GridObject:
    """Create a network or a container; returns it.

    Raises Refusal for a malformed block, an overlap, an unknown view, an exhausted container.
    """
    family, view = family_of_kind(kind), view_of(state, data)
    cidr = _block(state, family, view, data["network"])
    check_comment(data)
    _check_overlap(state, kind, view, cidr)
    fields = {
        "comment": "",
        **only(data, "comment", "unmanaged", "members", "options", "disable"),
        "network": str(cidr),
        "network_view": view.fields["name"],
        "network_container": _container(state, view, cidr),
    }
    extattrs = attributes.merged(state, kind, {}, data)
    key, title = block_key(kind, cidr, view.view), title_of(str(cidr), view.fields["name"])
    made = GridObject(kind, key, title, view.view, fields, extattrs, cidr.base, cidr.last)
    state.store.put(made)
    if kind == family.container:
        _refile(state, view, cidr)
    return made


def update_block(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change the comment, the attributes or plain settings of a network or container."""
    check_comment(data)
    after = updated(state, before, data, "comment", "unmanaged", "members", "options", "disable")
    state.store.put(after)
    return after


def delete_network(state: State, thing: GridObject) -> None:
    """Delete a network with everything in it."""
    for kind in family_of(thing.first).in_networks:
        for inner in state.store.in_network(kind, thing):
            state.store.remove(inner)
    for kind in ("record:host", "discovered"):
        for inner in state.store.in_view(kind, thing.view):
            if any(thing.first <= address <= thing.last for address in inner.occupies):
                state.store.remove(inner)
    state.store.remove(thing)


def delete_container(state: State, thing: GridObject) -> None:
    """Delete a container; the networks in it stay."""
    state.store.remove(thing)
    view = next(view for view in state.store.of_kind("networkview") if view.view == thing.view)
    _refile(state, view, cidr_of(thing))


def _block(state: State, family: Family, view: GridObject, value: Any) -> Cidr:
    if isinstance(value, dict):
        return _next_of_object(state, family, value)
    if isinstance(value, str) and value.startswith(NEXT_NETWORK):
        return _next_network(state, family, view, value)
    try:
        return family.parse_block(value)
    except ValueError:
        raise invalid_value("network", value) from None


def _next_network(state: State, family: Family, view: GridObject, value: str) -> Cidr:
    parts = value[len(NEXT_NETWORK) :].split(",")
    try:
        outer, prefix = family.parse_block(parts[0]), int(parts[-1])
    except ValueError:
        raise invalid_value("network", value) from None
    if len(parts) not in (2, 3) or not outer.prefix < prefix <= family.bits:
        raise invalid_value("network", value)
    return _next_networks(state, view.view, outer, {"cidr": prefix})[0]


def _next_of_object(state: State, family: Family, value: Mapping[str, Any]) -> Cidr:
    if value.get("_object_function") != "next_available_network" or value.get("_result_field") != "networks":
        raise invalid_value("network", value)
    outer, parameters = addresses.object_named(state, value), value.get("_parameters", {})
    if not isinstance(parameters, dict) or outer.kind not in (family.container, family.network):
        raise invalid_value("network", value)
    return _next_networks(state, outer.view, cidr_of(outer), {**parameters, "num": 1})[0]


def function_reply(state: State, thing: GridObject, body: Any) -> dict[str, list[str]]:
    """Return what the function `next_available_network` of a container or network answers; it makes nothing.

    Raises Refusal (400) for another object, bad parameters, or when there is no room.
    """
    if not any(thing.kind in (family.container, family.network) for family in FAMILIES):
        raise protocol_error(f"Function next_available_network is not supported by {thing.kind}")
    found = _next_networks(state, thing.view, cidr_of(thing), body if isinstance(body, dict) else {})
    return {"networks": [str(cidr) for cidr in found]}


def _next_networks(state: State, view: int, outer: Cidr, parameters: Mapping[str, Any]) -> list[Cidr]:
    """Return the lowest blocks inside another in which there is no network yet.

    What it costs depends on the networks there are, not on the room.
    """
    family, prefix, number = outer.family, parameters.get("cidr"), parameters.get("num", 1)
    if not isinstance(prefix, int) or not outer.prefix < prefix <= family.bits:
        raise invalid_value("cidr", prefix)
    if not isinstance(number, int) or not 1 <= number <= addresses.NUMBER_MAX:
        raise invalid_value("num", number)
    used = [(each.first, each.last) for each in state.store.in_view(family.network, view)]
    taken = Spans([*used, *_spans(parameters.get("exclude", []), family)])
    size, base, found = 1 << (family.bits - prefix), outer.base, list[Cidr]()
    while len(found) < number and base + size - 1 <= outer.last:
        behind = taken.behind_overlap(base, base + size - 1)
        if behind is None:
            found.append(Cidr(base, prefix))
            base += size
        else:
            base = -(-behind // size) * size
    if len(found) < number:
        raise data_error(f"Cannot find {number} available network(s) in this network container.")
    return found


def _spans(excluded: Any, family: Family) -> list[Span]:
    try:
        return spans_of(excluded, family)
    except (TypeError, ValueError):
        raise invalid_value("exclude", excluded) from None


def _check_overlap(state: State, kind: str, view: GridObject, cidr: Cidr) -> None:
    store, family = state.store, cidr.family
    for other in (*store.in_view(family.network, view.view), *store.in_view(family.container, view.view)):
        block = cidr_of(other)
        nests = other.kind == family.container and block.covers(cidr)
        nests = nests or (kind == family.container and cidr.covers(block))
        if block == cidr:
            raise conflict(f"The network {cidr} already exists.  Select another network.")
        if block.overlaps(cidr) and not nests:
            raise conflict(
                f"The network {cidr} overlaps the {other.kind} {block} in the network view {view.fields['name']}."
            )


def _container(state: State, view: GridObject, cidr: Cidr) -> str:
    listed = [cidr_of(outer) for outer in state.store.in_view(cidr.family.container, view.view)]
    outside = [outer for outer in listed if outer.covers(cidr) and outer != cidr]
    return str(max(outside, key=lambda outer: outer.prefix)) if outside else "/"


def _refile(state: State, view: GridObject, changed: Cidr) -> None:
    for kind in (changed.family.network, changed.family.container):
        for inner in state.store.in_view(kind, view.view):
            if changed.covers(cidr_of(inner)) and cidr_of(inner) != changed:
                container = _container(state, view, cidr_of(inner))
                fields = {**inner.fields, "network_container": container}
                state.store.put(dataclasses.replace(inner, fields=fields))
