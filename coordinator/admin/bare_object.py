"""Fixed addresses that bear this cluster's name, as a person's command reads them: with or without an id."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.core import attributes
from coordinator.core.attributes import AttributeNames
from coordinator.grid.allocation_object import ORIGINAL_NAMES, BareAddress
from coordinator.grid.operations import Object
from coordinator.grid.writer import Writer

Place = tuple[str, str]
"""A network view and an address in it."""


@dataclass(frozen=True, slots=True)
class BareObject:
    """One of them. `allocation` is empty where it bears no id; `mac` is None on a reservation.

    `names` are those of the attributes that it bears: the original's, where it bears none of ours.
    """

    allocation: str
    view: str
    subnet: str
    address: str
    mac: str | None
    name: str
    comment: str
    container_id: str
    ifname: str
    location: str
    names: AttributeNames

    @property
    def old_identity(self) -> BareAddress:
        """What tells it from others while it has no id."""
        return BareAddress(self.view, self.address, self.container_id, self.name, self.names)

    @property
    def place(self) -> Place:
        """Where it is."""
        return self.view, self.address


def read(writer: Writer, hit: Object) -> BareObject:
    """Raises `Unreadable` when it is no fixed address with the fields that were asked for."""
    known = writer.read(hit)
    values = attributes.read_first(hit.get("extattrs"))
    names = writer.names if known.tenant else ORIGINAL_NAMES
    return BareObject(
        allocation=known.allocation,
        view=known.view,
        subnet=known.subnet,
        address=known.address,
        mac=known.mac,
        name=str(hit.get("name") or ""),
        comment=known.comment,
        container_id=values.get(names.vm_id, ""),
        ifname=values.get(names.interface_name, ""),
        location=known.node,
        names=names,
    )
