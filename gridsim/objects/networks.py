"""The writes of networks or network containers."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.ipv4 import Cidr, parse_cidr
from gridsim.database.references import block_key
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
    view = view_of(state, data)
    cidr = _block(state, view, data["network"])
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
    key, title = block_key(kind, cidr, view.view), f"{cidr}/{view.fields['name']}"
    made = GridObject(kind, key, title, view.view, fields, extattrs, cidr.base, cidr.last)
    state.store.put(made)
    if kind == "networkcontainer":
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
    for kind in ("fixedaddress", "range"):
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


def _block(state: State, view: GridObject, value: Any) -> Cidr:
    if isinstance(value, str) and value.startswith(NEXT_NETWORK):
        return _next_network(state, view, value)
    try:
        return parse_cidr(value)
    except ValueError:
        raise invalid_value("network", value) from None


def _next_network(state: State, view: GridObject, value: str) -> Cidr:
    parts = value[len(NEXT_NETWORK) :].split(",")
    try:
        outer, prefix = parse_cidr(parts[0]), int(parts[-1])
    except ValueError:
        raise invalid_value("network", value) from None
    if len(parts) not in (2, 3) or not outer.prefix < prefix <= 32:
        raise invalid_value("network", value)
    used = [cidr_of(network) for network in state.store.in_view("network", view.view)]
    for base in range(outer.base, outer.last + 1, 1 << (32 - prefix)):
        wanted = Cidr(base, prefix)
        if not any(wanted.overlaps(other) for other in used):
            return wanted
    raise data_error("Cannot find 1 available network(s) in this network container.")


def _check_overlap(state: State, kind: str, view: GridObject, cidr: Cidr) -> None:
    store = state.store
    for other in (*store.in_view("network", view.view), *store.in_view("networkcontainer", view.view)):
        block = cidr_of(other)
        nests = other.kind == "networkcontainer" and block.covers(cidr)
        nests = nests or (kind == "networkcontainer" and cidr.covers(block))
        if block == cidr:
            raise conflict(f"The network {cidr} already exists.  Select another network.")
        if block.overlaps(cidr) and not nests:
            raise conflict(
                f"The network {cidr} overlaps the {other.kind} {block} in the network view {view.fields['name']}."
            )


def _container(state: State, view: GridObject, cidr: Cidr) -> str:
    listed = [cidr_of(outer) for outer in state.store.in_view("networkcontainer", view.view)]
    outside = [outer for outer in listed if outer.covers(cidr) and outer != cidr]
    return str(max(outside, key=lambda outer: outer.prefix)) if outside else "/"


def _refile(state: State, view: GridObject, changed: Cidr) -> None:
    for kind in ("network", "networkcontainer"):
        for inner in state.store.in_view(kind, view.view):
            if changed.covers(cidr_of(inner)) and cidr_of(inner) != changed:
                container = _container(state, view, cidr_of(inner))
                fields = {**inner.fields, "network_container": container}
                state.store.put(dataclasses.replace(inner, fields=fields))
