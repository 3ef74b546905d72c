"""The writes of fixed addresses, reservations among them.

A MAC is unique per network. The zero MAC makes an object a reservation, of which there may be any number; the
MAC of a reservation cannot be set without also setting `match_client`: the grid says 200 yet changes nothing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.ipv4 import format_address
from gridsim.database.macs import normalised
from gridsim.database.references import address_key
from gridsim.database.refusals import Refusal, conflict, invalid_value, missing_parent, protocol_error
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject, cidr_of
from gridsim.objects import addresses
from gridsim.objects.plain_fields import check_comment
from gridsim.objects.views import view_of

KIND = "fixedaddress"
RESERVED = "RESERVED"
_MATCHES = ("MAC_ADDRESS", "CLIENT_ID", RESERVED, "CIRCUIT_ID", "REMOTE_ID")
_PLAIN_FIELDS = ("name", "comment", "disable", "options", "bootfile", "dhcp_client_identifier")


def create(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create a fixed address at a literal or a next available address; returns it.

    Raises Refusal without parent network, for a used address, a MAC used twice, a missing MAC, bad attributes.
    """
    mac, match_client = _client(data)
    view = view_of(state, data)
    address, pool_view = addresses.resolve(state, data["ipv4addr"], data)
    if pool_view is not None and pool_view != view.view:
        if "network_view" in data:
            raise missing_parent()
        view = next(each for each in state.store.of_kind("networkview") if each.view == pool_view)
    network = _parent(state, view, address, data)
    check_comment(data)
    fields = {
        "ipv4addr": format_address(address),
        "network": network.fields["network"],
        "network_view": view.fields["name"],
        "mac": mac,
        "match_client": match_client,
        "name": "",
        **{name: data[name] for name in _PLAIN_FIELDS if name in data},
    }
    made = GridObject(
        KIND,
        address_key(address, view.view),
        _title(fields),
        view.view,
        fields,
        attributes.merged(state, KIND, {}, data),
        occupies=(address,),
    )
    _check_address_free(state, made)
    _check_mac_unique(state, made)
    state.store.put(made)
    return made


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a fixed address; another `ipv4addr` moves it, which changes the reference.

    Raises Refusal as creation does.
    """
    fields = {**before.fields, **{name: data[name] for name in _PLAIN_FIELDS if name in data}}
    check_comment(data)
    fields["mac"], fields["match_client"] = _changed_client(before, data)
    after = dataclasses.replace(before, fields=fields)
    if "ipv4addr" in data and data["ipv4addr"] != before.fields["ipv4addr"]:
        after = _moved(state, after, data)
    elif data.get("network", before.fields["network"]) != before.fields["network"]:
        raise missing_parent()
    after = dataclasses.replace(after, extattrs=attributes.merged(state, KIND, before.extattrs, data))
    if after.key != before.key:
        _check_address_free(state, after)
    _check_mac_unique(state, after, before)
    state.store.remove(before)
    state.store.put(after)
    return after


def _moved(state: State, thing: GridObject, data: Mapping[str, Any]) -> GridObject:
    view = view_of(state, thing.fields)
    address, pool_view = addresses.resolve(state, data["ipv4addr"], data)
    if pool_view not in (None, view.view):
        raise missing_parent()
    network = _parent(state, view, address, data)
    fields = {**thing.fields, "ipv4addr": format_address(address), "network": network.fields["network"]}
    return dataclasses.replace(
        thing,
        key=address_key(address, view.view),
        title=_title(fields),
        fields=fields,
        occupies=(address,),
    )


def _title(fields: Mapping[str, Any]) -> str:
    return f"{fields['ipv4addr']}/{fields['network_view']}"


def _parent(state: State, view: GridObject, address: int, data: Mapping[str, Any]) -> GridObject:
    network = state.store.network_at(view.view, address)
    if network is None or data.get("network", network.fields["network"]) != network.fields["network"]:
        raise missing_parent()
    cidr = cidr_of(network)
    if not cidr.first_host <= address <= cidr.last_host:
        raise invalid_value("ipv4addr", format_address(address))
    return network


def _client(data: Mapping[str, Any]) -> tuple[str | None, str]:
    match_client = data.get("match_client")
    mac = _mac(data)
    if match_client is None:
        if mac is None:
            raise protocol_error("MAC address is required when match_client is undefined")
        match_client = RESERVED if mac == ZERO_MAC else "MAC_ADDRESS"
    return _client_pair(match_client, mac)


def _changed_client(before: GridObject, data: Mapping[str, Any]) -> tuple[str | None, str]:
    mac = _mac(data)
    # A reservation stays one, its MAC is dropped in silence, unless `match_client` says otherwise.
    match_client = data.get("match_client", before.fields["match_client"])
    if "match_client" not in data and mac == ZERO_MAC:
        match_client = RESERVED
    return _client_pair(match_client, mac if mac is not None else before.fields["mac"])


def _client_pair(match_client: Any, mac: str | None) -> tuple[str | None, str]:
    if match_client not in _MATCHES:
        raise invalid_value("match_client", match_client)
    if match_client == RESERVED:
        return ZERO_MAC, RESERVED
    if match_client != "MAC_ADDRESS":
        return None, str(match_client)
    if mac is None:
        raise protocol_error("MAC address is required when match_client is MAC_ADDRESS")
    return (ZERO_MAC, RESERVED) if mac == ZERO_MAC else (mac, "MAC_ADDRESS")


def _mac(data: Mapping[str, Any]) -> str | None:
    text = data.get("mac")
    if text is None:
        return None
    mac = normalised(text)
    if mac is None:
        raise invalid_value("mac", text)
    return mac


def _check_address_free(state: State, made: GridObject) -> None:
    holder = state.store.get(KIND, made.key)
    if holder is not None:
        if made.fields["mac"] not in (None, ZERO_MAC) and holder.fields["mac"] == made.fields["mac"]:
            raise _mac_twice(made, holder)
        raise addresses.address_in_use(made.occupies[0])
    if state.store.occupancy.is_taken(made.view, made.occupies[0]):
        hosts = state.store.in_view("record:host", made.view)
        if any(made.occupies[0] in host.occupies for host in hosts):
            raise addresses.address_in_use(made.occupies[0])


def _check_mac_unique(state: State, made: GridObject, before: GridObject | None = None) -> None:
    mac = made.fields["mac"]
    if mac in (None, ZERO_MAC):
        return
    for holder in state.store.found_by(KIND, "mac", mac):
        is_same_network = (holder.view, holder.fields["network"]) == (made.view, made.fields["network"])
        if is_same_network and (before is None or holder.key != before.key):
            raise _mac_twice(made, holder)


def _mac_twice(made: GridObject, holder: GridObject) -> Refusal:
    return conflict(
        f"MAC address {made.fields['mac']} is used in two fixed addresses {holder.fields['ipv4addr']} and "
        f"{made.fields['ipv4addr']}, which are in the same network {made.fields['network']}."
    )
