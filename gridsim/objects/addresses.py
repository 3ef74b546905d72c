"""The choice of the next available address.

An address may be named as a function instead of literally: `func:nextavailableip:CIDR[,VIEW]`, a span
`FIRST-LAST[,VIEW]`, the reference of a network or range, or the object form, which alone can exclude addresses.
The lowest free address is offered, or one that looks random, as switched. In a network, everything inside a DHCP
range is passed over.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gridsim.database.family import FAMILIES, Cidr, Family, Span, family_of, format_address, of_either, spans_of
from gridsim.database.object_types import object_type
from gridsim.database.occupancy import NOWHERE, Spans
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
_BY_REFERENCE = tuple(f"{kind}/" for family in FAMILIES for kind in (family.network, family.scope))


@dataclass(frozen=True, slots=True)
class Pool:
    """Where a free address is looked for: a span `within` a network, without what is passed over there."""

    view: int
    network: Cidr
    within: Span
    passed_over: Spans = NOWHERE
    word: str = "network"

    def offers(self, address: int) -> bool:
        """Tell whether the address may be offered if nothing holds it."""
        return self.within[0] <= address <= self.within[1] and self.passed_over.behind(address) is None


def is_function(value: Any) -> bool:
    """Tell whether an address is named by a function."""
    return isinstance(value, dict) or (isinstance(value, str) and value.startswith("func:"))


def resolve(state: State, family: Family, value: Any, data: Mapping[str, Any]) -> tuple[int, int | None]:
    """Return the address that a field names, with the view that a function says, None for a literal.

    `data` is the whole write, in which injected conflicts look for their text. Raises Refusal for a malformed
    value, an unknown pool, an exhausted one, an address of the other family.
    """
    if not is_function(value):
        try:
            return family.parse(value), None
        except ValueError:
            raise invalid_value(family.address, value) from None
    pool = (
        _pool_of_object(state, family, value) if isinstance(value, dict) else _pool_of_text(state, family, value)
    )
    if pool.network.family is not family:
        raise invalid_value(family.address, value)
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
    """Return free addresses of a pool: the lowest ones, or some, as switched.

    Raises Refusal (400) when there are not that many.
    """
    found = _free(state, pool, number)
    if state.unseen:
        earlier = {address for view, address in state.unseen if view == pool.view and pool.offers(address)}
        found = sorted(earlier.union(found))[:number]
    if len(found) < number:
        raise data_error(f"Cannot find {number} available IP address(es) in this {pool.word}.")
    return found


def _free(state: State, pool: Pool, number: int) -> list[int]:
    occupancy = state.store.occupancy
    if state.faults.next_available == "lowest":
        return occupancy.lowest_free(pool.view, pool.network, pool.within, pool.passed_over, number)
    state.draws += 1
    drawn = int.from_bytes(hashlib.sha256(f"{pool.network} {state.draws}".encode()).digest(), "big")
    start = pool.within[0] + drawn % (pool.within[1] - pool.within[0] + 1)
    return occupancy.free_from(pool.view, pool.network, pool.within, pool.passed_over, number, start)


def pool_of(state: State, thing: GridObject, exclude: Iterable[Span] = ()) -> Pool:
    """Return the pool that a network or a range is.

    Raises Refusal (400) for any other object.
    """
    within = (thing.first, thing.last)
    if any(thing.kind == family.network for family in FAMILIES):
        ranges = state.store.in_network(family_of(thing.first).scope, thing)
        passed_over = _spans([*((scope.first, scope.last) for scope in ranges), *exclude])
        return Pool(thing.view, cidr_of(thing), within, passed_over)
    network = state.store.network_at(thing.view, thing.first)
    if network is None or thing.kind != family_of(thing.first).scope:
        raise protocol_error(f"Function next_available_ip is not supported by {thing.kind}")
    return Pool(thing.view, cidr_of(network), within, _spans([*_exclusions(thing), *exclude]), "range")


def _spans(spans: list[Span]) -> Spans:
    return Spans(spans) if spans else NOWHERE


def function_reply(state: State, thing: GridObject, body: Any) -> dict[str, list[str]]:
    """Return what the function `next_available_ip` of a network or range answers; it reserves nothing."""
    wanted = body if isinstance(body, dict) else {}
    pool = pool_of(state, thing, _excluded(thing, wanted))
    return {"ips": [format_address(found) for found in next_available(state, pool, _number(wanted))]}


def _exclusions(scope: GridObject) -> list[Span]:
    listed = scope.fields.get("exclude", [])
    return [(of_either(each["start_address"]), of_either(each["end_address"])) for each in listed]


def _pool_of_text(state: State, family: Family, value: str) -> Pool:
    if not value.startswith(FUNCTION):
        raise invalid_value(family.address, value)
    where, _, view_name = value[len(FUNCTION) :].partition(",")
    if where.startswith(_BY_REFERENCE):
        return pool_of(state, _by_reference(state, where + ("," + view_name if view_name else "")))
    view = state.store.view_named(view_name) if view_name else state.store.default_view()
    if view is None:
        raise unknown_view(view_name)
    if "-" in where:
        return _span(state, family, view, where)
    try:
        cidr = family.parse_block(where)
    except ValueError:
        raise invalid_value(family.address, value) from None
    network = state.store.get(family.network, block_key(family.network, cidr, view.view))
    if network is None:
        raise missing_parent()
    return pool_of(state, network)


def _span(state: State, family: Family, view: GridObject, where: str) -> Pool:
    try:
        ((first, last),) = spans_of([where], family)
    except ValueError:
        raise invalid_value(family.address, where) from None
    network = state.store.network_at(view.view, first)
    if network is None or not first <= last <= network.last:
        raise missing_parent()
    inner = [scope for scope in state.store.in_network(family.scope, network) if scope.first <= last]
    passed_over = _spans([out for scope in inner if scope.last >= first for out in _exclusions(scope)])
    return Pool(view.view, cidr_of(network), (first, last), passed_over, "range")


def _pool_of_object(state: State, family: Family, value: Mapping[str, Any]) -> Pool:
    if value.get("_object_function") != "next_available_ip" or value.get("_result_field", "ips") != "ips":
        raise invalid_value(family.address, value)
    parameters = value.get("_parameters", {})
    if not isinstance(parameters, dict) or _number(parameters) != 1:
        raise invalid_value("_parameters", parameters)
    thing = object_named(state, value)
    return pool_of(state, thing, _excluded(thing, parameters))


def object_named(state: State, value: Mapping[str, Any]) -> GridObject:
    """Return the object whose function a value in object form calls: by reference, or the first hit of a search.

    Raises Refusal for an unknown reference, a search without hit, malformed parameters.
    """
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


def _excluded(thing: GridObject, parameters: Mapping[str, Any]) -> list[Span]:
    listed = parameters.get("exclude", [])
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field exclude")
    try:
        return spans_of(listed, family_of(thing.first))
    except ValueError:
        raise invalid_value("exclude", listed) from None
