"""The writes of network views."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from gridsim.database import attributes
from gridsim.database.family import FAMILY_KINDS
from gridsim.database.references import title_of, view_key
from gridsim.database.refusals import conflict, invalid_value, unknown_view
from gridsim.database.state import State
from gridsim.database.store import GridObject
from gridsim.objects import dns
from gridsim.objects.plain_fields import check_comment, only, updated

_INSIDE = (*FAMILY_KINDS, "record:host", "discovered")
_DNS = (dns.ZONE, dns.VIEW)


def view_of(state: State, data: Mapping[str, Any]) -> GridObject:
    """Return the network view that a write names, or the default one.

    Raises Refusal (404) when it does not exist.
    """
    if "network_view" not in data:
        return state.store.default_view()
    view = state.store.view_named(data["network_view"])
    if view is None:
        raise unknown_view(data["network_view"])
    return view


def create_view(state: State, data: Mapping[str, Any]) -> GridObject:
    """Create a network view; returns it. Raises Refusal when the name is taken."""
    name = data["name"]
    _check_view_name(state, name)
    check_comment(data)
    number = 1 + max((view.view for view in state.store.of_kind("networkview")), default=-1)
    is_default = number == 0
    fields = {
        "comment": "",
        **only(data, "name", "comment"),
        "is_default": is_default,
        "associated_dns_views": ["default" if is_default else f"default.{name}"],
    }
    extattrs = attributes.merged(state, "networkview", {}, data)
    made = GridObject(
        "networkview", view_key(number), title_of(name, str(is_default).lower()), number, fields, extattrs
    )
    state.store.put(made)
    dns.create_view(state, fields["associated_dns_views"][0], made)
    return made


def update_view(state: State, before: GridObject, data: Mapping[str, Any]) -> GridObject:
    """Change a network view; a new name shows in everything inside. Raises Refusal when it is taken."""
    check_comment(data)
    name, old_name = data.get("name", before.fields["name"]), before.fields["name"]
    after = updated(state, before, data, "name", "comment")
    if name != old_name:
        _check_view_name(state, name)
        after = dataclasses.replace(after, title=title_of(name, str(after.fields["is_default"]).lower()))
        for kind in _INSIDE:
            for thing in state.store.in_view(kind, before.view):
                state.store.put(_renamed(thing, old_name, name))
        dns.renamed_with(state, before.view, name)
    state.store.put(after)
    return after


def _renamed(thing: GridObject, old_name: str, name: str) -> GridObject:
    title = (
        thing.title
        if thing.kind == "record:host"
        else thing.title.removesuffix(f"/{title_of(old_name)}") + f"/{title_of(name)}"
    )
    return dataclasses.replace(thing, title=title, fields={**thing.fields, "network_view": name})


def _check_view_name(state: State, name: Any) -> None:
    if not isinstance(name, str) or not name or name != name.strip():
        raise invalid_value("name", name)
    if state.store.view_named(name) is not None:
        raise conflict(f"Duplicate object '{name}' of type 'network_view' already exists in the database.")


def delete_view(state: State, thing: GridObject) -> None:
    """Delete a view with everything in it. Raises Refusal for the default view."""
    if thing.fields["is_default"]:
        raise conflict("The default network view cannot be deleted.")
    for kind in (*_INSIDE, *_DNS):
        for inner in state.store.in_view(kind, thing.view):
            state.store.remove(inner)
    state.store.remove(thing)
