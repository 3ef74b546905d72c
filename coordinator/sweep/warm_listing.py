"""Reads the grid for a coordinator that does not lead: slowly, and not at all where the grid is slow.

What it has read is of use when it leads: then it knows already what most of the claims are that it is told.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.lane.task import Failed
from coordinator.sweep.listing import ListTask, Page, read_objects

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
        self._to_list: list[str] = []
        """Cluster ids whose objects this pass has still to read."""
        self._page_id: str | None = None
        self._seen: set[str] = set()

    def start(self, now_s: float) -> None:
        """Begin a pass now."""
        self._begun_s, self._seen = now_s, set()
        self._to_list = [self._parts.policy.cluster_id, *self._parts.policy.former]
        self._page_id = None
        self._read(now_s)

    def expire(self, now_s: float) -> None:
        """Read the next page, or begin the next pass, when its time has come."""
        if self._next_s is None or now_s < self._next_s:
            return
        self._next_s = None
        if self._to_list:
            self._read(now_s)
        else:
            self.start(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._next_s

    def _read(self, now_s: float) -> None:
        operation = partial(self._parts.writer.list_page, self._to_list[0])
        task = ListTask(operation, self._page_id, self._parts.policy.user)
        self._parts.runner.submit(task, lambda outcome, at_s: self._listed(task, outcome, at_s), now_s)

    def _listed(self, task: ListTask, outcome: Page | Failed, now_s: float) -> None:
        if isinstance(outcome, Failed):
            self._parts.outbox.alarm("listing_refused", reason=outcome.problem.msg)
            self._end(now_s)
            return
        for seen in read_objects(self._parts.writer, outcome.hits).objects:
            self._seen.add(seen.allocation)
            # Whose MAC that is by the time at which this coordinator leads is not known now.
            self._parts.index.saw(replace(seen, mac=""))
        self._page_id = outcome.next_page_id
        if self._page_id is None:
            self._to_list = self._to_list[1:]
        if not self._to_list:
            self._complete(now_s)
        elif task.grid_s >= SLOW_PAGE_S:
            self._parts.outbox.note("listing_postponed", page_s=round(task.grid_s, 1))
            self._end(now_s)
        else:
            self._next_s = now_s + max(REST_MIN_S, REST_SHARE * task.grid_s)

    def _complete(self, now_s: float) -> None:
        index = self._parts.index
        for known in index:
            if known.allocation not in self._seen:
                index.drop(known.allocation)
        self._parts.outbox.note("listed", allocations=len(index))
        self._end(now_s)

    def _end(self, now_s: float) -> None:
        """The next pass begins an interval after this one has."""
        self._to_list = []
        self._next_s = max(now_s, self._begun_s + self._interval_s) if self._interval_s else None
