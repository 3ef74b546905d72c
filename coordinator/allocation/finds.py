"""Reads from the grid what it holds under several ids, and tells that once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.lane.task import Failed
from coordinator.tasks.find_task import FindTask, Seen, Unseen


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
