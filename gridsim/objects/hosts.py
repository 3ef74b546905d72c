"""The writes of host records, which matter here because they occupy addresses.

With DNS a host needs a zone, and its name is unique in its DNS view. Without, names repeat freely: the key then
holds when the host was created, so no reference of such a host is ever used again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import FAMILIES, Family, format_address
from gridsim.database.macs import normalised, normalised_duid
from gridsim.database.references import (
    address_key,
    host_address_key,
    host_key,
    reference,
    title_of,
    unnamed_host_key,
)
from gridsim.database.refusals import conflict, invalid_value, missing_parent, protocol_error
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject
from gridsim.objects import addresses, dns
from gridsim.objects.plain_fields import check_comment, only
from gridsim.objects.views import view_of

KIND = "record:host"
_PLAIN_FIELDS = ("comment", "aliases", "disable", "ttl", "use_ttl")
_LISTS = tuple(family.hosted for family in FAMILIES)
_CLIENTS = (("mac", normalised), ("duid", normalised_duid))
_NO_NETWORK = (
    "At least one host address must belong to an existing network if DNS is not configured for this host."
)


def create(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create a host record; returns it.

    Raises Refusal for a name in use or without a zone, for addresses outside every network when there is no DNS,
    for an address that something else holds when DHCP is configured.
    """
    name = data["name"]
    _check_name(name)
    check_comment(data)
    fields = {
        "comment": "",
        **only(data, *_PLAIN_FIELDS),
        "name": name,
        "configure_for_dns": data.get("configure_for_dns", True),
        "created": state.store.instant(),
    }
    view = _network_view(state, data)
    extattrs = attributes.merged(state, KIND, {}, data)
    made = _placed(state, GridObject(KIND, "", "", view.view, fields, extattrs), view, data)
    if state.store.get(KIND, made.key) is not None:
        raise conflict(f"The record '{name}' already exists.")
    if not any(family.hosted in data for family in FAMILIES):
        raise protocol_error("field for create missing: ipv4addrs")
    made = _with_addresses(state, made, data)
    state.store.put(made)
    return made


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a host record, its addresses included; another name changes its reference."""
    check_comment(data)
    _check_name(data.get("name", before.fields["name"]))
    fields = {**before.fields, **only(data, "name", "configure_for_dns", *_PLAIN_FIELDS)}
    extattrs = attributes.merged(state, KIND, before.extattrs, data)
    view = view_of(state, before.fields)
    named = {"view": before.fields["view"], **data} if before.fields["configure_for_dns"] else data
    after = _placed(state, dataclasses.replace(before, fields=fields, extattrs=extattrs), view, named)
    if after.key != before.key and state.store.get(KIND, after.key) is not None:
        raise conflict(f"The record '{after.fields['name']}' already exists.")
    state.store.remove(before)
    after = _with_addresses(state, after, {**only(before.fields, *_LISTS), **data})
    state.store.put(after)
    return after


def _check_name(name: Any) -> None:
    if not isinstance(name, str) or not name:
        raise invalid_value("name", name)


def _network_view(state: State, data: Mapping[str, Any]) -> GridObject:
    if "network_view" in data or not str(data.get("view", "")).strip():
        return view_of(state, data)
    return view_of(state, {"network_view": dns.dns_view(state, data["view"]).fields["network_view"]})


def _placed(state: State, host: GridObject, view: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Return the host in its DNS view with its key; without DNS that is a view whose name is blank."""
    name, network_view = host.fields["name"], view.fields["name"]
    if not host.fields["configure_for_dns"]:
        blank = " " if view.fields["is_default"] else "  "
        fields = {**host.fields, "view": blank, "network_view": network_view, "zone": None}
        key = unnamed_host_key(name, view.view, host.fields["created"])
        return dataclasses.replace(host, key=key, title=title_of(name, blank), fields=fields)
    dns_view = dns.dns_view(state, data.get("view", view.fields["associated_dns_views"][0]))
    if dns_view.view != view.view:
        raise conflict(f"The DNS view {dns_view.fields['name']} is not in the network view {network_view}.")
    zone = dns.zone_of(state, dns_view, name)
    if zone is None:
        raise missing_parent()
    where = {"view": dns_view.fields["name"], "network_view": network_view, "zone": zone.fields["fqdn"]}
    key, title = host_key(name, dns_view.fields["name"]), title_of(name, dns_view.fields["name"])
    return dataclasses.replace(host, key=key, title=title, fields={**host.fields, **where})


def _with_addresses(state: State, host: GridObject, data: Mapping[str, Any]) -> GridObject:
    fields, held = dict(host.fields), []
    for family in FAMILIES:
        listed = data.get(family.hosted, [])
        if not isinstance(listed, list):
            raise protocol_error(f"List value expected for field {family.hosted}")
        entries = [_entry(state, family, host, each) for each in listed]
        held += [address for address, _ in entries]
        fields[family.hosted] = [shown for _, shown in entries]
        fields[family.address] = [shown[family.address] for _, shown in entries]
    for name, _ in _CLIENTS:
        fields[name] = [each[name] for listed in _LISTS for each in fields[listed] if name in each]
    if not fields["configure_for_dns"] and not any(state.store.network_at(host.view, each) for each in held):
        raise conflict(_NO_NETWORK)
    return dataclasses.replace(host, fields=fields, occupies=tuple(held))


def _entry(state: State, family: Family, host: GridObject, each: Any) -> tuple[int, dict[str, Any]]:
    if not isinstance(each, dict) or family.address not in each:
        raise protocol_error(f"field for create missing: {family.address}")
    address, _ = addresses.resolve(state, family, each[family.address], each)
    shown = {family.address: format_address(address), "host": host.fields["name"]}
    for name, spelling in _CLIENTS:
        if name in each:
            client = spelling(each[name])
            if client is None:
                raise invalid_value(name, each[name])
            if client != ZERO_MAC:
                shown[name] = client
    is_known = any(name in shown for name, _ in _CLIENTS)
    uses_dhcp = bool(each.get("configure_for_dhcp", is_known))
    # Without DHCP the grid accepts a host beside anything; with it the address has one holder.
    if uses_dhcp and state.store.get(family.fixed, address_key(address, host.view)) is not None:
        raise addresses.address_in_use(address)
    kind, title = f"{KIND}_{family.address}", f"{title_of(shown[family.address])}/{host.title}"
    ref = reference(kind, host_address_key(host.key, shown[family.address]), title)
    return address, {"_ref": ref, **shown, "configure_for_dhcp": uses_dhcp}
