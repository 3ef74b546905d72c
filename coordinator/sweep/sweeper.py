"""Lists the grid at start and at every interval, brings the index up to date, and has every node compared."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.lane.task import Failed
from coordinator.sweep.listing import ListTask, Page, read_objects
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
        self._is_listing = False
        self._lookers: list[Looker] = []
        """Who waits for the listing under way."""
        self._late_lookers: list[Looker] = []
        """Who came while it was under way, so that the next one is for them."""
        self._to_list: list[str] = []
        """Cluster ids whose objects the listing under way has still to read."""
        self._known_before: frozenset[str] = frozenset()
        self._seen: set[str] = set()
        self._unreadable = 0
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
        self._is_listing = True
        self._lookers, self._late_lookers = [*self._lookers, *self._late_lookers], []
        self._known_before = frozenset(each.allocation for each in self._parts.index)
        self._seen = set()
        self._unreadable = 0
        self._to_list = [self._parts.policy.cluster_id, *self._parts.policy.former]
        self._read(None, now_s)

    def look(self, then: Looker, now_s: float) -> None:
        """List the grid anew; `then` is called when all was compared, or with why it cannot be listed."""
        self._late_lookers.append(then)
        if not self._is_listing:
            self.start(now_s)

    def expire(self, now_s: float) -> None:
        """Begin the next listing when its time has come."""
        if self._next_s is not None and now_s >= self._next_s:
            self.start(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._next_s

    def status(self, stopped: str, now_s: float) -> SweepStatus:
        """The last listing, for people. `stopped` is why nothing is freed of nodes that are gone."""
        age_s = None if self._listed_at_s is None else round(now_s - self._listed_at_s, 1)
        return SweepStatus(
            listed_s_ago=age_s, unreadable=self.unreadable, stopped=stopped, interval_s=self._interval_s
        )

    def _read(self, page_id: str | None, now_s: float) -> None:
        operation = partial(self._parts.writer.list_page, self._to_list[0])
        task = ListTask(operation, page_id, self._parts.policy.user)
        self._parts.runner.submit(task, self._listed, now_s)

    def _listed(self, outcome: Page | Failed, now_s: float) -> None:
        if isinstance(outcome, Failed):
            self._parts.outbox.alarm("listing_refused", reason=outcome.problem.msg)
            self._next_s = now_s + RETRY_S
            self._ended(outcome.problem, now_s)
            return
        listed = read_objects(self._parts.writer, outcome.hits)
        self._unreadable += listed.unreadable
        for seen in listed.objects:
            self._seen.add(seen.allocation)
            # Our own calls have told what is newer than this page, or will: they are answered in order.
            self._parts.index.saw(seen)
        if outcome.next_page_id is None:
            self._to_list = self._to_list[1:]
        if self._to_list:
            self._read(outcome.next_page_id, now_s)
        else:
            self._complete(now_s)

    def _complete(self, now_s: float) -> None:
        for allocation in sorted(self._known_before - self._seen):
            if allocation in self._parts.index:
                self._parts.index.drop(allocation)
                self._missing(allocation, now_s)
        self._parts.index.is_complete = True
        self._listed_at_s, self.unreadable = now_s, self._unreadable
        facts = {"allocations": len(self._parts.index), "unreadable": self._unreadable}
        self._parts.outbox.note("listed", **facts)
        self._known_before, self._seen = frozenset(), set()
        self._next_s = now_s + self._interval_s if self._interval_s else None
        self._compare_all(now_s)
        self._ended(None, now_s)

    def _ended(self, problem: Problem | None, now_s: float) -> None:
        self._is_listing = False
        lookers, self._lookers = self._lookers, []
        for then in lookers:
            then(problem, now_s)
        if self._late_lookers:
            self.start(now_s)
