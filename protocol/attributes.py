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


def renamed(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """What each of the nine is called on a grid, where some are called otherwise (`--ea NAME=OTHER`).

    Raises ValueError for a name that is none of the nine, and for two attributes with one name.
    """
    names = {name: name for name in TYPES}
    for name, other in pairs:
        if name not in names:
            raise ValueError(f"{name!r} is none of {', '.join(TYPES)}")
        names[name] = other
    if len(set(names.values())) != len(names):
        raise ValueError("two attributes have the same name")
    return names


def definition(name: str, kind: str) -> dict[str, object]:
    """The body that defines an attribute for all kinds of object (WAPI: `extensibleattributedef`)."""
    values = {"list_values": [{"value": value} for value in ENUM_VALUES]} if kind == "ENUM" else {}
    return {"name": name, "type": kind, **values}
