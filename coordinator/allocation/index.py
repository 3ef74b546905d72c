"""Every object of this cluster that the grid is known to hold: by id, by place, by node, by network.

It is filled by the listing at start and by our own calls, and right only as far as the grid agrees: every change
of the grid finds its object by id.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Set
from sys import intern

from coordinator.grid.allocation_object import AllocationObject
from protocol.wire.allocation_id import AllocationId

Place = tuple[str, str]
"""A network view and an address in it."""
NetworkPlace = tuple[str, str]
"""A network view and a subnet in it."""


class Index:
    """The objects; `is_complete` once the listing at start has been read to its end."""

    def __init__(self) -> None:
        self.is_complete = False
        self._objects: dict[str, AllocationObject] = {}
        self._places: dict[str, dict[str, str]] = {}
        """By view, then by address."""
        self._nodes: dict[str, list[str]] = {}
        self._networks: Counter[NetworkPlace] = Counter()
        self._unlabelled: Counter[NetworkPlace] = Counter()
        self._macs: dict[str, str] = {}
        self._same_macs: dict[str, set[str]] = {}
        """The objects with a MAC that another one in `_macs` has, too."""

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
        if other := self.at(seen.view, seen.address):
            self.drop(other.allocation)
        kept = _slim(seen)
        self._objects[kept.allocation] = kept
        self._places.setdefault(kept.view, {})[kept.address] = kept.allocation
        self._nodes.setdefault(node, []).append(kept.allocation)
        self._networks[kept.view, kept.subnet] += 1
        self._unlabelled[kept.view, kept.subnet] += not kept.is_labelled
        if kept.mac and self._macs.setdefault(kept.mac, kept.allocation) != kept.allocation:
            self._same_macs.setdefault(kept.mac, set()).add(kept.allocation)

    def drop(self, allocation: str) -> None:
        """The grid does not hold this object any more."""
        known = self._objects.pop(allocation, None)
        if known is None:
            return
        del self._places[known.view][known.address]
        node = AllocationId.parse(allocation).owner.node
        self._nodes[node].remove(allocation)
        if not self._nodes[node]:
            del self._nodes[node]
        place = known.view, known.subnet
        self._networks[place] -= 1
        self._unlabelled[place] -= not known.is_labelled
        if not self._networks[place]:
            del self._networks[place], self._unlabelled[place]
        if known.mac:
            self._drop_mac(known.mac, allocation)

    def _drop_mac(self, mac: str, allocation: str) -> None:
        others = self._same_macs.get(mac, set())
        others.discard(allocation)
        if self._macs[mac] == allocation:
            del self._macs[mac]
            if others:
                self._macs[mac] = others.pop()
        if not others:
            self._same_macs.pop(mac, None)

    def get(self, allocation: str) -> AllocationObject | None:
        """The object of an id."""
        return self._objects.get(allocation)

    def at(self, view: str, address: str) -> AllocationObject | None:
        """The object at a place."""
        allocation = self._places.get(view, {}).get(address)
        return None if allocation is None else self._objects[allocation]

    def nodes(self) -> Set[str]:
        """The nodes of which there are objects (NODE of the ids)."""
        return self._nodes.keys()

    def of_node(self, node: str) -> list[AllocationObject]:
        """The objects whose ids name this node (NODE of the id), by id."""
        return [self._objects[allocation] for allocation in sorted(self._nodes.get(node, ()))]

    def count_of_node(self, node: str) -> int:
        """How many objects bear ids of this node (NODE of the id)."""
        return len(self._nodes.get(node, ()))

    def count(self, view: str, subnet: str) -> int:
        """How many objects of ours a network holds."""
        return self._networks[view, subnet]

    def count_unlabelled(self, view: str, subnet: str) -> int:
        """How many objects of a network bear no label: they are ready, or were given a moment ago."""
        return self._unlabelled[view, subnet]

    def networks(self) -> list[NetworkPlace]:
        """The networks in which there are objects."""
        return sorted(self._networks)

    def in_network(self, view: str, subnet: str) -> list[AllocationObject]:
        """The objects in a network. It looks at all that there are."""
        return [each for each in self._objects.values() if (each.subnet, each.view) == (subnet, view)]

    def has_mac(self, mac: str, other_than: str) -> bool:
        """Whether another object than this id's bears the MAC."""
        return self._macs.get(mac, other_than) != other_than or bool(self._same_macs.get(mac))


def _slim(seen: AllocationObject) -> AllocationObject:
    """The same without its comment, sharing the texts that many objects have."""
    return AllocationObject(
        allocation=seen.allocation,
        view=intern(seen.view),
        subnet=intern(seen.subnet),
        address=seen.address,
        network_name=intern(seen.network_name),
        node=intern(seen.node),
        tenant=intern(seen.tenant),
        mac=seen.mac,
        label_text=seen.label_text,
    )
