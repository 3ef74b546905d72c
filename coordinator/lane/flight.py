"""A call under way, with the tasks that share it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from coordinator.core.outbox import Note
from coordinator.grid.calls import Call, Landing, Lost, NotSent, Refused
from coordinator.grid.refusals import CONCERNS_EVERY_WRITE, Kind, Refusal
from coordinator.lane.task import Task


@dataclass(frozen=True)
class Flight:
    """What was sent when, for whom."""

    call: Call
    tasks: tuple[Task[Any], ...]
    started_at_s: float

    def note(self, event: Landing, took_s: float) -> Note:
        """How it ended, for the log."""
        fields: dict[str, Any] = {
            "call": self.call.id,
            "outcome": type(event).__name__.lower(),
            "operations": len(self.call.operations),
            "took_ms": round(took_s * 1000, 1),
        }
        if isinstance(event, Refused):
            fields |= {"refusal": event.refusal.kind.name.lower(), "text": event.refusal.text}
        if isinstance(event, Lost | NotSent):
            fields |= {"reason": event.problem.facts.get("cause") or event.problem.msg}
        return Note("wapi_call", fields, is_detail=not isinstance(event, Refused))


def size(tasks: Iterable[Task[Any]]) -> int:
    """How many operations of a batch these tasks take."""
    return sum(task.cost() for task in tasks)


def is_culprit(tasks: Sequence[Task[Any]], refusal: Refusal) -> bool:
    """Whether this task alone is why the call that it shared before was refused, and that was its node's doing."""
    is_of_the_grid = refusal.kind is Kind.EXHAUSTED or refusal.kind in CONCERNS_EVERY_WRITE
    return len(tasks) == 1 and tasks[0].companions_max is not None and bool(tasks[0].node) and not is_of_the_grid
