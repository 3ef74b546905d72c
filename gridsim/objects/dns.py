"""DNS views and the zones in them, without which there is no host record with DNS."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import IPV4, IPV6, Family
from gridsim.database.references import named_key, title_of, zone_key
from gridsim.database.refusals import conflict, invalid_value, not_found
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects.plain_fields import check_comment, only, updated

VIEW = "view"
ZONE = "zone_auth"
FORWARD = "FORWARD"
_PLAIN_FIELDS = ("comment", "ns_group", "prefix", "grid_primary", "grid_secondaries")
_FAMILIES: Mapping[str, Family] = {"IPV4": IPV4, "IPV6": IPV6}


def dns_view(state: State, name: Any) -> GridObject:
    """Return the DNS view of that name.

    Raises Refusal (404) when there is none.
    """
    found = next(iter(state.store.found_by(VIEW, "name", name)), None) if isinstance(name, str) else None
    if found is None:
        raise not_found(f"View {name} not found")
    return found


def create_view(state: State, name: str, network_view: GridObject) -> GridObject:
    """Create the DNS view that comes with a network view; returns it."""
    is_default = bool(network_view.fields["is_default"])
    fields = {
        "name": name,
        "comment": "",
        "is_default": is_default,
        "network_view": network_view.fields["name"],
    }
    title = title_of(name, str(is_default).lower())
    made = GridObject(VIEW, named_key(VIEW, name), title, network_view.view, fields)
    state.store.put(made)
    return made


def create_zone(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create an authoritative zone, forward or (by `zone_format`) reverse; returns it.

    Raises Refusal for an unknown view, a malformed name, a zone that exists.
    """
    check_comment(data)
    view, form = dns_view(state, data.get("view", "default")), data.get("zone_format", FORWARD)
    fqdn = _fqdn(form, data["fqdn"])
    fields = {
        "comment": "",
        **only(data, *_PLAIN_FIELDS),
        "fqdn": fqdn,
        "view": view.fields["name"],
        "zone_format": form,
        "network_view": view.fields["network_view"],
    }
    extattrs = attributes.merged(state, ZONE, {}, data)
    key, title = zone_key(fqdn, view.fields["name"]), title_of(fqdn, view.fields["name"])
    made = GridObject(ZONE, key, title, view.view, fields, extattrs)
    if state.store.get(ZONE, key) is not None:
        raise conflict(f"The zone '{fqdn}' already exists.")
    state.store.put(made)
    return made


def _fqdn(form: Any, text: Any) -> str:
    if form == FORWARD and isinstance(text, str) and text and text == text.strip():
        return text.lower().rstrip(".")
    try:
        return str(_FAMILIES[form].parse_block(text))
    except (KeyError, TypeError, ValueError):
        raise invalid_value("fqdn", text) from None


def update(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change the comment or the attributes of a zone or a DNS view."""
    check_comment(data)
    after = updated(state, before, data, *_PLAIN_FIELDS)
    state.store.put(after)
    return after


def delete_zone(state: State, thing: GridObject) -> None:
    """Delete a zone with the host records in it."""
    for host in [each for each in state.store.of_kind("record:host") if _is_in(each, thing)]:
        state.store.remove(host)
    state.store.remove(thing)


def _is_in(host: GridObject, zone: GridObject) -> bool:
    return (host.fields["view"], host.fields.get("zone")) == (zone.fields["view"], zone.fields["fqdn"])


def zone_of(state: State, view: GridObject, name: str) -> GridObject | None:
    """Return the zone of a DNS view that a name lies in."""
    labels = name.lower().rstrip(".").split(".")
    for place in range(len(labels)):
        zone = state.store.get(ZONE, zone_key(".".join(labels[place:]), view.fields["name"]))
        if zone is not None and zone.fields["zone_format"] == FORWARD:
            return zone
    return None


def renamed_with(state: State, network_view: int, name: str) -> None:
    """Show the new name of a network view in the DNS views and zones inside."""
    for kind in (VIEW, ZONE):
        for thing in state.store.in_view(kind, network_view):
            state.store.put(dataclasses.replace(thing, fields={**thing.fields, "network_view": name}))
