"""Reads from the grid what it holds under some ids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coordinator.allocation.parts import Parts
from coordinator.allocation.task import AllocationTask
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Operation, Reply, Unreadable
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Failed, Priority


@dataclass(frozen=True)
class Seen:
    """The objects that the grid holds of the ids; an id that is missing here has none, by the grid's own word."""

    objects: dict[str, AllocationObject]


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
            found = self.found(replies[0])
        except Unreadable:
            return Unseen()
        return Seen({self.allocation: found} if found else {})

    def refused(self, refusal: Refusal, now_s: float) -> Seen | Unseen:
        return Unseen()

    def doubtful(self, now_s: float) -> Seen | Unseen | None:
        return None

    def unknown(self, now_s: float) -> Seen | Unseen | None:
        return None


@dataclass
class _Finds:
    """Searches that were asked for together, and whom to tell when all have ended."""

    then: Callable[[Seen | Unseen, float], None]
    left: int
    objects: dict[str, AllocationObject] = field(default_factory=dict)
    is_unseen: bool = False

    def ended(self, outcome: Seen | Unseen | Failed, now_s: float) -> None:
        self.left -= 1
        if isinstance(outcome, Seen):
            self.objects |= outcome.objects
        else:
            self.is_unseen = True
        if not self.left:
            self.then(Unseen() if self.is_unseen else Seen(self.objects), now_s)


def find(
    parts: Parts, allocations: Sequence[str], then: Callable[[Seen | Unseen, float], None], now_s: float
) -> None:
    """Search these ids, as many in a call as the grid takes; `then` is called once all were searched."""
    finds = _Finds(then, len(allocations))
    for allocation in allocations:
        parts.runner.submit(FindTask(parts.writer, parts.policy.user, allocation), finds.ended, now_s)
