"""The definitions of extensible attributes."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database.attributes import OBJECT_TYPE_NAMES
from gridsim.database.references import named_key, title_of
from gridsim.database.refusals import conflict, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject

KIND = "extensibleattributedef"
NAME_MAX = 128
ENUM_VALUE_MAX = 64
_TYPES = ("STRING", "INTEGER", "ENUM", "EMAIL", "URL", "DATE")
_FLAGS = "ACGILMPRSV"
_READ_ONLY = frozenset(
    {
        "Cloud API Owned",
        "CMP Type",
        "Is External",
        "Is Primary Interface",
        "Is Shared",
        "IP Type",
        "Tenant ID",
        "VM ID",
        "VPC ID",
    }
)
_CLOUD_ENUMS = {
    "Cloud API Owned": ("True", "False"),
    "Is External": ("True", "False"),
    "Is Primary Interface": ("True", "False"),
    "Is Shared": ("True", "False"),
    "IP Type": ("Private", "Public", "Fixed", "Floating", "Elastic"),
}
_CLOUD_STRINGS = (
    "VM ID",
    "VM Name",
    "Tenant ID",
    "CMP Type",
    "Network Name",
    "Interface Name",
    "Network ID",
    "Network Encap",
    "Subnet ID",
    "Subnet Name",
    "Port ID",
    "Port Name",
    "Port Group",
    "Port Attached Device - Device ID",
    "Port Attached Device - Device Owner",
    "Physical Network Name",
    "Segmentation ID",
    "Private IP",
    "Location",
    "Host Aggregates",
    "Availability Zone",
    "Cloud Region",
    "Account",
    "Allocation ID",
    "Association ID",
    "Attachment ID",
    "Application Type",
    "vCD App",
    "vCD Org",
    "vDC",
    "VPC ID",
    "VPC Name",
    "VPCs List",
)


def cloud_definitions() -> list[GridObject]:
    """Return the definitions that a cloud licence brings along."""
    found = [_cloud(name, "STRING") for name in _CLOUD_STRINGS]
    found += [_cloud(name, "ENUM", values) for name, values in _CLOUD_ENUMS.items()]
    return [*found, _cloud("VLAN ID", "INTEGER")]


def _cloud(name: str, kind: str, values: tuple[str, ...] = ()) -> GridObject:
    listed = [{"value": value} for value in values]
    return _built({"name": name, "type": kind, "flags": "C", "namespace": "CLOUD", "list_values": listed})


def _built(fields: Mapping[str, Any]) -> GridObject:
    name = fields["name"]
    return GridObject(KIND, named_key(KIND, name), title_of(name), fields=dict(fields))


def create(state: State, data: Mapping[str, Any]) -> GridObject:
    """Define an attribute; returns the definition.

    Raises Refusal for anybody but a superuser, for a name in use, for bad flags or values.
    """
    name = data["name"]
    if not isinstance(name, str) or not 0 < len(name) <= NAME_MAX:
        raise invalid_value("name", name)
    if not state.is_superuser:
        raise _superusers_only("create", name)
    made = _built({"flags": "", "list_values": [], "comment": "", **_checked(data)})
    if state.store.get(KIND, made.key) is not None:
        raise conflict(
            f"Duplicate object '{name}' of type 'extensible_attributes_def' already exists in the database."
        )
    state.store.put(made)
    return made


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a definition; its name stays, since values are filed under it.

    Raises Refusal for anybody but a superuser, for read-only definitions, for bad flags or values.
    """
    name = before.fields["name"]
    _check_editable(state, "update", name)
    if data.get("name", name) != name:
        raise protocol_error("Field is not allowed for update: name")
    if data.get("type", before.fields["type"]) != before.fields["type"]:
        raise protocol_error("Field is not allowed for update: type")
    after = dataclasses.replace(before, fields={**before.fields, **_checked({**before.fields, **data})})
    state.store.put(after)
    return after


def delete(state: State, thing: GridObject) -> None:
    """Delete a definition, which erases the attribute from every object for good.

    Raises Refusal for anybody but a superuser, for read-only definitions.
    """
    name = thing.fields["name"]
    _check_editable(state, "delete", name)
    for kind in OBJECT_TYPE_NAMES:
        for holder in [thing for thing in state.store.of_kind(kind) if name in thing.extattrs]:
            left = {key: value for key, value in holder.extattrs.items() if key != name}
            state.store.put(dataclasses.replace(holder, extattrs=left))
    state.store.remove(thing)


def _check_editable(state: State, verb: str, name: str) -> None:
    if not state.is_superuser:
        raise _superusers_only(verb, name)
    if state.has_cna and name in _READ_ONLY:
        raise conflict(f"The extensible attribute definition '{name}' is read-only.")


def _superusers_only(verb: str, name: str) -> Exception:
    return conflict(
        f"Cannot {verb} extensible attribute definition '{name}'. "
        "Only superusers can manage extensible attribute definition"
    )


def _checked(data: Mapping[str, Any]) -> Mapping[str, Any]:
    if data.get("type") not in _TYPES:
        raise invalid_value("type", data.get("type"))
    flags = data.get("flags", "")
    if not isinstance(flags, str) or list(flags) != sorted(set(flags) & set(_FLAGS)):
        raise invalid_value("flags", flags)
    listed = data.get("list_values", [])
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field list_values")
    if data["type"] == "ENUM" and not listed:
        raise protocol_error("field for create missing: list_values")
    for entry in listed:
        value = entry.get("value") if isinstance(entry, dict) else None
        if not isinstance(value, str) or not 0 < len(value) <= ENUM_VALUE_MAX:
            raise invalid_value("list_values", value)
    return data
