"""The nine extensible attributes that our objects bear, and what each is called on this grid."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocol.attributes import TYPES, renamed

CMP_TYPE_VALUE: Final = "Kubernetes"
CLOUD_API_OWNED_VALUE: Final = "True"


@dataclass(frozen=True)
class AttributeNames:
    """What each of the nine attributes is called on this grid (`--ea NAME=OTHER`)."""

    allocation_id: str = "Allocation ID"
    tenant_id: str = "Tenant ID"
    cmp_type: str = "CMP Type"
    cloud_api_owned: str = "Cloud API Owned"
    location: str = "Location"
    vm_id: str = "VM ID"
    vm_name: str = "VM Name"
    interface_name: str = "Interface Name"
    network_name: str = "Network Name"

    @classmethod
    def renamed(cls, texts: Iterable[str]) -> AttributeNames:
        """With other names for some, each `NAME=OTHER`. Raises ValueError, as `renamed` of the protocol does."""
        return cls(**{name.lower().replace(" ", "_"): other for name, other in renamed(texts).items()})

    def standard_names(self) -> dict[str, str]:
        """The name that `--ea` goes by of each attribute, by its name on this grid."""
        return {getattr(self, name.lower().replace(" ", "_")): name for name in TYPES}

    def types(self) -> dict[str, str]:
        """The type that each attribute must have, by its name on this grid."""
        return {called: TYPES[name] for called, name in self.standard_names().items()}


def read(extattrs: object) -> dict[str, tuple[str, ...]]:
    """The values of an object's attributes by name, as texts. An attribute that allows several has a list."""
    if not isinstance(extattrs, dict):
        return {}
    return {
        str(name): _texts(wrapped.get("value")) for name, wrapped in extattrs.items() if isinstance(wrapped, dict)
    }


def read_first(extattrs: object) -> dict[str, str]:
    """The first value of each of an object's attributes that has one, by name, as text."""
    values: dict[str, str] = {}
    for name, wrapped in extattrs.items() if isinstance(extattrs, dict) else ():
        value = wrapped.get("value") if isinstance(wrapped, dict) else None
        if type(value) is str:  # nearly all are, and a listing reads a million of them
            values[name] = value
        elif texts := _texts(value):
            values[str(name)] = texts[0]
    return values


def write(values: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The shape that the grid wants (WAPI: `extattrs`). An empty text is left out, since some grids refuse it."""
    return {name: {"value": value} for name, value in values.items() if value}


def _texts(value: Any) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    return tuple(str(each) for each in values if each is not None)
