"""Lists the grid at start and at every interval, brings the index up to date, and has every node compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.lane.task import Failed
from coordinator.sweep.listing import Pass, Shown
from protocol.errors import Problem
from protocol.wire.status import SweepStatus

FIRST_AFTER_S: Final = 1.0
"""How long after its start a coordinator begins to list."""

RETRY_S: Final = 60.0
"""How long after a listing that the grid refused it is tried again."""

Looker = Callable[[Problem | None, float], None]


class Sweeper:
    """One listing at a time. `compare_all` is called with the time when one is complete."""

    def __init__(
        self,
        parts: Parts,
        interval_s: float,
        compare_all: Callable[[float], None],
        missing: Callable[[str, float], None],
    ) -> None:
        self._parts = parts
        self._interval_s = interval_s
        self._compare_all = compare_all
        self._missing = missing
        """Told a claim that the listing does not show."""
        self._next_s: float | None = None
        self._pass: Pass | None = None
        """The listing under way."""
        self._shown: Shown | None = None
        """The page of it that has come, and was not taken in."""
        self._lookers: list[Looker] = []
        """Who waits for the listing under way."""
        self._late_lookers: list[Looker] = []
        """Who came while it was under way, so that the next one is for them."""
        self._known_before: frozenset[str] = frozenset()
        self.unreadable = 0
        """How many objects of the last listing could not be read."""
        self._listed_at_s: float | None = None

    def start_soon(self, now_s: float) -> None:
        """Begin the first listing in a moment.

        Its first page may take a grid with many objects long. Agents that were waiting for a coordinator connect
        within a moment, and their ADDs would wait for that page.
        """
        self._next_s = now_s + FIRST_AFTER_S

    def start(self, now_s: float) -> None:
        """Begin a listing now."""
        self._next_s = None
        self._lookers, self._late_lookers = [*self._lookers, *self._late_lookers], []
        self._known_before = frozenset(each.allocation for each in self._parts.index)
        self._read(Pass(self._parts), now_s)

    def look(self, then: Looker, now_s: float) -> None:
        """List the grid anew; `then` is called when all was compared, or with why it cannot be listed."""
        self._late_lookers.append(then)
        if not self._pass:
            self.start(now_s)

    def expire(self, now_s: float) -> None:
        """Begin the next listing when its time has come."""
        if self._next_s is not None and now_s >= self._next_s:
            self.start(now_s)

    def next_deadline_s(self) -> float | None:
        """When there is something to do: at once where a page was not taken in."""
        return 0.0 if self._shown else self._next_s

    def status(self, stopped: str, now_s: float) -> SweepStatus:
        """The last listing, for people. `stopped` is why nothing is freed of nodes that are gone."""
        age_s = None if self._listed_at_s is None else round(now_s - self._listed_at_s, 1)
        return SweepStatus(
            listed_s_ago=age_s, unreadable=self.unreadable, stopped=stopped, interval_s=self._interval_s
        )

    def _read(self, listing: Pass, now_s: float) -> None:
        self._pass = listing
        listing.read(lambda shown, at_s: self._listed(listing, shown, at_s), now_s)

    def _listed(self, listing: Pass, shown: Shown | Failed, now_s: float) -> None:
        if isinstance(shown, Failed):
            self._parts.outbox.alarm("listing_refused", reason=shown.problem.msg)
            self._next_s = now_s + RETRY_S
            self._ended(shown.problem, now_s)
            return
        self._shown = shown
        if not listing.is_over:
            self._read(listing, now_s)

    def take_in(self, now_s: float) -> None:
        """Bring the index up to date with the page that has come, while the grid is busy with the one after it.

        To be called before anything is handled that came later than that page.
        """
        if not (self._pass and self._shown):
            return
        shown, self._shown = self._shown, None
        for seen in self._pass.objects(shown):
            # Our own calls have told what is newer than this page, or will: they are answered in order.
            self._parts.index.saw(seen)
        if self._pass.is_over:
            self._complete(self._pass, now_s)

    def _complete(self, listing: Pass, now_s: float) -> None:
        for allocation in sorted(self._known_before - listing.seen):
            if allocation in self._parts.index:
                self._parts.index.drop(allocation)
                self._missing(allocation, now_s)
        self._parts.index.is_complete = True
        self._listed_at_s, self.unreadable = now_s, listing.unreadable
        facts = {"allocations": len(self._parts.index), "unreadable": self.unreadable}
        self._parts.outbox.note("listed", **facts)
        self._known_before = frozenset()
        self._next_s = now_s + self._interval_s if self._interval_s else None
        self._compare_all(now_s)
        self._ended(None, now_s)

    def _ended(self, problem: Problem | None, now_s: float) -> None:
        self._pass = self._shown = None
        lookers, self._lookers = self._lookers, []
        for then in lookers:
            then(problem, now_s)
        if self._late_lookers:
            self.start(now_s)
