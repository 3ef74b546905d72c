"""Gives tasks to the lane, and tells how each ended to whoever submitted it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from coordinator.grid.calls import Form
from coordinator.lane.commands import Finished
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.task import Task

Then = Callable[[Any, float], None]
TaskType = TypeVar("TaskType", bound=Task[Any])


class Runner:
    """The tasks under way, each with its owner."""

    def __init__(self, lane: Lane) -> None:
        self._lane = lane
        self._owners: dict[Task[Any], Then] = {}

    def __len__(self) -> int:
        return len(self._owners)

    @property
    def goes_singly(self) -> bool:
        """Whether the grid is known to take single calls only."""
        return self._lane.request.known is Form.SEPARATE

    def submit(self, task: TaskType, then: Then, now_s: float) -> TaskType:
        """Carry the task out; `then` is called once, with its outcome and the time. Returns the task."""
        self._owners[task] = then
        self._lane.handle(Submitted((task,), now_s))
        return task

    def try_request_with(self, task: TaskType, then: Then, now_s: float) -> None:
        """Carry out a look-up of priority START, with which `request` is tried anew where it was not allowed."""
        self._lane.request.try_again()
        self.submit(task, then, now_s)

    def moved(self, task: Task[Any], now_s: float) -> None:
        """The time at which a task is ready was changed."""
        if task in self._owners:
            self._lane.handle(Submitted((task,), now_s))

    def withdraw(self, task: Task[Any]) -> bool:
        """Forget the task and its owner; False where it is in a call, which cannot be recalled."""
        if not self._lane.withdraw(task):
            return False
        self._owners.pop(task, None)
        return True

    def finished(self, finished: Finished, now_s: float) -> None:
        """The lane says that a task has ended."""
        then = self._owners.pop(finished.task, None)
        if then:
            then(finished.outcome, now_s)
