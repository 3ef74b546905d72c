"""Remembers whose turn it is, so that no node delays another by more than one call.

The nodes that wait share each call alike: the first task of each node comes before the second of any, and
the node that was served longest ago comes first. After a call that others could not share, one follows that they
can. A node whose task had a shared call refused shares none with others for a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Any, Final

from coordinator.lane.task import Task

NODES_MAX: Final = 10_000
"""Of so many nodes it is remembered when they were served."""


BLAMED_S: Final = 60.0
"""How long a node shares no call with others after a task of its was why one was refused."""


class Lead(Enum):
    """What has the first place in a call: what can be shared, an overdue task, what others cannot share."""

    SHARED = auto()
    OVERDUE = auto()
    ALONE = auto()


class Turns:
    """Which nodes were served when, in calls, and which of them had calls refused."""

    def __init__(self) -> None:
        self._calls = 0
        self._served: dict[str, int] = {}
        self._blamed_until_s: dict[str, float] = {}
        self.alone_last: frozenset[str] = frozenset()
        """The nodes whose the last call was, where it was one that others cannot share."""
        self.overdue_led = False
        """Whether overdue tasks had the first places in the last call that others can share."""

    def took(self, tasks: Iterable[Task[Any]], lead: Lead) -> None:
        """These tasks go into the next call."""
        self._calls += 1
        nodes = frozenset(task.node for task in tasks)
        self.alone_last = nodes - {""} if lead is Lead.ALONE else frozenset()
        self.overdue_led = lead is Lead.OVERDUE or (lead is Lead.ALONE and self.overdue_led)
        for node in nodes:
            self._served.pop(node, None)
            self._served[node] = self._calls
        while len(self._served) > NODES_MAX:
            del self._served[next(iter(self._served))]

    def blame(self, node: str, now_s: float) -> None:
        """A call that others shared was refused for the sake of this node's task."""
        blamed = {each: until_s for each, until_s in self._blamed_until_s.items() if now_s < until_s}
        self._blamed_until_s = {**blamed, node: now_s + BLAMED_S}

    def is_blamed(self, node: str, now_s: float) -> bool:
        """Whether this node shares no call with others at present."""
        return now_s < self._blamed_until_s.get(node, now_s)

    def in_turn(self, tasks: Iterable[Task[Any]], comes_later: Callable[[Task[Any]], bool]) -> list[Task[Any]]:
        """The tasks of all nodes by turns, each node's in the order in which it was submitted.

        Of nodes that were served by the same call, the one whose task `comes_later` does.
        """
        before: Counter[str] = Counter()
        turns: dict[Task[Any], int] = {}
        by_age = sorted(tasks, key=lambda task: task.submitted_at_s)
        for task in by_age:
            turns[task] = before[task.node]
            before[task.node] += 1
        return sorted(by_age, key=lambda task: (turns[task], self._served.get(task.node, 0), comes_later(task)))
