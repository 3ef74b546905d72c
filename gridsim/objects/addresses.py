"""The choice of the next available address.

An address may be named as a function instead of literally: `func:nextavailableip:CIDR[,VIEW]`, a span
`FIRST-LAST[,VIEW]`, the reference of a network or range, or the object form, which alone can exclude addresses.
The lowest free address is offered. In a network, everything inside a DHCP range is passed over.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridsim.database.ipv4 import Cidr, format_address, parse_address, parse_cidr
from gridsim.database.object_types import object_type
from gridsim.database.occupancy import Span
from gridsim.database.references import block_key, parse_reference
from gridsim.database.refusals import (
    Refusal,
    conflict,
    data_error,
    invalid_value,
    missing_parent,
    not_found,
    protocol_error,
    unknown_view,
)
from gridsim.database.state import State
from gridsim.database.store import GridObject, cidr_of
from gridsim.reads import search

FUNCTION = "func:nextavailableip:"
NUMBER_MAX = 20


@dataclass(frozen=True, slots=True)
class Pool:
    """Where a free address is looked for: a network, or a span of addresses inside one."""

    view: int
    network: Cidr | None
    span: Span
    barred: tuple[Span, ...] = ()
    exclude: frozenset[int] = field(default_factory=frozenset)


def is_function(value: Any) -> bool:
    """Tell whether an address is named by a function."""
    return isinstance(value, dict) or (isinstance(value, str) and value.startswith("func:"))


def resolve(state: State, value: Any, data: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return the address that a field names, with the view that a function says, None for a literal.

    `data` is the whole write, in which injected conflicts look for their text. Raises Refusal for a malformed
    value, an unknown pool, an exhausted one.
    """
    if not is_function(value):
        try:
            return parse_address(value), None
        except ValueError:
            raise invalid_value("ipv4addr", value) from None
    pool = _pool_of_object(state, value) if isinstance(value, dict) else _pool_of_text(state, value)
    address = next_available(state, pool, 1)[0]
    if state.faults.is_set("func_conflicts") and state.faults.hits("func_conflicts", json.dumps(data)):
        state.faults = state.faults.spent("func_conflicts")
        raise address_in_use(address)
    if state.unseen is not None:
        state.unseen.add((pool.view, address))
    return address, pool.view


def address_in_use(address: int) -> Refusal:
    """Return the refusal of a second holder of an address."""
    shown = format_address(address)
    return conflict(f"Duplicate object '{shown}' of type 'fixed_address' already exists in the database.")


def next_available(state: State, pool: Pool, number: int) -> list[int]:
    """Return free addresses of a pool, lowest first.

    Raises Refusal (400) when there are not that many.
    """
    found = _lowest_free(state, pool, number)
    if state.unseen:
        earlier = {
            address
            for view, address in state.unseen
            if view == pool.view and pool.span[0] <= address <= pool.span[1] and address not in pool.exclude
        }
        found = sorted(earlier.union(found))[:number]
    if len(found) < number:
        where = "network" if pool.network is not None else "range"
        raise data_error(f"Cannot find {number} available IP address(es) in this {where}.")
    return found


def _lowest_free(state: State, pool: Pool, number: int) -> list[int]:
    occupancy = state.store.occupancy
    if pool.network is not None:
        return occupancy.lowest_free(pool.view, pool.network, pool.barred, pool.exclude, number)
    found: list[int] = []
    for address in range(pool.span[0], pool.span[1] + 1):
        if len(found) == number:
            break
        is_barred = any(first <= address <= last for first, last in pool.barred)
        if not is_barred and address not in pool.exclude and not occupancy.is_taken(pool.view, address):
            found.append(address)
    return found


def pool_of(state: State, thing: GridObject, exclude: Collection[int] = ()) -> Pool:
    """Return the pool that a network or a range is.

    Raises Refusal (400) for any other object.
    """
    span = (thing.first, thing.last)
    if thing.kind == "network":
        ranges = tuple((scope.first, scope.last) for scope in state.store.in_network("range", thing))
        return Pool(thing.view, cidr_of(thing), span, tuple(sorted(ranges)), frozenset(exclude))
    if thing.kind == "range":
        return Pool(thing.view, None, span, _exclusions(thing), frozenset(exclude))
    raise protocol_error(f"Function next_available_ip is not supported by {thing.kind}")


def function_reply(state: State, thing: GridObject, body: Any) -> dict[str, list[str]]:
    """Return what the function `next_available_ip` of a network or range answers; it reserves nothing."""
    wanted = body if isinstance(body, dict) else {}
    pool = pool_of(state, thing, _excluded(wanted))
    return {"ips": [format_address(found) for found in next_available(state, pool, _number(wanted))]}


def _exclusions(scope: GridObject) -> tuple[Span, ...]:
    listed = scope.fields.get("exclude", [])
    return tuple((parse_address(each["start_address"]), parse_address(each["end_address"])) for each in listed)


def _pool_of_text(state: State, value: str) -> Pool:
    if not value.startswith(FUNCTION):
        raise invalid_value("ipv4addr", value)
    where, _, view_name = value[len(FUNCTION) :].partition(",")
    if where.startswith(("network/", "range/")):
        return pool_of(state, _by_reference(state, where + ("," + view_name if view_name else "")))
    view = state.store.view_named(view_name) if view_name else state.store.default_view()
    if view is None:
        raise unknown_view(view_name)
    if "-" in where:
        return _span(state, view, where)
    try:
        cidr = parse_cidr(where)
    except ValueError:
        raise invalid_value("ipv4addr", value) from None
    network = state.store.get("network", block_key("network", cidr, view.view))
    if network is None:
        raise missing_parent()
    return pool_of(state, network)


def _span(state: State, view: GridObject, where: str) -> Pool:
    first_text, _, last_text = where.partition("-")
    try:
        first, last = parse_address(first_text), parse_address(last_text)
    except ValueError:
        raise invalid_value("ipv4addr", where) from None
    network = state.store.network_at(view.view, first)
    if network is None or not first <= last <= network.last:
        raise missing_parent()
    cidr = cidr_of(network)
    span = max(first, cidr.first_host), min(last, cidr.last_host)
    inner = [scope for scope in state.store.in_network("range", network) if scope.first <= last]
    barred = tuple(out for scope in inner if scope.last >= first for out in _exclusions(scope))
    return Pool(view.view, None, span, barred)


def _pool_of_object(state: State, value: Mapping[str, Any]) -> Pool:
    if value.get("_object_function") != "next_available_ip" or value.get("_result_field", "ips") != "ips":
        raise invalid_value("ipv4addr", value)
    parameters = value.get("_parameters", {})
    if not isinstance(parameters, dict) or _number(parameters) != 1:
        raise invalid_value("_parameters", parameters)
    return pool_of(state, _object_named(state, value), _excluded(parameters))


def _object_named(state: State, value: Mapping[str, Any]) -> GridObject:
    if "_object_ref" in value:
        return _by_reference(state, str(value["_object_ref"]))
    kind = object_type(str(value.get("_object")))
    parameters = value.get("_object_parameters")
    if not isinstance(parameters, dict):
        raise invalid_value("_object_parameters", parameters)
    hits = search.find(state, kind, search.conditions(state, kind, parameters.items()))
    if not hits:
        raise missing_parent()
    return hits[0]


def _by_reference(state: State, text: str) -> GridObject:
    kind, key = parse_reference(text)
    thing = state.store.get(kind, key)
    if thing is None:
        raise not_found(f"Reference {text} not found")
    return thing


def _number(parameters: Mapping[str, Any]) -> int:
    number = parameters.get("num", 1)
    if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= NUMBER_MAX:
        raise invalid_value("num", number)
    return number


def _excluded(parameters: Mapping[str, Any]) -> list[int]:
    listed = parameters.get("exclude", [])
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field exclude")
    try:
        return [parse_address(text) for text in listed]
    except ValueError:
        raise invalid_value("exclude", listed) from None
