"""Writes the cluster's name of today on what it has made under an earlier one: addresses, networks, views.

Whose an allocation is says its id; of all else says it the cluster's id in the comment. A name decides nothing.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.grid.kinds import BY_TYPE
from coordinator.grid.operations import UpdateFound
from coordinator.lane.task import Failed
from coordinator.provision.objects import MADE_TYPES, Provider
from coordinator.sweep.listing import ListTask, Page
from coordinator.tasks.rename_task import Renamed, RenameTask

UNDER_WAY_MAX: Final = 64
"""So many are in the lane at once, so that a new name delays no ADD."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    operation: UpdateFound
    subject: str


class Renaming:
    """What still bears an earlier name."""

    def __init__(self, parts: Parts, deletions: Deletions, provider: Provider) -> None:
        self._parts = parts
        self._deletions = deletions
        self._provider = provider
        self._are_places_named = False
        self._queue: deque[_Wanted] = deque()
        self._under_way = 0
        self._done = 0
        self._failed: Failed | None = None

    def listed(self, now_s: float) -> None:
        """The grid was listed: rename what is seen to bear another name, unless that is still under way."""
        if self._queue or self._under_way:
            return
        policy, writer = self._parts.policy, self._parts.writer
        self._done, self._failed = 0, None
        for seen in self._parts.index:
            if seen.tenant != policy.cluster_name and seen.allocation not in self._deletions:
                self._queue.append(_Wanted(writer.of(seen.family).rename(seen.allocation), seen.allocation))
        if not self._are_places_named:
            self._read([(kind, id_) for kind in MADE_TYPES for id_ in sorted(policy.cluster_ids)], None, now_s)
        self._proceed(now_s)

    def _read(self, listings: list[tuple[str, str]], page_id: str | None, now_s: float) -> None:
        """What bears the id of the cluster in its comment, one kind and id after the other."""
        if not listings:
            self._are_places_named = True
            return
        operation = partial(self._provider.list_made, *listings[0])
        task = ListTask(operation, page_id, self._parts.policy.user)
        self._parts.runner.submit(task, lambda outcome, at_s: self._listed_made(listings, outcome, at_s), now_s)

    def _listed_made(self, listings: list[tuple[str, str]], outcome: Page | Failed, now_s: float) -> None:
        if isinstance(outcome, Failed):
            self._parts.outbox.alarm("listing_refused", reason=outcome.problem.msg)
            return
        kind = listings[0][0]
        for hit in outcome.hits:
            if self._provider.has_made_under_another_name(hit):
                self._queue.append(_Wanted(self._provider.rename(kind, hit), f"{kind} {hit['_ref']}"))
        rest = listings if outcome.next_page_id is not None else listings[1:]
        self._read(rest, outcome.next_page_id, now_s)
        self._proceed(now_s)

    def _proceed(self, now_s: float) -> None:
        while self._queue and self._under_way < UNDER_WAY_MAX:
            wanted = self._queue.popleft()
            self._under_way += 1
            parts = self._parts
            task = RenameTask(wanted.operation, wanted.subject, parts.policy.user, parts.references)
            self._parts.runner.submit(task, self._ended, now_s)
        if not (self._queue or self._under_way) and (self._done or self._failed):
            self._tell()

    def _ended(self, outcome: Renamed | Failed, now_s: float) -> None:
        self._under_way -= 1
        if isinstance(outcome, Failed):
            self._failed = outcome
        else:
            self._done += 1
            self._saw(outcome.object)
        self._proceed(now_s)

    def _saw(self, found: Any) -> None:
        if str(found["_ref"]).partition("/")[0] in BY_TYPE:
            seen = self._parts.writer.read(found)
            if seen.allocation in self._parts.index:
                self._parts.index.saw(seen)

    def _tell(self) -> None:
        name = self._parts.policy.cluster_name
        self._parts.outbox.note("renamed", name=name, objects=self._done)
        if self._failed:
            self._are_places_named = False
            self._parts.outbox.alarm("rename_failed", name=name, reason=self._failed.problem.msg)
        self._done, self._failed = 0, None
