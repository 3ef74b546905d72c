"""Deletes the object of an id that was let go or disowned, until the grid says that there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.grid.operations import Operation, Reply, Unreadable
from coordinator.grid.refusals import Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import Priority
from coordinator.tasks.references import References
from coordinator.tasks.referring_task import ReferringTask

RETRY_S: Final = 60.0
"""How long a deletion rests that has failed twice, or whose search was refused."""


@dataclass(frozen=True)
class Gone:
    """The grid holds nothing under the id, by its own word."""


class DeleteTask(ReferringTask[Gone]):
    """It ends `Gone` and in no other way: what the grid refuses is tried again every minute."""

    priority = Priority.RELEASE
    patient = True

    def __init__(self, writer: Writer, user: str, allocation: str, references: References, due_s: float) -> None:
        super().__init__(writer, user, allocation, references)
        self.ready_at_s = self.due_s = due_s
        self._failures = 0

    def hasten(self, due_s: float) -> bool:
        """It is due earlier than was said, unless it rests because it has failed. Returns whether it is now."""
        if self._failures or due_s >= self.ready_at_s:
            return False
        self.ready_at_s = self.due_s = due_s
        return True

    def expedite(self, now_s: float) -> None:
        """The address is needed: the rest of the delay is not waited for, and it goes before other deletions."""
        if self._failures == 0:
            self.hasten(now_s)
            self.priority = Priority.PREPARE

    def operations(self) -> tuple[Operation, ...]:
        if self.must_look:
            return (self._writer.find(self.allocation),)
        return (self._writer.delete(self.allocation),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Gone | None:
        if not self.must_look:
            return Gone()
        try:
            found = self.found(replies[0])
        except Unreadable:
            self._failed(now_s)
            return None
        if found is None:
            return Gone()
        self.is_looking = False
        if self._failures > 1:
            self.ready_at_s = max(self.ready_at_s, now_s + RETRY_S)
        self.rest()
        return None

    def refused(self, refusal: Refusal, now_s: float) -> Gone | None:
        self._failed(now_s)
        return None

    def doubtful(self, now_s: float) -> Gone | None:
        self.is_looking = True
        return None

    def unknown(self, now_s: float) -> Gone | None:
        if self.must_look:
            return None
        self.lost(now_s)
        self._failed(now_s)
        return None

    def _failed(self, now_s: float) -> None:
        # A deletion that finds nothing fails as well, so a search follows at once.
        if self.is_looking:
            self.ready_at_s = max(self.ready_at_s, now_s + RETRY_S)
        else:
            self._failures += 1
        self.is_looking = True
