"""The book of addresses that are taken, kept so that the lowest free one of a network is found at once.

Theory: each network has a frontier, and a heap of addresses below it that became free again. Every free address
below the frontier is in the heap; the heap may also hold addresses that are taken again, which are dropped when
they come up. The frontier moves up only over addresses that cannot be offered. All of this is a cache of
the counts, hence a rollback needs no care beyond undoing the counts.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from gridsim.database.ipv4 import Cidr, block_of

Span = tuple[int, int]


@dataclass(slots=True)
class _Pool:
    cidr: Cidr
    frontier: int
    freed: list[int] = field(default_factory=list)
    queued: set[int] = field(default_factory=set)

    def offer(self, address: int) -> None:
        if address < self.frontier and address not in self.queued:
            self.queued.add(address)
            heapq.heappush(self.freed, address)


class Occupancy:
    """Counts the holders of each address per network view."""

    def __init__(self) -> None:
        self._holders: dict[int, dict[int, int]] = {}
        self._pools: dict[tuple[int, Cidr], _Pool] = {}
        self._prefixes: set[int] = set()

    def occupy(self, view: int, address: int) -> None:
        """Add one holder."""
        holders = self._holders.setdefault(view, {})
        holders[address] = holders.get(address, 0) + 1

    def vacate(self, view: int, address: int) -> None:
        """Take one holder away."""
        holders = self._holders[view]
        holders[address] -= 1
        if holders[address] == 0:
            del holders[address]
            for pool in self._pools_around(view, address):
                pool.offer(address)

    def reopen(self, view: int, address: int) -> None:
        """Look again from that address on, since what barred it (a range) is gone."""
        for pool in self._pools_around(view, address):
            pool.frontier = min(pool.frontier, address)

    def is_taken(self, view: int, address: int) -> bool:
        """Tell whether an address has a holder."""
        return address in self._holders.get(view, ())

    def count_between(self, view: int, first: int, last: int, outside: Sequence[Span]) -> int:
        """Return how many addresses from `first` to `last` have a holder and lie in none of the spans."""
        taken = (address for address in self._holders.get(view, ()) if first <= address <= last)
        return sum(_behind(address, outside) is None for address in taken)

    def counts(self) -> dict[int, dict[int, int]]:
        """Return a copy of the holders per view, for comparison."""
        return {view: dict(holders) for view, holders in self._holders.items() if holders}

    def lowest_free(
        self, view: int, cidr: Cidr, barred: Sequence[Span], exclude: Collection[int], wanted: int
    ) -> list[int]:
        """Return up to `wanted` free host addresses of the network, lowest first.

        `barred` spans (DHCP ranges) are never offered; `exclude` is left out of this answer only.
        """
        pool = self._pool(view, cidr)
        holders = self._holders.get(view, {})
        found = self._from_heap(pool, holders, barred, exclude, wanted)
        address, contiguous = pool.frontier, True
        while len(found) < wanted and address <= cidr.last_host:
            behind = _behind(address, barred) if address not in holders else address + 1
            if behind is None:
                contiguous = False
                if address not in exclude:
                    found.append(address)
                address += 1
                continue
            address = behind
            if contiguous:
                pool.frontier = address
        return found

    def _from_heap(
        self,
        pool: _Pool,
        holders: dict[int, int],
        barred: Sequence[Span],
        exclude: Collection[int],
        wanted: int,
    ) -> list[int]:
        found: list[int] = []
        kept: list[int] = []
        while pool.freed and pool.freed[0] < pool.frontier and len(found) < wanted:
            address = heapq.heappop(pool.freed)
            if address in holders or _behind(address, barred) is not None:
                pool.queued.discard(address)
                continue
            kept.append(address)
            if address not in exclude:
                found.append(address)
        for address in kept:
            heapq.heappush(pool.freed, address)
        return found

    def _pool(self, view: int, cidr: Cidr) -> _Pool:
        pool = self._pools.get((view, cidr))
        if pool is None:
            pool = self._pools[view, cidr] = _Pool(cidr, cidr.first_host)
            self._prefixes.add(cidr.prefix)
        return pool

    def _pools_around(self, view: int, address: int) -> list[_Pool]:
        blocks = (block_of(address, prefix) for prefix in self._prefixes)
        return [self._pools[view, block] for block in blocks if (view, block) in self._pools]


def _behind(address: int, barred: Sequence[Span]) -> int | None:
    for first, last in barred:
        if first <= address <= last:
            return last + 1
    return None
