"""The book of addresses that are taken, kept so that a free one of a network is found at once.

Each network that was asked for an address has its free addresses as intervals, so a network of 2**64 addresses
costs what its holders cost. The intervals follow every change of the counts, undone ones included.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from itertools import chain, islice, takewhile

from gridsim.database.family import Cidr, Span


class Spans:
    """Spans of addresses, looked into by bisection; made of any spans, in any order, overlapping or not."""

    __slots__ = ("firsts", "lasts")

    def __init__(self, spans: Iterable[Span]) -> None:
        self.firsts: list[int] = []
        self.lasts: list[int] = []
        for first, last in sorted(spans):
            if self.lasts and first <= self.lasts[-1] + 1:
                self.lasts[-1] = max(self.lasts[-1], last)
            else:
                self.firsts.append(first)
                self.lasts.append(last)

    def __len__(self) -> int:
        return len(self.firsts)

    def place(self, address: int) -> int:
        """Return the place of the last span that begins at or before an address, -1 if there is none."""
        return bisect_right(self.firsts, address) - 1

    def behind(self, address: int) -> int | None:
        """Return the first address behind the span that holds this one, None if no span does."""
        place = self.place(address)
        return self.lasts[place] + 1 if place >= 0 and address <= self.lasts[place] else None

    def behind_overlap(self, first: int, last: int) -> int | None:
        """Return the first address behind the last span that overlaps this one, None if none does."""
        place = self.place(last)
        return self.lasts[place] + 1 if place >= 0 and first <= self.lasts[place] else None

    def size(self) -> int:
        """Return how many addresses the spans hold."""
        return sum(self.lasts) - sum(self.firsts) + len(self.firsts)

    def take(self, address: int) -> None:
        """Take an address out."""
        place = self.place(address)
        if place < 0 or address > self.lasts[place]:
            return
        first, last = self.firsts[place], self.lasts[place]
        if first == last:
            del self.firsts[place], self.lasts[place]
        elif address == first:
            self.firsts[place] += 1
        elif address == last:
            self.lasts[place] -= 1
        else:
            self.lasts[place] = address - 1
            self.firsts.insert(place + 1, address + 1)
            self.lasts.insert(place + 1, last)

    def give(self, address: int) -> None:
        """Put an address in that is in no span."""
        place = self.place(address)
        joins_below = place >= 0 and self.lasts[place] == address - 1
        joins_above = place + 1 < len(self.firsts) and self.firsts[place + 1] == address + 1
        if joins_below and joins_above:
            self.lasts[place] = self.lasts.pop(place + 1)
            del self.firsts[place + 1]
        elif joins_below:
            self.lasts[place] = address
        elif joins_above:
            self.firsts[place + 1] = address
        else:
            self.firsts.insert(place + 1, address)
            self.lasts.insert(place + 1, address)


NOWHERE = Spans(())


class Occupancy:
    """Counts the holders of each address per network view."""

    def __init__(self) -> None:
        self._holders: dict[int, dict[int, int]] = {}
        self._free: dict[tuple[int, int, int], tuple[Cidr, Spans]] = {}
        self._sizes: set[int] = set()

    def occupy(self, view: int, address: int) -> None:
        """Add one holder."""
        holders = self._holders.setdefault(view, {})
        if address in holders:
            holders[address] += 1
            return
        holders[address] = 1
        for _, free in self._networks_around(view, address):
            free.take(address)

    def vacate(self, view: int, address: int) -> None:
        """Take one holder away."""
        holders = self._holders[view]
        holders[address] -= 1
        if holders[address] == 0:
            del holders[address]
            for cidr, free in self._networks_around(view, address):
                if cidr.first_host <= address <= cidr.last_offered:
                    free.give(address)

    def is_taken(self, view: int, address: int) -> bool:
        """Tell whether an address has a holder."""
        return address in self._holders.get(view, ())

    def between(self, view: int, first: int, last: int) -> list[int]:
        """Return the addresses from `first` to `last` that have a holder, in no order."""
        return [address for address in self._holders.get(view, ()) if first <= address <= last]

    def counts(self) -> dict[int, dict[int, int]]:
        """Return a copy of the holders per view, for comparison."""
        return {view: dict(holders) for view, holders in self._holders.items() if holders}

    def lowest_free(self, view: int, cidr: Cidr, within: Span, passed_over: Spans, wanted: int) -> list[int]:
        """Return up to `wanted` free addresses of the network, lowest first.

        They lie `within` a span of the network; `passed_over` (DHCP ranges, exclusions) is not offered.
        """
        first, last = within
        offered = _offered(self._free_of(view, cidr), first, passed_over)
        return list(islice(takewhile(lambda address: address <= last, offered), wanted))

    def free_from(
        self, view: int, cidr: Cidr, within: Span, passed_over: Spans, wanted: int, start: int
    ) -> list[int]:
        """Return up to `wanted` free addresses as `lowest_free` does, beginning at `start`, then from below."""
        first, last = within
        offered = chain(
            takewhile(lambda address: address <= last, _offered(self._free_of(view, cidr), start, passed_over)),
            takewhile(lambda address: address < start, _offered(self._free_of(view, cidr), first, passed_over)),
        )
        return list(islice(offered, wanted))

    def _free_of(self, view: int, cidr: Cidr) -> Spans:
        key = (view, cidr.base, cidr.host_bits)
        known = self._free.get(key)
        if known is None:
            free = Spans([(cidr.first_host, cidr.last_offered)])
            for address in sorted(self.between(view, cidr.base, cidr.last)):
                free.take(address)
            known = self._free[key] = (cidr, free)
            self._sizes.add(cidr.host_bits)
        return known[1]

    def _networks_around(self, view: int, address: int) -> Iterator[tuple[Cidr, Spans]]:
        for bits in self._sizes:
            known = self._free.get((view, address >> bits << bits, bits))
            if known is not None:
                yield known


def _offered(free: Spans, address: int, passed_over: Spans) -> Iterator[int]:
    place = max(0, free.place(address))
    while place < len(free.firsts):
        address = max(address, free.firsts[place])
        behind = passed_over.behind(address)
        if behind is not None:
            address = behind
            place = max(place, free.place(address))
        if address > free.lasts[place]:
            place += 1
        elif behind is None:
            yield address
            address += 1
