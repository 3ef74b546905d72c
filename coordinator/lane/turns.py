"""Remembers whose turn it is, so that no node delays another by more than one call.

The nodes that wait share each call alike: the first piece of work of each node comes before the second of any, and
the node that was served longest ago comes first. After a call that others could not share, one follows that they
can. A node whose work had a shared call refused shares none with others for a while.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final

from coordinator.lane.task import Work

NODES_MAX: Final = 10_000
"""Of so many nodes it is remembered when they were served."""


BLAMED_S: Final = 60.0
"""How long a node shares no call with others after its work was why one was refused."""


class Lead(Enum):
    """What has the first place in a call: what can be shared, overdue work, what others cannot share."""

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
        """Whether overdue work had the first places in the last call that others can share."""

    def took(self, works: Iterable[Work], lead: Lead) -> None:
        """This work goes into the next call."""
        self._calls += 1
        nodes = frozenset(work.node for work in works)
        self.alone_last = nodes - {""} if lead is Lead.ALONE else frozenset()
        self.overdue_led = lead is Lead.OVERDUE or (lead is Lead.ALONE and self.overdue_led)
        for node in nodes:
            self._served.pop(node, None)
            self._served[node] = self._calls
        while len(self._served) > NODES_MAX:
            del self._served[next(iter(self._served))]

    def blame(self, node: str, now_s: float) -> None:
        """A call that others shared was refused for the sake of this node's work."""
        blamed = {each: until_s for each, until_s in self._blamed_until_s.items() if now_s < until_s}
        self._blamed_until_s = {**blamed, node: now_s + BLAMED_S}

    def is_blamed(self, node: str, now_s: float) -> bool:
        """Whether this node shares no call with others at present."""
        return now_s < self._blamed_until_s.get(node, now_s)

    def in_turn(self, works: Iterable[Work], comes_later: Callable[[Work], bool]) -> list[Work]:
        """The work of all nodes by turns, each node's in the order in which it was submitted.

        Of nodes that were served by the same call, the one whose work `comes_later` does.
        """
        before: Counter[str] = Counter()
        turns: dict[Work, int] = {}
        by_age = sorted(works, key=lambda work: work.submitted_at_s)
        for work in by_age:
            turns[work] = before[work.node]
            before[work.node] += 1
        return sorted(by_age, key=lambda work: (turns[work], self._served.get(work.node, 0), comes_later(work)))
