"""The rules for values of extensible attributes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridsim.database.family import FAMILIES
from gridsim.database.references import named_key
from gridsim.database.refusals import Refusal, conflict, data_error, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject

TEXT_MAX = 256
REQUIRED_OF_CLOUD = ("Tenant ID", "Cloud API Owned", "CMP Type")
OBJECT_TYPE_NAMES = {
    "networkview": "NetworkView",
    "networkcontainer": "NetworkContainer",
    "ipv6networkcontainer": "IPv6NetworkContainer",
    "network": "Network",
    "ipv6network": "IPv6Network",
    "range": "DhcpRange",
    "ipv6range": "IPv6DhcpRange",
    "fixedaddress": "FixedAddress",
    "ipv6fixedaddress": "IPv6FixedAddress",
    "record:host": "HostRecord",
    "view": "DnsView",
    "zone_auth": "DnsZone",
}
"""The types that carry attributes, as `allowed_object_types` of a definition calls them."""
_NETWORK_KINDS = frozenset(kind for family in FAMILIES for kind in (family.network, family.container))
_NETWORKS_ONLY = frozenset({"Is External", "Is Shared"})


def definition(state: State, name: str) -> GridObject:
    """Return the definition of an attribute.

    Raises Refusal (400) when nobody has defined it.
    """
    found = state.store.get("extensibleattributedef", named_key("extensibleattributedef", name))
    if found is None:
        raise protocol_error(f"Unknown extensible attribute: {name}")
    return found


def merged(state: State, kind: str, current: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object's attributes after a write.

    `extattrs` in the data replaces the whole map, `extattrs+` adds or changes, `extattrs-` takes away.
    Raises Refusal for an unknown attribute, a bad value, or one that the user may not write.
    """
    after = dict(current)
    if "extattrs" in data:
        after = _unwrapped(state, kind, data["extattrs"], "extattrs")
    if "extattrs+" in data:
        after.update(_unwrapped(state, kind, data["extattrs+"], "extattrs+"))
    if "extattrs-" in data:
        for name in _mapping(data["extattrs-"], "extattrs-"):
            definition(state, name)
            after.pop(name, None)
    for name in after.keys() | current.keys():
        if after.get(name) != current.get(name):
            _check_writable(state, name)
    if state.is_cloud_user:
        _check_cloud(after)
    return after


def wrapped(extattrs: Mapping[str, Any]) -> dict[str, Any]:
    """Return attributes as they travel."""
    return {name: {"value": value} for name, value in extattrs.items()}


def _mapping(value: Any, field: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise protocol_error(f"Invalid value for {field}: an object is expected")
    return value


def _unwrapped(state: State, kind: str, value: Any, field: str) -> dict[str, Any]:
    return {name: _value(state, kind, name, inner) for name, inner in _mapping(value, field).items()}


def _value(state: State, kind: str, name: str, inner: Any) -> Any:
    described = definition(state, name).fields
    if not isinstance(inner, dict) or "value" not in inner:
        raise protocol_error(f"Invalid value for extattrs: '{name}' needs a value")
    allowed = described.get("allowed_object_types")
    if (name in _NETWORKS_ONLY and kind not in _NETWORK_KINDS) or (
        allowed and OBJECT_TYPE_NAMES[kind] not in allowed
    ):
        raise conflict(f"Extensible attribute '{name}' is not allowed for this operation")
    value = inner["value"]
    if isinstance(value, list):
        if "V" not in described.get("flags", "") or not value:
            raise data_error(f"The extensible attribute '{name}' does not allow multiple values.")
        return [_single(described, name, item) for item in value]
    return _single(described, name, value)


def _single(described: Mapping[str, Any], name: str, value: Any) -> Any:
    match described["type"]:
        case "INTEGER":
            return _integer(described, name, value)
        case "ENUM":
            listed = [entry["value"] for entry in described["list_values"]]
            if value not in listed:
                raise _bad(name, value)
            return value
    if not isinstance(value, str) or not value or value != value.strip():
        raise _bad(name, value)
    if len(value) > described.get("max", TEXT_MAX):
        raise _bad(name, value)
    return value


def _integer(described: Mapping[str, Any], name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise _bad(name, value)
    try:
        number = int(value)
    except ValueError:
        raise _bad(name, value) from None
    if not described.get("min", number) <= number <= described.get("max", number):
        raise _bad(name, value)
    return number


def _bad(name: str, value: Any) -> Refusal:
    return data_error(f"Invalid value for the extensible attribute '{name}': {value!r}")


def _check_writable(state: State, name: str) -> None:
    if not state.has_cna:
        return
    flags = definition(state, name).fields.get("flags", "")
    is_cloud_only = "C" in flags and "R" not in flags
    if is_cloud_only != state.is_cloud_user:
        raise conflict(f"Extensible attribute '{name}' is not allowed for this operation")


def _check_cloud(extattrs: Mapping[str, Any]) -> None:
    missing = [name for name in REQUIRED_OF_CLOUD if name not in extattrs]
    if missing:
        raise conflict(f"Required extensible attribute missing for a cloud object: {', '.join(missing)}")
