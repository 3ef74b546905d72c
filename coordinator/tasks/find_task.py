"""Reads from the grid what it holds under an id."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Operation, Reply, Unreadable
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Priority
from coordinator.tasks.allocation_task import AllocationTask


@dataclass(frozen=True)
class Seen:
    """What the grid holds under the id; None where it has none, by its own word."""

    object: AllocationObject | None


@dataclass(frozen=True)
class Unseen:
    """The grid did not say: nothing is known."""


class FindTask(AllocationTask[Seen | Unseen]):
    """Searches one id. It is patient: whoever asks waits for the end of an outage."""

    priority = Priority.LABEL
    patient = True

    def operations(self) -> tuple[Operation, ...]:
        return (self._writer.find(self.allocation),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Seen | Unseen:
        try:
            return Seen(self.found(replies[0]))
        except Unreadable:
            return Unseen()

    def refused(self, refusal: Refusal, now_s: float) -> Seen | Unseen:
        return Unseen()

    def doubtful(self, now_s: float) -> Seen | Unseen | None:
        return None

    def unknown(self, now_s: float) -> Seen | Unseen | None:
        return None
