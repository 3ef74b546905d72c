"""The nine extensible attributes that our objects bear: their names on a cloud-licensed grid, their types."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

TYPES: Final[Mapping[str, str]] = {
    "Allocation ID": "STRING",
    "Tenant ID": "STRING",
    "CMP Type": "STRING",
    "Cloud API Owned": "ENUM",
    "Location": "STRING",
    "VM ID": "STRING",
    "VM Name": "STRING",
    "Interface Name": "STRING",
    "Network Name": "STRING",
}
"""Each attribute by the name that a cloud-licensed grid predefines, with its type."""

ENUM_VALUES: Final = ("True", "False")


NAME_LENGTH_MAX: Final = 128
"""Of an attribute's name, as the grid takes it."""


def renamed(texts: Iterable[str]) -> dict[str, str]:
    """What each of the nine is called on a grid where some are called otherwise; each text is `NAME=OTHER`.

    Raises ValueError for a text of another form, for a name that is none of the nine or given twice, and for two
    attributes with one name.
    """
    others: dict[str, str] = {}
    for text in texts:
        name, _, other = (part.strip() for part in text.partition("="))
        if not other or len(other) > NAME_LENGTH_MAX:
            raise ValueError(f"{text[:80]!r} must be NAME=OTHER, OTHER of at most {NAME_LENGTH_MAX} characters")
        if name not in TYPES:
            raise ValueError(f"{name[:80]!r} is none of {', '.join(TYPES)}")
        if name in others:
            raise ValueError(f"{name!r} is given twice")
        others[name] = other
    names = {name: others.get(name, name) for name in TYPES}
    if len(set(names.values())) != len(names):
        raise ValueError("two attributes have the same name")
    return names


def misfit(found: Mapping[str, object], kind: str) -> str:
    """Why a definition of the grid does not take our values, as its type in words; empty where it does.

    A plain text takes what we write to a list as well. What the grid does not tell is taken for right.
    """
    there = found.get("type")
    if there is None or there == "STRING":
        return ""
    if there != kind:
        return str(there)
    listed = found.get("list_values")
    values = [each.get("value") for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    return "" if not values or set(values) >= set(ENUM_VALUES[:1]) else f"{there} without {ENUM_VALUES[0]}"


def definition(name: str, kind: str) -> dict[str, object]:
    """The body that defines an attribute for all kinds of object (WAPI: `extensibleattributedef`)."""
    values = {"list_values": [{"value": value} for value in ENUM_VALUES]} if kind == "ENUM" else {}
    return {"name": name, "type": kind, **values}
