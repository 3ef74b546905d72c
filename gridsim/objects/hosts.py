"""The writes of host records, which matter here because they occupy addresses."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import IPV4, format_address
from gridsim.database.macs import normalised
from gridsim.database.references import address_key, host_key
from gridsim.database.refusals import conflict, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject
from gridsim.objects import addresses
from gridsim.objects.plain_fields import check_comment
from gridsim.objects.views import view_of

KIND = "record:host"


def create(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create a host record; returns it.

    Raises Refusal for a name in use, for an address that a fixed address holds when DHCP is configured.
    """
    view, name = view_of(state, data), data["name"]
    if not isinstance(name, str) or not name:
        raise invalid_value("name", name)
    check_comment(data)
    fields = {
        "configure_for_dns": data.get("configure_for_dns", True),
        "comment": data.get("comment", ""),
        "name": name,
        "view": data.get("view", view.fields["associated_dns_views"][0]),
        "network_view": view.fields["name"],
    }
    extattrs = attributes.merged(state, KIND, {}, data)
    made = GridObject(
        KIND, host_key(name, view.view), f"{name}/{view.fields['name']}", view.view, fields, extattrs
    )
    if state.store.get(KIND, made.key) is not None:
        raise conflict(f"The record '{name}' already exists.")
    made = _with_addresses(state, made, data["ipv4addrs"])
    state.store.put(made)
    return made


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a host record, its addresses included; its name stays."""
    if data.get("name", before.fields["name"]) != before.fields["name"]:
        raise protocol_error("Field is not allowed for update: name")
    check_comment(data)
    fields = {**before.fields, **{name: data[name] for name in ("comment",) if name in data}}
    extattrs = attributes.merged(state, KIND, before.extattrs, data)
    after = dataclasses.replace(before, fields=fields, extattrs=extattrs)
    state.store.remove(before)
    if "ipv4addrs" in data:
        after = _with_addresses(state, after, data["ipv4addrs"])
    state.store.put(after)
    return after


def _with_addresses(state: State, host: GridObject, listed: Any) -> GridObject:
    if not isinstance(listed, list):
        raise protocol_error("List value expected for field ipv4addrs")
    entries = [_entry(state, host, each) for each in listed]
    held = tuple(address for address, _ in entries)
    fields = {**host.fields, "ipv4addrs": [shown for _, shown in entries]}
    return dataclasses.replace(host, fields=fields, occupies=held)


def _entry(state: State, host: GridObject, each: Any) -> tuple[int, dict[str, Any]]:
    if not isinstance(each, dict) or "ipv4addr" not in each:
        raise protocol_error("field for create missing: ipv4addr")
    address, _ = addresses.resolve(state, IPV4, each["ipv4addr"], each)
    uses_dhcp = bool(each.get("configure_for_dhcp", False))
    # Without DHCP the grid accepts a host beside anything; with it the address has one holder.
    if uses_dhcp and state.store.get("fixedaddress", address_key(address, host.view)) is not None:
        raise addresses.address_in_use(address)
    shown = {
        "ipv4addr": format_address(address),
        "host": host.fields["name"],
        "configure_for_dhcp": uses_dhcp,
    }
    if "mac" in each:
        mac = normalised(each["mac"])
        if mac is None:
            raise invalid_value("mac", each["mac"])
        if mac != ZERO_MAC:
            shown["mac"] = mac
    return address, shown
