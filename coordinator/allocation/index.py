"""Every object of this cluster that the grid is known to hold: by id, by place, by node, by network.

It is filled by the listing at start and by our own calls, and right only as far as the grid agrees: every change
of the grid finds its object by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from typing import Any, Final

from coordinator.grid.allocation_object import AllocationObject
from protocol.wire.allocation_id import AllocationId

Place = tuple[str, str]
"""A network view and an address in it."""
NetworkPlace = tuple[str, str]
"""A network view and a subnet in it."""

_NONE: Final[frozenset[str]] = frozenset()


class Index:
    """The objects; `is_complete` once the listing at start has been read to its end."""

    def __init__(self) -> None:
        self.is_complete = False
        self._objects: dict[str, AllocationObject] = {}
        self._places: dict[Place, str] = {}
        self._nodes: dict[str, set[str]] = {}
        self._networks: dict[NetworkPlace, set[str]] = {}
        self._macs: dict[str, set[str]] = {}
        self._unlabelled: Counter[NetworkPlace] = Counter()

    def __len__(self) -> int:
        return len(self._objects)

    def __iter__(self) -> Iterator[AllocationObject]:
        return iter(list(self._objects.values()))

    def __contains__(self, allocation: str) -> bool:
        return allocation in self._objects

    def saw(self, seen: AllocationObject) -> None:
        """The grid holds this object now. Raises ValueError where its id is none."""
        node = AllocationId.parse(seen.allocation).owner.node
        self.drop(seen.allocation)
        # The grid gives an address to one object at a time, so what was known to be there is there no more.
        if other := self._places.get((seen.view, seen.address)):
            self.drop(other)
        self._objects[seen.allocation] = seen
        self._places[seen.view, seen.address] = seen.allocation
        self._nodes.setdefault(node, set()).add(seen.allocation)
        self._networks.setdefault((seen.view, seen.subnet), set()).add(seen.allocation)
        self._unlabelled[seen.view, seen.subnet] += seen.label is None
        if seen.mac:
            self._macs.setdefault(seen.mac, set()).add(seen.allocation)

    def drop(self, allocation: str) -> None:
        """The grid does not hold this object any more."""
        known = self._objects.pop(allocation, None)
        if known is None:
            return
        self._places.pop((known.view, known.address), None)
        _remove(self._nodes, AllocationId.parse(allocation).owner.node, allocation)
        _remove(self._networks, (known.view, known.subnet), allocation)
        self._unlabelled[known.view, known.subnet] -= known.label is None
        if known.mac:
            _remove(self._macs, known.mac, allocation)

    def get(self, allocation: str) -> AllocationObject | None:
        """The object of an id."""
        return self._objects.get(allocation)

    def at(self, view: str, address: str) -> AllocationObject | None:
        """The object at a place."""
        allocation = self._places.get((view, address))
        return None if allocation is None else self._objects[allocation]

    def nodes(self) -> Set[str]:
        """The nodes of which there are objects (NODE of the ids)."""
        return self._nodes.keys()

    def of_node(self, node: str) -> list[AllocationObject]:
        """The objects whose ids name this node (NODE of the id), by id."""
        return [self._objects[allocation] for allocation in sorted(self._nodes.get(node, _NONE))]

    def count(self, view: str, subnet: str) -> int:
        """How many objects of ours a network holds."""
        return len(self._networks.get((view, subnet), _NONE))

    def count_unlabelled(self, view: str, subnet: str) -> int:
        """How many objects of a network bear no label: they are ready, or were given a moment ago."""
        return self._unlabelled[view, subnet]

    def networks(self) -> list[NetworkPlace]:
        """The networks in which there are objects."""
        return sorted(self._networks)

    def in_network(self, view: str, subnet: str) -> list[AllocationObject]:
        """The objects in a network, by id."""
        return [self._objects[allocation] for allocation in sorted(self._networks.get((view, subnet), _NONE))]

    def has_mac(self, mac: str, other_than: str) -> bool:
        """Whether another object than this id's bears the MAC."""
        return bool(self._macs.get(mac, _NONE) - {other_than})


def _remove(sets: dict[Any, set[str]], key: Any, allocation: str) -> None:
    members = sets.get(key)
    if members is None:
        return
    members.discard(allocation)
    if not members:
        del sets[key]
