"""The simulated grid as one object: calls go in, replies come out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gridsim import operations, transaction
from gridsim.database.calls import Call, Reply
from gridsim.database.family import FAMILIES, format_address
from gridsim.database.faults import Faults
from gridsim.database.object_types import object_type
from gridsim.database.references import named_key, parse_reference, pool_key, title_of
from gridsim.database.refusals import (
    Forbidden,
    Refusal,
    invalid_value,
    not_found,
    operation_not_allowed,
    protocol_error,
)
from gridsim.database.schema import VERSIONS
from gridsim.database.state import State
from gridsim.database.store import GridObject, Store
from gridsim.objects import definitions, views, writes
from gridsim.reads import projection

_DISCOVERED = "discovered"


class Grid:
    """A grid without transport, clock or threads.

    `definitions` says which extensible attributes exist from the start (`cloud` or `none`), `has_cna` whether
    the grid has a cloud licence, so that the definitions' cloud flags count, `username` whom `userprofile` shows.
    """

    def __init__(
        self,
        *,
        definitions: str = "cloud",
        has_cna: bool = False,
        username: str = "admin",
        faults: Faults | None = None,
        versions: tuple[str, ...] = VERSIONS,
    ) -> None:
        self.state = State(faults=faults or Faults(), has_cna=has_cna, versions=versions)
        _populate(self.state, definitions, username)

    @property
    def faults(self) -> Faults:
        """The switches; assign changed ones to flip them."""
        return self.state.faults

    @faults.setter
    def faults(self, faults: Faults) -> None:
        self.state.faults = faults

    @property
    def store(self) -> Store:
        """The database, for looking at."""
        return self.state.store

    def call(self, call: Call) -> Reply:
        """Carry out one WAPI call; returns the reply, refusals included. A refused call changes nothing."""
        try:
            status, body = self._answered(call)
        except Refusal as refusal:
            self.store.undo()
            return Reply(refusal.status, refusal.body())
        except Forbidden:
            self.store.undo()
            return Reply(403, None)
        except Exception:
            self.store.undo()
            raise
        self.store.commit()
        return Reply(status, body)

    def _answered(self, call: Call) -> tuple[int, Any]:
        if not call.is_request:
            return operations.execute(self.state, call)
        match self.faults.user_kind:
            case "cloud":
                raise Forbidden("request")
            case "no-request":
                raise operation_not_allowed("create", "request")
        return transaction.run(self.state, call)

    def create(self, kind: str, data: Mapping[str, Any]) -> str:
        """Create an object as the grid's owner would, whatever the switches say; returns its reference.

        Besides WAPI types there is `discovered` (`ipv4addr` or `ipv6addr`, `network_view`): an address that the
        grid has seen in use. Raises Refusal as the WAPI would.
        """
        try:
            made = _made_by_owner(State(self.store), kind, data)
        except Refusal:
            self.store.undo()
            raise
        self.store.commit()
        return made.ref

    def update(self, ref: str, data: Mapping[str, Any]) -> str:
        """Change an object as the grid's owner would; returns its reference.

        Raises Refusal as the WAPI would.
        """
        thing = self._referred(ref)
        try:
            after = writes.update(State(self.store), object_type(thing.kind), thing, data)
        except Refusal:
            self.store.undo()
            raise
        self.store.commit()
        return after.ref

    def delete(self, ref: str) -> None:
        """Delete an object as the grid's owner would.

        Raises Refusal (404) when the reference is unknown.
        """
        thing = self._referred(ref)
        if thing.kind == _DISCOVERED:
            self.store.remove(thing)
        else:
            writes.delete(State(self.store), object_type(thing.kind), thing)
        self.store.commit()

    def objects(self, kind: str) -> list[dict[str, Any]]:
        """Return all objects of a type with every field, in order of their keys."""
        described = object_type(kind)
        names = projection.all_fields(described)
        things = sorted(self.store.of_kind(kind), key=lambda thing: (thing.view, thing.key))
        return [projection.shown(self.state, described, thing, names) for thing in things]

    def _referred(self, ref: str) -> GridObject:
        thing = self.store.get(*parse_reference(ref))
        if thing is None:
            raise not_found(f"Reference {ref} not found")
        return thing


def _made_by_owner(state: State, kind: str, data: Mapping[str, Any]) -> GridObject:
    if kind == _DISCOVERED:
        return _discover(state, data)
    return writes.create(state, object_type(kind), data)


def _discover(state: State, data: Mapping[str, Any]) -> GridObject:
    view = views.view_of(state, data)
    family = next((family for family in FAMILIES if family.address in data), None)
    if family is None:
        raise protocol_error("field for create missing: ipv4addr")
    try:
        address = family.parse(data[family.address])
    except ValueError:
        raise invalid_value(family.address, data[family.address]) from None
    shown = format_address(address)
    fields = {family.address: shown, "network_view": view.fields["name"]}
    key, title = pool_key(_DISCOVERED, address, view.view), title_of(shown, view.fields["name"])
    found = GridObject(_DISCOVERED, key, title, view.view, fields, occupies=(address,))
    state.store.put(found)
    return found


_SECURITY = {"session_timeout": 600, "disable_concurrent_login": False}
_LOCKOUT = {
    "enable_sequential_failed_login_attempts_lockout": False,
    "sequential_attempts": 5,
    "failed_lockout_duration": 5,
}


def _populate(state: State, defined: str, username: str) -> None:
    views.create_view(State(state.store), {"name": "default"})
    for definition in definitions.cloud_definitions() if defined == "cloud" else []:
        state.store.put(definition)
    for kind, name, fields in _fixtures(username, "CLOUD_API" if state.has_cna else None):
        state.store.put(GridObject(kind, named_key(kind, name), name, fields=fields))
    state.store.commit()


def _fixtures(username: str, cloud_license: str | None) -> list[tuple[str, str, dict[str, Any]]]:
    master = {"host_name": "gm.example.org", "platform": "VNIOS", "master_candidate": True}
    licenses = [name for name in ("DNS", "DHCP", "ENTERPRISE", cloud_license) if name]
    return [
        ("userprofile", username, {"name": username}),
        ("grid", "Infoblox", {"name": "Infoblox", "security_setting": _SECURITY, "lockout_setting": _LOCKOUT}),
        ("member", "gm.example.org", master),
        *(
            ("member:license", name, {"type": name, "expiration_status": "PERMANENT", "kind": "Static"})
            for name in licenses
        ),
    ]
