"""Reads the grid for a coordinator that does not lead: slowly, and not at all where the grid is slow.

What it has read is of use when it leads: then it knows already what most of the claims are that it is told.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.lane.task import Failed
from coordinator.sweep.listing import Pass, Shown

REST_SHARE: Final = 9.0
"""After each page it rests so many times as long as that took: a tenth of the grid's time is the most it takes."""

REST_MIN_S: Final = 0.2

SLOW_PAGE_S: Final = 2.0
"""A page that takes so long ends the pass: the grid has enough to do for the coordinator that leads."""


class WarmListing:
    """One pass for each `interval_s`; a single one where that is 0."""

    def __init__(self, parts: Parts, interval_s: float) -> None:
        self._parts = parts
        self._interval_s = interval_s
        self._next_s: float | None = None
        self._begun_s = 0.0
        self._pass: Pass | None = None
        """The one that is not over."""

    def start(self, now_s: float) -> None:
        """Begin a pass now."""
        self._begun_s = now_s
        self._read(Pass(self._parts), now_s)

    def expire(self, now_s: float) -> None:
        """Read the next page, or begin the next pass, when its time has come."""
        if self._next_s is None or now_s < self._next_s:
            return
        self._next_s = None
        if self._pass:
            self._read(self._pass, now_s)
        else:
            self.start(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._next_s

    def _read(self, listing: Pass, now_s: float) -> None:
        self._pass = listing
        listing.read(lambda shown, at_s: self._listed(listing, shown, at_s), now_s)

    def _listed(self, listing: Pass, shown: Shown | Failed, now_s: float) -> None:
        if isinstance(shown, Failed):
            self._parts.outbox.alarm("listing_refused", reason=shown.problem.msg)
            self._end(now_s)
            return
        for seen in listing.objects(shown):
            # Whose MAC that is by the time at which this coordinator leads is not known now.
            self._parts.index.saw(replace(seen, mac=""))
        if listing.is_over:
            self._complete(listing, now_s)
        elif shown.grid_s >= SLOW_PAGE_S:
            self._parts.outbox.note("listing_postponed", page_s=round(shown.grid_s, 1))
            self._end(now_s)
        else:
            self._next_s = now_s + max(REST_MIN_S, REST_SHARE * shown.grid_s)

    def _complete(self, listing: Pass, now_s: float) -> None:
        index = self._parts.index
        for known in index:
            if known.allocation not in listing.seen:
                index.drop(known.allocation)
        self._parts.outbox.note("listed", allocations=len(index))
        self._end(now_s)

    def _end(self, now_s: float) -> None:
        """The next pass begins an interval after this one has."""
        self._pass = None
        self._next_s = max(now_s, self._begun_s + self._interval_s) if self._interval_s else None
