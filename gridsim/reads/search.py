"""The search for objects by conditions on fields or extensible attributes.

Hits come in an order that is fixed but unrelated to the time of creation, so that nobody relies on one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import FAMILIES, IPV4, ROWS, canonical, of_either
from gridsim.database.macs import normalised, normalised_duid
from gridsim.database.refusals import invalid_value, protocol_error, unknown_field, unknown_view
from gridsim.database.schema import ObjectType
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.reads import pool_view

_SUFFIXES = "!:~<>"
_COMBINED = frozenset({"", "!", ":", "~", "<", ">", "!:", "!~"})

_ADDRESS_FIELDS = (
    *(family.address for family in FAMILIES),
    *("network", "network_container", "ip_address", "start_addr", "end_addr"),
)
_SPELLINGS: Mapping[str, Callable[[Any], str | None]] = {
    "mac": normalised,
    "mac_address": normalised,
    "duid": normalised_duid,
    **dict.fromkeys(_ADDRESS_FIELDS, canonical),
}
"""What makes one text of all that mean the same; such fields are searched by value."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition: field, or `*NAME` for an attribute; operator characters; value searched for."""

    name: str
    operator: str
    value: Any
    pattern: re.Pattern[str] | None = None
    inside: int | None = None
    """The address that a block has to contain, where a network is searched by one."""

    def holds(self, thing: GridObject) -> bool:
        """Tell whether an object meets the condition; an absent value meets only a negation."""
        if self.inside is not None:
            return thing.first <= self.inside <= thing.last
        is_attribute = self.name.startswith("*")
        found = thing.extattrs.get(self.name[1:]) if is_attribute else thing.fields.get(self.name)
        values = found if isinstance(found, list) else [] if found is None else [found]
        hit = any(self._matches(_text(value)) for value in values)
        return hit != self.operator.startswith("!")

    def _matches(self, text: str) -> bool:
        wanted = _text(self.value)
        match self.operator.lstrip("!"):
            case "~":
                return self.pattern is not None and self.pattern.search(text) is not None
            case ":":
                return text.casefold() == wanted.casefold()
            case "<":
                return _ordinal(text) <= _ordinal(wanted)
            case ">":
                return _ordinal(text) >= _ordinal(wanted)
        return text == wanted


def conditions(state: State, kind: ObjectType, pairs: Iterable[tuple[str, Any]]) -> list[Condition]:
    """Return the conditions that search arguments stand for.

    Raises Refusal (400) for an unknown or unsearchable field, an operator that the field does not take, an
    attribute that nobody has defined, or a bad pattern.
    """
    return [_condition(state, kind, name, value) for name, value in pairs]


def _condition(state: State, kind: ObjectType, argument: str, value: Any) -> Condition:
    name = argument.rstrip(_SUFFIXES)
    operator = argument[len(name) :]
    if operator not in _COMBINED:
        raise unknown_field(argument)
    if name.startswith("*"):
        attributes.definition(state, name[1:])
    else:
        _check_searchable(kind, name, operator)
    if isinstance(value, dict | list) or value is None:
        raise invalid_value(name, value)
    if (kind.name, name) == (IPV4.network, IPV4.address):
        return Condition(name, operator, value, inside=_address(name, value))
    spelling = _SPELLINGS.get(name)
    if spelling is not None and isinstance(value, str) and "~" not in operator:
        value = spelling(value) or value
    return Condition(name, operator, value, _pattern(name, value) if "~" in operator else None)


def _address(name: str, value: Any) -> int:
    try:
        return IPV4.parse(value)
    except ValueError:
        raise invalid_value(name, value) from None


def _check_searchable(kind: ObjectType, name: str, operator: str) -> None:
    field = kind.field(name)
    if field is None:
        raise unknown_field(name)
    if "s" not in field.supports or any(letter not in field.modifiers for letter in operator or "="):
        raise protocol_error(f"Field is not searchable: {name}")


def _pattern(name: str, value: Any) -> re.Pattern[str]:
    try:
        return re.compile(str(value))
    except re.error:
        raise invalid_value(name, value) from None


def find(state: State, kind: ObjectType, wanted: list[Condition]) -> list[GridObject]:
    """Return the objects that meet all conditions.

    Raises Refusal for a search in an unknown view, where that reading is switched on.
    """
    if state.faults.invisible == kind.name:
        return []
    for condition in wanted:
        if condition.name == "network_view" and condition.operator == "":
            if state.store.view_named(condition.value) is not None:
                continue
            if state.faults.unknown_view_search == "error":
                raise unknown_view(condition.value)
            return []
    hits = [thing for thing in _candidates(state, kind, wanted) if all(item.holds(thing) for item in wanted)]
    return sorted(hits, key=lambda thing: (thing.rank, thing.key))


def _candidates(state: State, kind: ObjectType, wanted: list[Condition]) -> Iterable[GridObject]:
    if kind.name in ROWS:
        exact = {condition.name: condition.value for condition in wanted if condition.operator == ""}
        return pool_view.addresses(state, kind.name, exact)
    store = state.store
    indexed = [
        condition
        for condition in wanted
        if condition.operator == "" and store.is_indexed(kind.name, condition.name, condition.value)
    ]
    if not indexed:
        return list(store.of_kind(kind.name))
    best = min(indexed, key=lambda item: store.bucket_size(kind.name, item.name, item.value))
    return store.found_by(kind.name, best.name, best.value)


def limited(hits: list[GridObject], results_max: int) -> list[GridObject]:
    """Apply `_max_results`: a positive one cuts silently, a negative one refuses more hits than that.

    Raises Refusal (400) when there are too many.
    """
    if results_max > 0:
        return hits[:results_max]
    if len(hits) > -results_max:
        raise protocol_error(f"Result set too large (> {-results_max})")
    return hits


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _ordinal(text: str) -> tuple[int, float, str]:
    try:
        return 0, of_either(text), ""
    except ValueError:
        pass
    try:
        return 1, float(text), ""
    except ValueError:
        return 2, 0.0, text
