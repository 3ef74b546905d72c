"""What a person has to look at and is not over: alarms by kind and node."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from coordinator.core.deadlines import Deadlines
from coordinator.core.outbox import Outbox

OPEN_MAX: Final = 1_024
"""More alarms than that are logged and counted, and not kept."""


@dataclass(frozen=True, slots=True)
class Alarm:
    """One that is open. `node` is empty where it concerns none; `text` says what is to be done."""

    kind: str
    node: str
    since_s: float
    text: str


class Alarms:
    """An alarm is logged when it opens, and when it closes."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox
        self._open: dict[tuple[str, str], Alarm] = {}
        self._until_s: dict[tuple[str, str], float] = {}
        self._ends: Deadlines[tuple[str, str]] = Deadlines()

    def __iter__(self) -> Iterator[Alarm]:
        return iter(sorted(self._open.values(), key=lambda each: (each.kind, each.node)))

    def open(self, kind: str, node: str, text: str, now_s: float, **facts: Any) -> None:
        """There is something to be looked at, until it is closed."""
        if (kind, node) in self._open:
            return
        self._outbox.alarm(kind, **({"node": node} if node else {}), **facts, remedy=text)
        if len(self._open) < OPEN_MAX:
            self._open[kind, node] = Alarm(kind, node, now_s, text)

    def open_for(self, seconds: float, kind: str, node: str, text: str, now_s: float, **facts: Any) -> None:
        """There is something to be looked at, and it is over when this was not said again for so long."""
        self.open(kind, node, text, now_s, **facts)
        if (kind, node) not in self._until_s:
            self._ends.add(now_s + seconds, (kind, node))
        self._until_s[kind, node] = now_s + seconds

    def close(self, kind: str, node: str = "") -> None:
        """It is over."""
        self._until_s.pop((kind, node), None)
        if self._open.pop((kind, node), None):
            self._outbox.note("alarm_over", kind=kind, **({"node": node} if node else {}))

    def expire(self, now_s: float) -> None:
        """Close what was not said again."""
        for key in self._ends.take_due(now_s):
            until_s = self._until_s.get(key)
            if until_s is not None and until_s > now_s:
                self._ends.add(until_s, key)
            elif until_s is not None:
                self.close(*key)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._ends.next_s()
