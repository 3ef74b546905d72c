"""The writes of networks or network containers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import Cidr, Family, family_of, family_of_kind
from gridsim.database.references import block_key, title_of
from gridsim.database.refusals import conflict, data_error, invalid_value
from gridsim.database.state import State
from gridsim.database.store import GridObject, cidr_of
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
    return next_network(state, view.view, outer, prefix)


def next_network(state: State, view: int, outer: Cidr, prefix: int) -> Cidr:
    """Return the lowest block of that prefix length inside another in which there is no network yet.

    Raises Refusal (400) when there is none. What it costs depends on the networks there are, not on the room.
    """
    size = 1 << (outer.family.bits - prefix)
    base = outer.base
    for used in sorted(cidr_of(network) for network in state.store.in_view(outer.family.network, view)):
        if base + size <= used.base:
            break
        base = max(base, -(-(used.last + 1) // size) * size)
    if base + size - 1 > outer.last:
        raise data_error("Cannot find 1 available network(s) in this network container.")
    return Cidr(base, prefix)


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
