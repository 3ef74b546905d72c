"""The JSON form of objects, cut to the fields that a call asks for."""

from __future__ import annotations

from typing import Any

from gridsim.database.attributes import wrapped
from gridsim.database.object_types import readable_fields
from gridsim.database.schema import ObjectType
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject
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
    if name == "extattrs":
        return wrapped(thing.extattrs)
    if name == "total_hosts":
        return len(state.store.in_network("fixedaddress", thing))
    if name == "utilization":
        return _utilization(state, thing)
    value = thing.fields.get(name)
    if thing.kind == "fixedaddress" and name == "mac" and thing.fields["match_client"] == "RESERVED":
        return ZERO_MAC if state.faults.reservation_mac == "zeros" else None
    if value is None:
        described = kind.field(name)
        return described.default if described else None
    return value


def _utilization(state: State, thing: GridObject) -> int:
    """Return the share of a network's addresses that are in use, in thousandths; a DHCP range is so as a whole."""
    ranges = [(each.first, each.last) for each in state.store.in_network("range", thing)]
    taken = state.store.occupancy.count_between(thing.view, thing.first, thing.last, ranges)
    in_ranges = sum(last - first + 1 for first, last in ranges)
    return 1000 * (taken + in_ranges) // (thing.last - thing.first + 1)
