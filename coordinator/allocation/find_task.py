"""Reads from the grid what it holds under some ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.allocation.task import Task
from coordinator.grid.allocation_object import AllocationObject, Writer
from coordinator.operations import Found, Operation, Reply, Unreadable
from coordinator.refusals import Refusal
from coordinator.work import Priority


@dataclass(frozen=True)
class Seen:
    """The objects that the grid holds of the ids; an id that is missing here has none, by the grid's own word."""

    objects: dict[str, AllocationObject]


@dataclass(frozen=True)
class Unseen:
    """The grid did not say: nothing is known."""


class FindTask(Task[Seen | Unseen]):
    """One search for each id. It is patient: whoever asks waits for the end of an outage."""

    priority = Priority.LABEL
    patient = True

    def __init__(self, writer: Writer, allocations: Sequence[str]) -> None:
        super().__init__()
        self.allocations = tuple(allocations)
        self._writer = writer

    def operations(self) -> tuple[Operation, ...]:
        return tuple(self._writer.find(allocation) for allocation in self.allocations)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Seen | Unseen:
        try:
            return Seen(
                {
                    allocation: found
                    for allocation, reply in zip(self.allocations, replies, strict=True)
                    if (found := self._read(allocation, reply))
                }
            )
        except Unreadable:
            return Unseen()

    def refused(self, refusal: Refusal, now_s: float) -> Seen | Unseen:
        return Unseen()

    def doubtful(self, now_s: float) -> Seen | Unseen | None:
        return None

    def unknown(self, now_s: float) -> Seen | Unseen | None:
        return None

    def _read(self, allocation: str, reply: Reply) -> AllocationObject | None:
        if not isinstance(reply, Found) or len(reply.hits) > 1:
            raise Unreadable("an id that is not of one object")
        found = self._writer.read(reply.hits[0]) if reply.hits else None
        if found and found.allocation != allocation:
            raise Unreadable("the object of another id")
        return found
