"""The writes of fixed addresses of both families, reservations among them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import Family, canonical, family_of_kind, format_address
from gridsim.database.references import address_key, title_of
from gridsim.database.refusals import invalid_value, missing_parent
from gridsim.database.state import State
from gridsim.database.store import ZERO_MAC, GridObject, cidr_of
from gridsim.objects import addresses
from gridsim.objects.clients import CLIENTS, used_twice
from gridsim.objects.plain_fields import check_comment
from gridsim.objects.views import view_of

ADDRESS_TYPE = "ADDRESS"
_PLAIN_FIELDS = (
    *("name", "comment", "disable", "options", "use_options"),
    *("bootfile", "deny_bootp", "dhcp_client_identifier", "client_identifier_prepend_zero"),
    *("address_type", "preferred_lifetime", "valid_lifetime"),
)


def create(state: State, family: Family, data: Mapping[str, Any]) -> GridObject:
    """Create a fixed address at a literal or a next available address; returns it.

    Raises Refusal without parent network, for a used address, a MAC or DUID used twice, a missing one, bad
    attributes.
    """
    client = CLIENTS[family].made(data)
    view = view_of(state, data)
    address, pool_view = addresses.resolve(state, family, data[family.address], data)
    if pool_view is not None and pool_view != view.view:
        if "network_view" in data:
            raise missing_parent()
        view = next(each for each in state.store.of_kind("networkview") if each.view == pool_view)
    network = _parent(state, family, view, address, data)
    _check_plain(data)
    fields = {
        family.address: format_address(address),
        "network": network.fields["network"],
        "network_view": view.fields["name"],
        **client,
        "name": "",
        **{name: data[name] for name in _PLAIN_FIELDS if name in data},
    }
    made = GridObject(
        family.fixed,
        address_key(address, view.view),
        _title(family, fields),
        view.view,
        fields,
        attributes.merged(state, family.fixed, {}, data),
        occupies=(address,),
    )
    _check_address_free(state, family, made)
    _check_client_unique(state, family, made)
    state.store.put(made)
    return made


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a fixed address; another address moves it, which changes the reference.

    Raises Refusal as creation does.
    """
    family = family_of_kind(before.kind)
    fields = {**before.fields, **{name: data[name] for name in _PLAIN_FIELDS if name in data}}
    _check_plain(data)
    fields.update(CLIENTS[family].changed(before.fields, data))
    after = dataclasses.replace(before, fields=fields)
    view, network = before.fields["network_view"], before.fields["network"]
    if data.get("network_view", view) != view:
        raise missing_parent()
    if family.address in data and data[family.address] != before.fields[family.address]:
        after = _moved(state, family, after, data)
    elif data.get("network", network) != network and canonical(data["network"]) != network:
        raise missing_parent()
    after = dataclasses.replace(after, extattrs=attributes.merged(state, family.fixed, before.extattrs, data))
    if after.key != before.key:
        _check_address_free(state, family, after)
    _check_client_unique(state, family, after, before)
    state.store.remove(before)
    state.store.put(after)
    return after


def _moved(state: State, family: Family, thing: GridObject, data: Mapping[str, Any]) -> GridObject:
    view = view_of(state, thing.fields)
    address, pool_view = addresses.resolve(state, family, data[family.address], data)
    if pool_view not in (None, view.view):
        raise missing_parent()
    network = _parent(state, family, view, address, data)
    fields = {**thing.fields, family.address: format_address(address), "network": network.fields["network"]}
    return dataclasses.replace(
        thing,
        key=address_key(address, view.view),
        title=_title(family, fields),
        fields=fields,
        occupies=(address,),
    )


def _title(family: Family, fields: Mapping[str, Any]) -> str:
    return title_of(fields[family.address], fields["network_view"])


def _check_plain(data: Mapping[str, Any]) -> None:
    check_comment(data)
    # Prefixes that are delegated to clients are not simulated.
    if data.get("address_type", ADDRESS_TYPE) != ADDRESS_TYPE:
        raise invalid_value("address_type", data["address_type"])


def _parent(state: State, family: Family, view: GridObject, address: int, data: Mapping[str, Any]) -> GridObject:
    network = state.store.network_at(view.view, address)
    if network is None:
        raise missing_parent()
    named = data.get("network", network.fields["network"])
    if named != network.fields["network"] and canonical(named) != network.fields["network"]:
        raise missing_parent()
    cidr = cidr_of(network)
    if not cidr.first_host <= address <= cidr.last_host:
        raise invalid_value(family.address, format_address(address))
    return network


def _check_address_free(state: State, family: Family, made: GridObject) -> None:
    holder = state.store.get(family.fixed, made.key)
    if holder is not None:
        for field in CLIENTS[family].unique:
            if made.fields[field] not in (None, ZERO_MAC) and holder.fields[field] == made.fields[field]:
                raise used_twice(state, family, field, made, holder)
        raise addresses.address_in_use(made.occupies[0])
    if state.store.occupancy.is_taken(made.view, made.occupies[0]):
        hosts = state.store.in_view("record:host", made.view)
        if any(made.occupies[0] in host.occupies for host in hosts):
            raise addresses.address_in_use(made.occupies[0])


def _check_client_unique(state: State, family: Family, made: GridObject, before: GridObject | None = None) -> None:
    for field in CLIENTS[family].unique:
        value = made.fields[field]
        if value in (None, ZERO_MAC):
            continue
        for holder in state.store.found_by(family.fixed, field, value):
            is_same_network = (holder.view, holder.fields["network"]) == (made.view, made.fields["network"])
            if is_same_network and (before is None or holder.key != before.key):
                raise used_twice(state, family, field, made, holder)
