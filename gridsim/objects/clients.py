"""How a fixed address says whom it is for, which differs between the families.

IPv4 goes by MAC: the zero MAC makes an object a reservation, of which there may be any number; the MAC of a
reservation cannot be set without also setting `match_client`: the grid says 200 yet changes nothing. IPv6 goes by
DUID, of which every object needs one, or by MAC; it has no reservations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from gridsim.database.family import IPV4, IPV6, Family
from gridsim.database.macs import normalised, normalised_duid
from gridsim.database.refusals import Refusal, conflict, invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject

RESERVED = "RESERVED"
_IPV4_MATCHES = ("MAC_ADDRESS", "CLIENT_ID", RESERVED, "CIRCUIT_ID", "REMOTE_ID")
_IPV6_MATCHES = ("DUID", "MAC_ADDRESS")

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Client:
    """One family's way: which fields identify a client, and what they become in a write.

    `unique` names the fields whose values occur once per network, each with the word for it. `made` takes the
    write of a new object, `changed` the fields of an existing one with the write; both return the fields to file.
    """

    unique: Mapping[str, str]
    made: Callable[[Fields], dict[str, Any]]
    changed: Callable[[Fields, Fields], dict[str, Any]]


def _ipv4_made(data: Fields) -> dict[str, Any]:
    match_client, mac = data.get("match_client"), _mac(data, "mac")
    if match_client is None:
        if mac is None:
            raise protocol_error("MAC address is required when match_client is undefined")
        match_client = RESERVED if mac == ZERO_MAC else "MAC_ADDRESS"
    return _ipv4_pair(match_client, mac)


def _ipv4_changed(before: Fields, data: Fields) -> dict[str, Any]:
    mac = _mac(data, "mac")
    # A reservation stays one, its MAC is dropped in silence, unless `match_client` says otherwise.
    match_client = data.get("match_client", before["match_client"])
    if "match_client" not in data and mac == ZERO_MAC:
        match_client = RESERVED
    return _ipv4_pair(match_client, mac if mac is not None else before["mac"])


def _ipv4_pair(match_client: Any, mac: str | None) -> dict[str, Any]:
    if match_client not in _IPV4_MATCHES:
        raise invalid_value("match_client", match_client)
    if match_client == RESERVED:
        return {"mac": ZERO_MAC, "match_client": RESERVED}
    if match_client != "MAC_ADDRESS":
        return {"mac": None, "match_client": match_client}
    if mac is None:
        raise protocol_error("MAC address is required when match_client is MAC_ADDRESS")
    return {"mac": mac, "match_client": RESERVED if mac == ZERO_MAC else "MAC_ADDRESS"}


def _ipv6_made(data: Fields) -> dict[str, Any]:
    return _ipv6_changed({"match_client": "DUID", "duid": None, "mac_address": None}, data)


def _ipv6_changed(before: Fields, data: Fields) -> dict[str, Any]:
    match_client = data.get("match_client", before["match_client"])
    if match_client not in _IPV6_MATCHES:
        raise invalid_value("match_client", match_client)
    duid = _duid(data) if "duid" in data else before["duid"]
    mac = _mac(data, "mac_address") if "mac_address" in data else before["mac_address"]
    if match_client == "DUID" and duid is None:
        raise protocol_error("field for create missing: duid")
    if match_client == "MAC_ADDRESS" and mac is None:
        raise protocol_error("field for create missing: mac_address")
    return {"duid": duid, "mac_address": mac, "match_client": match_client}


def _mac(data: Fields, field: str) -> str | None:
    text = data.get(field)
    if text is None:
        return None
    mac = normalised(text)
    if mac is None:
        raise invalid_value(field, text)
    return mac


def _duid(data: Fields) -> str:
    duid = normalised_duid(data["duid"])
    if duid is None:
        raise invalid_value("duid", data["duid"])
    return duid


CLIENTS: Mapping[Family, Client] = {
    IPV4: Client({"mac": "MAC address"}, _ipv4_made, _ipv4_changed),
    IPV6: Client({"duid": "DUID", "mac_address": "MAC address"}, _ipv6_made, _ipv6_changed),
}


def used_twice(state: State, family: Family, field: str, made: GridObject, holder: GridObject) -> Refusal:
    """Return the refusal of a second object with a client's MAC or DUID in one network.

    What a grid says of a DUID was never recorded, hence a switch.
    """
    client = made.fields[field]
    if field == "duid" and state.faults.duid_conflict == "duplicate":
        return conflict(
            f"Duplicate object '{client}' of type 'ipv6_fixed_address' already exists in the database."
        )
    return conflict(
        f"{CLIENTS[family].unique[field]} {client} is used in two fixed addresses {holder.fields[family.address]} "
        f"and {made.fields[family.address]}, which are in the same network {made.fields['network']}."
    )
