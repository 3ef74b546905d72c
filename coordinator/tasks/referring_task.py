"""A task that changes an object which exists: by its id, or by reference where it takes no `request`."""

from __future__ import annotations

from coordinator.grid.writer import Writer
from coordinator.lane.task import Outcome
from coordinator.tasks.allocation_task import AllocationTask
from coordinator.tasks.references import References


class ReferringTask(AllocationTask[Outcome]):
    """It keeps rule S: no write by reference before its time, and doubt about the id after one without outcome."""

    def __init__(self, writer: Writer, user: str, allocation: str, references: References) -> None:
        super().__init__(writer, user, allocation)
        self.due_s = 0.0
        self._references = references

    def goes_separately(self) -> None:
        super().goes_separately()
        self.rest()

    def goes_by_request(self, now_s: float) -> None:
        if self.is_separate:
            super().goes_by_request(now_s)
            self.ready_at_s = min(self.ready_at_s, max(self.due_s, now_s))

    @property
    def must_look(self) -> bool:
        """Whether its next step is a search: it has to look, or may not write yet by what has happened since."""
        is_too_early = self.is_separate and self.ready_at_s < self._references.free_at_s(self.allocation)
        return self.is_looking or is_too_early

    def rest(self) -> None:
        """Wait until the id may be written, where that is what comes next."""
        if self.is_separate and not self.is_looking:
            self.ready_at_s = max(self.ready_at_s, self._references.free_at_s(self.allocation))

    def lost(self, now_s: float) -> None:
        """A write may still be carried out: if it names a reference, nobody writes to this id for a while."""
        if self.is_sent_separately:
            self._references.doubt(self.allocation, now_s)
