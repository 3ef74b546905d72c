"""The grid's database: objects with their indexes, every change of which can be undone."""

from __future__ import annotations

import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from gridsim.database.family import FAMILIES, FIXED, NETWORKS, Cidr, family_of
from gridsim.database.occupancy import Occupancy
from gridsim.database.references import reference

NO_VIEW = -1
ZERO_MAC = "00:00:00:00:00:00"
# What an object is searched by most; such searches must not scan.
_INDEXED_ATTRIBUTES = ("Allocation ID", "VM ID")
_INDEXED_FIELDS = {
    "fixedaddress": ("ipv4addr", "mac", "network"),
    "ipv6fixedaddress": ("ipv6addr", "duid", "mac_address", "network"),
    **{kind: ("network",) for each in FAMILIES for kind in (each.network, each.container, each.scope)},
    "networkview": ("name",),
    "record:host": ("name",),
    "view": ("name",),
    "extensibleattributedef": ("name",),
}

_SERVED = ("mac", "duid", "mac_address", "match_client", "name", "disable")
"""The fields of a fixed address that DHCP members serve by, besides its address."""

IndexKey = tuple[str, str, Any]


@dataclass(frozen=True, slots=True)
class GridObject:
    """One object of the database.

    `key` is the internal key inside the reference, `title` the decoration behind it, `view` the number of its
    network view. `first` to `last` is the span of a network or range, `occupies` the addresses that it holds.
    Extensible attributes are kept without the `{"value": …}` wrapping of the wire.
    """

    kind: str
    key: str
    title: str
    view: int = NO_VIEW
    fields: Mapping[str, Any] = field(default_factory=dict)
    extattrs: Mapping[str, Any] = field(default_factory=dict)
    first: int = 0
    last: int = 0
    occupies: tuple[int, ...] = ()

    @property
    def ref(self) -> str:
        """The object's reference."""
        return reference(self.kind, self.key, self.title)

    @property
    def rank(self) -> int:
        """The object's place in lists of hits: fixed, but unrelated to the time of creation."""
        return zlib.crc32(self.key.encode())

    def index_keys(self) -> Iterator[IndexKey]:
        """Yield what the object can be found by without a scan."""
        for name in _INDEXED_FIELDS.get(self.kind, ()):
            value = self.fields.get(name)
            if value and value != ZERO_MAC:
                yield self.kind, name, value
        for name in _INDEXED_ATTRIBUTES:
            value = self.extattrs.get(name)
            if isinstance(value, str):
                yield self.kind, f"*{name}", value


class Store:
    """Holds the objects; `put`, `remove`, `undo` plus `commit` are the only ways to change them."""

    def __init__(self) -> None:
        self.occupancy = Occupancy()
        self._objects: dict[str, dict[str, GridObject]] = {}
        self._index: dict[IndexKey, dict[str, None]] = {}
        self._networks: dict[tuple[int, int, int], GridObject] = {}
        self._network_sizes: Counter[int] = Counter()
        self._undo: list[tuple[str, str, GridObject | None]] = []
        self._instant = 0
        self.needs_restart = False
        """Whether DHCP members have to learn of a change, so that the GUI shows its "restart required" banner."""

    def instant(self) -> int:
        """Return what stands for the time: a number higher than every one before, also when writes are undone."""
        self._instant += 1
        return self._instant

    def put(self, thing: GridObject) -> None:
        """Add an object, or replace the one with its key."""
        self._undo.append((thing.kind, thing.key, self._swap(thing.kind, thing.key, thing)))

    def remove(self, thing: GridObject) -> None:
        """Take an object away."""
        self._undo.append((thing.kind, thing.key, self._swap(thing.kind, thing.key, None)))

    def undo(self) -> None:
        """Take back every change since the last commit."""
        while self._undo:
            kind, key, before = self._undo.pop()
            self._swap(kind, key, before)

    def commit(self) -> None:
        """Make the changes so far final."""
        changes = [(before, self.get(kind, key)) for kind, key, before in self._undo if kind in FIXED]
        self.needs_restart |= any(self._lease(before) != self._lease(after) for before, after in changes)
        self._undo.clear()

    def _lease(self, fixed: GridObject | None) -> tuple[object, ...]:
        """What DHCP members have to know of a fixed address: nothing of a reservation, or where none serves."""
        if fixed is None or fixed.fields["match_client"] == "RESERVED":
            return ()
        network = self.network_at(fixed.view, fixed.occupies[0])
        if network is None or not network.fields.get("members"):
            return ()
        return (fixed.key, *(fixed.fields.get(name) for name in _SERVED))

    def _swap(self, kind: str, key: str, after: GridObject | None) -> GridObject | None:
        objects = self._objects.setdefault(kind, {})
        before = objects.pop(key, None)
        if before is not None:
            self._unlist(before)
        if after is not None:
            objects[key] = after
            self._enlist(after)
        return before

    def _enlist(self, thing: GridObject) -> None:
        for index_key in thing.index_keys():
            self._index.setdefault(index_key, {})[thing.key] = None
        if thing.kind in NETWORKS:
            place = _place(thing)
            self._networks[place] = thing
            self._network_sizes[place[-1]] += 1
        for address in thing.occupies:
            self.occupancy.occupy(thing.view, address)

    def _unlist(self, thing: GridObject) -> None:
        for index_key in thing.index_keys():
            bucket = self._index[index_key]
            del bucket[thing.key]
            if not bucket:
                del self._index[index_key]
        if thing.kind in NETWORKS:
            place = _place(thing)
            del self._networks[place]
            self._network_sizes[place[-1]] -= 1
        for address in thing.occupies:
            self.occupancy.vacate(thing.view, address)

    def get(self, kind: str, key: str) -> GridObject | None:
        """Return the object with that key, if there is one."""
        return self._objects.get(kind, {}).get(key)

    def of_kind(self, kind: str) -> Iterable[GridObject]:
        """Return all objects of a type."""
        return self._objects.get(kind, {}).values()

    def count(self, kind: str) -> int:
        """Return how many objects of a type there are."""
        return len(self._objects.get(kind, {}))

    def is_indexed(self, kind: str, name: str, value: Any) -> bool:
        """Tell whether objects with that value are found without a scan."""
        if not isinstance(value, str):
            return False
        if name.startswith("*") and name[1:] in _INDEXED_ATTRIBUTES:
            return True
        return value not in ("", ZERO_MAC) and name in _INDEXED_FIELDS.get(kind, ())

    def bucket_size(self, kind: str, name: str, value: Any) -> int:
        """Return how many objects an indexed value has."""
        return len(self._index.get((kind, name, value), ()))

    def found_by(self, kind: str, name: str, value: Any) -> list[GridObject]:
        """Return the objects with an indexed value."""
        objects = self._objects.get(kind, {})
        return [objects[key] for key in self._index.get((kind, name, value), ())]

    def network_at(self, view: int, address: int) -> GridObject | None:
        """Return the network that contains an address."""
        for bits, number in self._network_sizes.items():
            network = self._networks.get((view, address >> bits << bits, bits)) if number else None
            if network is not None:
                return network
        return None

    def view_named(self, name: object) -> GridObject | None:
        """Return the network view of that name."""
        if not isinstance(name, str):
            return None
        return next(iter(self.found_by("networkview", "name", name)), None)

    def default_view(self) -> GridObject:
        """Return the network view that is used when none is named."""
        return next(view for view in self.of_kind("networkview") if view.fields["is_default"])

    def in_view(self, kind: str, view: int) -> list[GridObject]:
        """Return the objects of a type in one network view."""
        return [thing for thing in self.of_kind(kind) if thing.view == view]

    def in_network(self, kind: str, network: GridObject) -> list[GridObject]:
        """Return the objects of an indexed type inside one network."""
        listed = self.found_by(kind, "network", network.fields["network"])
        return [thing for thing in listed if thing.view == network.view]

    def snapshot(self) -> dict[str, Any]:
        """Return the whole state as plain values, for comparison."""
        return {
            "objects": {kind: dict(things) for kind, things in self._objects.items() if things},
            "index": {key: set(bucket) for key, bucket in self._index.items()},
            "taken": self.occupancy.counts(),
        }


def cidr_of(network: GridObject) -> Cidr:
    """Return the block of a network or container."""
    bits = family_of(network.first).bits
    return Cidr(network.first, bits - (network.last - network.first).bit_length())


def _place(network: GridObject) -> tuple[int, int, int]:
    return network.view, network.first, (network.last - network.first).bit_length()
