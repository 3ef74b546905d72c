"""The virtual clock, with the one heap of everything that is still to happen."""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable
from typing import Final

Action = Callable[[], None]


STEPS_MAX: Final = 500_000
"""The busiest worlds make some forty thousand."""


class Restless(AssertionError):
    """The world goes on and on at one moment."""


class Timeline:
    """Runs actions in order of their time; those of one moment in the order in which they were planned."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.done = 0
        self._heap: list[tuple[float, int, Action]] = []
        self._planned = 0

    def at(self, time_s: float, action: Action) -> None:
        """Have `action` run at that time, or now where the time has passed."""
        self._planned += 1
        heapq.heappush(self._heap, (max(time_s, self.now_s), self._planned, action))

    def after(self, delay_s: float, action: Action) -> None:
        """Have `action` run so much later."""
        self.at(self.now_s + delay_s, action)

    def run_until(self, end_s: float) -> None:
        """Let everything happen up to that time."""
        heap = self._heap
        while heap and heap[0][0] <= end_s:
            self.now_s, _, action = heapq.heappop(heap)
            self.done += 1
            if self.done > STEPS_MAX:
                raise Restless(f"no rest: {STEPS_MAX} steps were made by {self.now_s:.0f} s")
            action()
        self.now_s = max(self.now_s, end_s)


class Process:
    """Something that can be killed or stopped for a while: what was planned for it is lost, or waits in order."""

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline
        self.is_alive = True
        self._stalled_until_s = 0.0
        self._held: deque[Action] = deque()

    def later(self, delay_s: float, action: Action) -> None:
        """Have this process run `action` so much later, if it lives then."""
        self.timeline.after(delay_s, lambda: self._run(action))

    def stall(self, seconds: float) -> None:
        """Let it do nothing for so long, as after SIGSTOP or without a processor."""
        self._stalled_until_s = max(self._stalled_until_s, self.timeline.now_s + seconds)
        self.timeline.at(self._stalled_until_s, self._resume)

    def go_on(self) -> None:
        """Let it work again."""
        self._stalled_until_s = 0.0
        self.timeline.after(0.0, self._resume)

    def _run(self, action: Action) -> None:
        if not self.is_alive:
            return
        if self._held or self.timeline.now_s < self._stalled_until_s:
            self._held.append(action)
            return
        action()

    def _resume(self) -> None:
        while self._held and self.is_alive and self.timeline.now_s >= self._stalled_until_s:
            self._held.popleft()()
