"""What has to be looked at again, by the time at which that is due."""

from __future__ import annotations

import heapq
from math import inf
from typing import Generic, TypeVar

T = TypeVar("T")


class Deadlines(Generic[T]):
    """A queue by time. Nothing leaves it before its time: who takes an item checks whether it still matters."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, T]] = []
        self._added = 0

    def add(self, at_s: float, item: T) -> None:
        """Look at the item at this time; never, when the time is infinite."""
        if at_s == inf:
            return
        self._added += 1
        heapq.heappush(self._heap, (at_s, self._added, item))

    def take_due(self, now_s: float) -> list[T]:
        """All items whose time has come, earliest first."""
        due: list[T] = []
        while self._heap and self._heap[0][0] <= now_s:
            due.append(heapq.heappop(self._heap)[2])
        return due

    def next_s(self) -> float | None:
        """The earliest time, if there is any."""
        return self._heap[0][0] if self._heap else None
