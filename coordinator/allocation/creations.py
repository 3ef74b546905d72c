"""What is being made in the grid for each node, and whether a node may have one object more there.

What a node claims is bounded by `--node-allocations-max`. A node may hold objects without claiming them: those of
an earlier boot until that is over, what rests after it was let go, and, with a stolen key, what it calls its own
and never names. So its objects are counted as well: of all its boots and drivers together.
"""

from __future__ import annotations

from typing import Final

from coordinator.allocation.index import Index
from protocol.wire.allocation_id import AllocationId

OBJECTS_PER_CLAIM_MAX: Final = 2
"""A node may have so many objects for each of its claims: after a reboot the earlier boot's still stand."""


class Creations:
    """The ids for which an object may be coming into being. `allocations_max`: claims that a node may have."""

    def __init__(self, index: Index, allocations_max: int) -> None:
        self._index = index
        self.objects_max = OBJECTS_PER_CLAIM_MAX * allocations_max
        """How many objects a node may have in the grid."""
        self._under_way: dict[str, set[str]] = {}
        """By NODE of the ids."""

    def __contains__(self, allocation: str) -> bool:
        return allocation in self._under_way.get(_node_of(allocation), ())

    def has_room(self, allocation: str) -> bool:
        """Whether the node of this id may have one object more."""
        node = _node_of(allocation)
        return self._index.count_of_node(node) + len(self._under_way.get(node, ())) < self.objects_max

    def begin(self, allocation: str) -> None:
        """A call may make an object of this id from now on; `end` must follow."""
        self._under_way.setdefault(_node_of(allocation), set()).add(allocation)

    def end(self, allocation: str) -> None:
        """No call makes it any more: the index knows what came of it."""
        node = _node_of(allocation)
        under_way = self._under_way.get(node, set())
        under_way.discard(allocation)
        if not under_way:
            self._under_way.pop(node, None)


def _node_of(allocation: str) -> str:
    return AllocationId.parse(allocation).owner.node
