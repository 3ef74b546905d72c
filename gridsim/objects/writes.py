"""The writes of all object types: which there are, what they need, who may make them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from gridsim.database.family import FAMILIES, FIXED, IPV4, IPV6, Family, canonical
from gridsim.database.object_types import CLOUD_READ_ONLY
from gridsim.database.refusals import (
    conflict,
    missing_parent,
    operation_not_allowed,
    protocol_error,
    unknown_field,
)
from gridsim.database.schema import Field, ObjectType
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects import definitions, dns, fixed_addresses, hosts, networks, ranges, views

_Create = Callable[[State, Mapping[str, Any]], GridObject]
_Update = Callable[[State, GridObject, Mapping[str, Any]], GridObject]
_Delete = Callable[[State, GridObject], None]


def _remove(state: State, thing: GridObject) -> None:
    state.store.remove(thing)


def _of_family(family: Family) -> dict[str, _Create]:
    return {
        family.network: lambda state, data: networks.create_block(state, family.network, data),
        family.container: lambda state, data: networks.create_block(state, family.container, data),
        family.scope: lambda state, data: ranges.create_range(state, family, data),
        family.fixed: lambda state, data: fixed_addresses.create(state, family, data),
    }


_CREATE: dict[str, _Create] = {
    "networkview": views.create_view,
    **_of_family(IPV4),
    **_of_family(IPV6),
    "record:host": hosts.create,
    dns.ZONE: dns.create_zone,
    "extensibleattributedef": definitions.create,
}
_UPDATE: dict[str, _Update] = {
    "networkview": views.update_view,
    **{family.network: networks.update_block for family in FAMILIES},
    **{family.container: networks.update_block for family in FAMILIES},
    **{family.scope: ranges.update_range for family in FAMILIES},
    **{family.fixed: fixed_addresses.update for family in FAMILIES},
    "record:host": hosts.update,
    dns.ZONE: dns.update,
    dns.VIEW: dns.update,
    "extensibleattributedef": definitions.update,
}
_DELETE: dict[str, _Delete] = {
    "networkview": views.delete_view,
    **{family.network: networks.delete_network for family in FAMILIES},
    **{family.container: networks.delete_container for family in FAMILIES},
    **{family.scope: _remove for family in FAMILIES},
    **{family.fixed: _remove for family in FAMILIES},
    "record:host": _remove,
    dns.ZONE: dns.delete_zone,
    "extensibleattributedef": definitions.delete,
}
_REQUIRED = {
    "networkview": ("name",),
    **{family.network: ("network",) for family in FAMILIES},
    **{family.container: ("network",) for family in FAMILIES},
    IPV4.scope: ("start_addr", "end_addr"),
    IPV6.scope: ("start_addr", "end_addr", "network"),
    **{family.fixed: (family.address,) for family in FAMILIES},
    "record:host": ("name",),
    dns.ZONE: ("fqdn",),
    "extensibleattributedef": ("name", "type"),
}
_FUNCTIONS = frozenset({"network", *(family.address for family in FAMILIES)})
"""Fields that take an object, too, which calls a function."""
_EXPECTED: dict[str, type] = {"bool": bool, "uint": int}


def create(state: State, kind: ObjectType, data: Mapping[str, Any]) -> GridObject:
    """Create an object; returns it. Raises Refusal when the grid will not have it."""
    make = _CREATE.get(kind.name)
    if make is None or _is_forbidden_to_cloud(state, kind):
        raise operation_not_allowed("create", kind.name)
    _check_permission(state, kind, "create")
    for name in data:
        _check_field(kind, name, data[name], "w", f"Field is not writable: {name}")
    for name in _REQUIRED[kind.name]:
        if name not in data:
            raise protocol_error(f"field for create missing: {name}")
    return make(state, data)


def update(state: State, kind: ObjectType, thing: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change an object; returns it as it is now. Raises Refusal when the grid will not have it."""
    change = _UPDATE.get(kind.name)
    if change is None or _is_forbidden_to_cloud(state, kind):
        raise operation_not_allowed("update", kind.name)
    _check_permission(state, kind, "modify")
    for name in data:
        letter = "r" if _is_unchanged(thing, name, data[name]) else "u"
        _check_field(kind, name, data[name], letter, f"Field is not allowed for update: {name}")
    return change(state, thing, data)


def _is_unchanged(thing: GridObject, name: str, value: Any) -> bool:
    filed = thing.fields.get(name)
    return filed is not None and (value == filed or (isinstance(value, str) and canonical(value) == filed))


def delete(state: State, kind: ObjectType, thing: GridObject) -> None:
    """Delete an object. Raises Refusal when the grid keeps it."""
    remove = _DELETE.get(kind.name)
    if remove is None or _is_forbidden_to_cloud(state, kind):
        raise operation_not_allowed("delete", kind.name)
    _check_permission(state, kind, "delete")
    remove(state, thing)


def _is_forbidden_to_cloud(state: State, kind: ObjectType) -> bool:
    return state.is_cloud_user and kind.name in CLOUD_READ_ONLY


def _check_permission(state: State, kind: ObjectType, verb: str) -> None:
    if state.faults.no_permission != kind.name:
        return
    if kind.name in FIXED and verb == "create":
        # Who may not write to a network is told that there is none: so it was recorded.
        raise missing_parent()
    raise conflict(f"You have no permission to {verb} this object")


def _check_field(kind: ObjectType, name: str, value: Any, letter: str, refusal: str) -> None:
    field = kind.field(name.rstrip("+-") if name.startswith("extattrs") else name)
    if field is None:
        raise unknown_field(name)
    if letter not in field.supports:
        raise protocol_error(refusal)
    if name not in _FUNCTIONS and field.name != "extattrs":
        _check_type(field, value)


def _check_type(field: Field, value: Any) -> None:
    if field.wapi_type.endswith("[]"):
        if not isinstance(value, list):
            raise protocol_error(f"List value expected for field {field.name}")
        return
    expected = _EXPECTED.get(field.wapi_type, str)
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise protocol_error(f"Invalid value for {field.name}: {expected.__name__} expected")
