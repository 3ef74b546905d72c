"""The words in which object types are described.

Supports letters: r read, w write at creation, u update, s search. `modifiers` are the search operators that a
field takes: `=` equal, `:` ignoring case, `~` regular expression, `<`, `>`, `!` negation.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

VERSIONS = (
    *("1.0", "1.1", "1.7.5", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9"),
    *("2.9.7", "2.10", "2.10.5", "2.11", "2.12", "2.12.3", "2.13", "2.13.6", "2.14"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object type; `since` is the version of the WAPI that brought it, where it matters."""

    name: str
    supports: str
    modifiers: str = ""
    is_base: bool = False
    wapi_type: str = "string"
    default: Any = None
    since: str = ""


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object type: its fields, what may be done with it (c create, u update, d delete)."""

    name: str
    fields: tuple[Field, ...]
    operations: str = ""
    by_name: Mapping[str, Field] = dataclasses.field(init=False, repr=False, compare=False)
    base_fields: tuple[str, ...] = dataclasses.field(init=False, repr=False, compare=False)
    """The fields that are returned when nothing is asked for."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "by_name", {field.name: field for field in self.fields})
        object.__setattr__(self, "base_fields", tuple(field.name for field in self.fields if field.is_base))

    def field(self, name: str) -> Field | None:
        """Return the field of that name."""
        return self.by_name.get(name)

    def in_version(self, version: str) -> ObjectType:
        """Return the type as that version of the WAPI knows it."""
        known = tuple(field for field in self.fields if _numbers(field.since) <= _numbers(version))
        return dataclasses.replace(self, fields=known)

    def as_json(self, version: str) -> dict[str, Any]:
        """Return what `?_schema` of the type answers."""
        allowed = {"c": "create", "u": "update", "d": "delete"}
        return {
            "type": self.name,
            "version": version,
            "fields": [_field_json(field) for field in self.fields],
            "restrictions": [word for letter, word in allowed.items() if letter not in self.operations],
        }


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if version else ()


def _field_json(field: Field) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "name": field.name,
        "type": [field.wapi_type],
        "supports": field.supports,
        "is_array": field.wapi_type.endswith("[]"),
        "standard_field": field.is_base,
    }
    if field.modifiers:
        shown["searchable_by"] = field.modifiers
    return shown
