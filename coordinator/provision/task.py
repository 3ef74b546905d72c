"""What the tasks of this room have in common."""

from __future__ import annotations

from typing import Final

from coordinator.lane.task import Outcome, Task

CREATES_MAX: Final = 4
"""How often something that a search does not show is created, refused or unanswered each time."""


class TaskApart(Task[Outcome]):
    """A task that shares no call, so that a refusal is always its own."""

    apart = True

    def doubtful(self, now_s: float) -> Outcome | None:
        return self.unknown(now_s)
