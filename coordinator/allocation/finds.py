"""Reads from the grid what it holds under several ids, and tells that once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.lane.task import Failed
from coordinator.tasks.find_task import FindTask, Seen, Unseen
from protocol.family import Family


@dataclass
class Finds:
    """What was searched together: the objects by id, None where the grid has said that there is none.

    An id that is missing here was searched in vain: nothing is known of it.
    """

    left: int
    objects: dict[str, AllocationObject | None] = field(default_factory=dict)


def find(
    parts: Parts, allocations: Mapping[str, Family], then: Callable[[Finds, float], None], now_s: float
) -> None:
    """Search these ids, as many in a call as the grid takes; `then` is called once all were searched.

    `allocations`: the family of each one's address.
    """
    finds = Finds(len(allocations))

    def ended(allocation: str, outcome: Seen | Unseen | Failed, at_s: float) -> None:
        finds.left -= 1
        if isinstance(outcome, Seen):
            finds.objects[allocation] = outcome.object
        if not finds.left:
            then(finds, at_s)

    if not allocations:
        then(finds, now_s)
    for allocation, family in allocations.items():
        task = FindTask(parts.writer.of(family), parts.policy.user, allocation)
        parts.runner.submit(task, partial(ended, allocation), now_s)
