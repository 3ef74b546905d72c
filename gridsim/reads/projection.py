"""The JSON form of objects, cut to the fields that a call asks for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from gridsim.database.attributes import wrapped
from gridsim.database.family import family_of
from gridsim.database.object_types import readable_fields
from gridsim.database.occupancy import Spans
from gridsim.database.schema import ObjectType
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.reads.arguments import Arguments


def chosen_fields(kind: ObjectType, arguments: Arguments) -> tuple[str, ...]:
    """Return the fields that a call wants back.

    Raises Refusal (400) for a field that does not exist or cannot be read.
    """
    if arguments.return_fields is not None:
        return readable_fields(kind, arguments.return_fields)
    more = readable_fields(kind, arguments.more_fields or ())
    return tuple(dict.fromkeys((*kind.base_fields, *more)))


def shown(state: State, kind: ObjectType, thing: GridObject, names: tuple[str, ...]) -> dict[str, Any]:
    """Return an object with its reference plus the named fields; absent values are left out."""
    answer: dict[str, Any] = {"_ref": thing.ref}
    for name in names:
        field, _, part = name.partition(".")
        value = _value(state, kind, thing, field)
        if value is None:
            continue
        if part:
            if isinstance(value, dict) and part in value:
                answer.setdefault(field, {})[part] = value[part]
            continue
        answer[field] = value
    return answer


def all_fields(kind: ObjectType) -> tuple[str, ...]:
    """Return every readable field of a type."""
    return tuple(field.name for field in kind.fields if "r" in field.supports)


def _value(state: State, kind: ObjectType, thing: GridObject, name: str) -> Any:
    computed = _COMPUTED.get(name)
    if computed is not None:
        return computed(state, thing)
    value = thing.fields.get(name)
    if value is None:
        described = kind.field(name)
        return described.default if described else None
    return value


def _extattrs(state: State, thing: GridObject) -> dict[str, Any]:
    return wrapped(thing.extattrs)


def _total_hosts(state: State, network: GridObject) -> int:
    return len(state.store.in_network(family_of(network.first).fixed, network))


def _mac(state: State, thing: GridObject) -> Any:
    if thing.fields.get("match_client") == "RESERVED" and state.faults.reservation_mac == "absent":
        return None
    return thing.fields.get("mac")


def _utilization(state: State, thing: GridObject) -> int:
    """Return the share of a block that is in use, in thousandths.

    In a network, addresses are, and a DHCP range is so as a whole; in a container, networks are.
    """
    family, size = family_of(thing.first), thing.last - thing.first + 1
    if thing.kind == family.container:
        inside = state.store.in_view(family.network, thing.view)
        used = Spans((each.first, each.last) for each in inside if thing.first <= each.first <= thing.last)
        return 1000 * used.size() // size
    ranges = Spans((each.first, each.last) for each in state.store.in_network(family.scope, thing))
    taken = state.store.occupancy.between(thing.view, thing.first, thing.last)
    return 1000 * (ranges.size() + sum(ranges.behind(address) is None for address in taken)) // size


_COMPUTED: dict[str, Callable[[State, GridObject], Any]] = {
    "extattrs": _extattrs,
    "total_hosts": _total_hosts,
    "utilization": _utilization,
    "mac": _mac,
}
