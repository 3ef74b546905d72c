"""The read view of addresses: who holds what in a network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from gridsim.database.family import ROWS, Family, canonical, family_of, family_of_kind, format_address
from gridsim.database.references import address_key, pool_key, title_of
from gridsim.database.refusals import invalid_value, protocol_error
from gridsim.database.state import State
from gridsim.database.store import GridObject, cidr_of

ADDRESSES_MAX = 1 << 16


def addresses(state: State, kind: str, exact: Mapping[str, Any]) -> list[GridObject]:
    """Return a row for each address of the networks that the conditions name.

    Of a network that is too large to list, the rows in use can be had, since they are few.

    Raises Refusal (400) when neither address nor network is named, or the network is too large to list.
    """
    family = family_of_kind(kind)
    if "ip_address" in exact:
        return _rows_at(state, family, exact["ip_address"])
    if "network" not in exact:
        raise protocol_error("field for search missing: network or ip_address")
    found: list[GridObject] = []
    for network in state.store.found_by(family.network, "network", canonical(str(exact["network"]))):
        if "network_view" in exact and network.fields["network_view"] != exact["network_view"]:
            continue
        found += [pool_address(state, network, each) for each in _listed(state, network, exact)]
    return found


def _rows_at(state: State, family: Family, text: Any) -> list[GridObject]:
    try:
        wanted = family.parse(text)
    except ValueError:
        raise invalid_value("ip_address", text) from None
    around = (state.store.network_at(view.view, wanted) for view in state.store.of_kind("networkview"))
    return [pool_address(state, network, wanted) for network in around if network is not None]


def _listed(state: State, network: GridObject, exact: Mapping[str, Any]) -> Iterable[int]:
    if network.last - network.first < ADDRESSES_MAX:
        return range(network.first, network.last + 1)
    if exact.get("status") != "USED":
        raise protocol_error(f"Result set too large (> {ADDRESSES_MAX})")
    return sorted(state.store.occupancy.between(network.view, network.first, network.last))


def pool_address(state: State, network: GridObject, address: int) -> GridObject:
    """Return the view of one address of a network."""
    family = family_of(address)
    holders = list(_holders(state, network, address))
    types = [kind for kind, _ in holders]
    things = [thing for _, thing in holders if thing is not None]
    fixed = next((thing for thing in things if thing.kind == family.fixed), None)
    source = fixed or next(iter(things), None)
    fields: dict[str, Any] = {
        "ip_address": format_address(address),
        "network": network.fields["network"],
        "network_view": network.fields["network_view"],
        "status": "USED" if holders else "UNUSED",
        "types": types,
        "usage": ["DHCP"] if fixed or "DHCP_RANGE" in types else [],
        "objects": [thing.ref for thing in things if thing.kind != "discovered"],
        "names": [thing.fields["name"] for thing in things if thing.fields.get("name")],
        "mac_address": (fixed.fields.get("mac") or "") if fixed else "",
        "duid": (fixed.fields.get("duid") or "") if fixed else "",
        "comment": source.fields.get("comment") if source else None,
    }
    return GridObject(
        family.row,
        pool_key(family.row, address, network.view),
        title_of(format_address(address)),
        network.view,
        fields,
        source.extattrs if source else {},
    )


def looked_up(state: State, kind: str, key: str) -> GridObject | None:
    """Return the object of that type with that key; addresses of the pool are made up on demand."""
    if kind not in ROWS:
        return state.store.get(kind, key)
    text, _, view = key.partition("$")[2].rpartition("/")
    try:
        address, number = family_of_kind(kind).parse(text), int(view)
    except ValueError:
        return None
    network = state.store.network_at(number, address)
    return None if network is None else pool_address(state, network, address)


def _holders(state: State, network: GridObject, address: int) -> Iterator[tuple[str, GridObject | None]]:
    store, cidr = state.store, cidr_of(network)
    family = cidr.family
    if address < cidr.first_host:
        yield "NETWORK", None
    if address > cidr.last_host:
        yield "BROADCAST", None
    for scope in store.in_network(family.scope, network):
        if scope.first <= address <= scope.last:
            is_reserved = scope.fields["server_association_type"] == "NONE"
            yield "RESERVED_RANGE" if is_reserved else "DHCP_RANGE", scope
    fixed = store.get(family.fixed, address_key(address, network.view))
    if fixed is not None:
        yield "RESERVATION" if fixed.fields["match_client"] == "RESERVED" else "FA", fixed
    if not store.occupancy.is_taken(network.view, address):
        return
    for host in store.in_view("record:host", network.view):
        if address in host.occupies:
            yield "HOST", host
    found = store.get("discovered", pool_key("discovered", address, network.view))
    if found is not None:
        yield "UNMANAGED", found
