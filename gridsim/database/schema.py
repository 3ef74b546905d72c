"""The words in which object types are described.

Supports letters: r read, w write at creation, u update, s search. `modifiers` are the search operators that a
field takes: `=` equal, `:` ignoring case, `~` regular expression, `<`, `>`, `!` negation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

VERSIONS = (
    *("1.0", "1.1", "1.7.5", "2.0", "2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.7", "2.8", "2.9"),
    *("2.9.7", "2.10", "2.10.5", "2.11", "2.12", "2.12.3"),
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field of an object type."""

    name: str
    supports: str
    modifiers: str = ""
    is_base: bool = False
    wapi_type: str = "string"
    default: Any = None


@dataclass(frozen=True, slots=True)
class ObjectType:
    """One object type: its fields, what may be done with it (c create, u update, d delete)."""

    name: str
    fields: tuple[Field, ...]
    operations: str = ""

    def field(self, name: str) -> Field | None:
        """Return the field of that name."""
        return next((field for field in self.fields if field.name == name), None)

    @property
    def base_fields(self) -> tuple[str, ...]:
        """The fields that are returned when nothing is asked for."""
        return tuple(field.name for field in self.fields if field.is_base)

    def as_json(self, version: str) -> dict[str, Any]:
        """Return what `?_schema` of the type answers."""
        allowed = {"c": "create", "u": "update", "d": "delete"}
        return {
            "type": self.name,
            "version": version,
            "fields": [_field_json(field) for field in self.fields],
            "restrictions": [word for letter, word in allowed.items() if letter not in self.operations],
        }


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
