"""The one database writer of the grid: writes wait for each other, each takes the time that it is set to take."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

T = TypeVar("T")

_FORGETTING: Final = 0.9


class Writer:
    """Carries out one write at a time. `clock` counts seconds, `pause` sleeps for some.

    What computing a write takes is part of its time: it begins so much earlier as the slowest of the last writes,
    per operation, has needed. So the commit comes at the end, and a benchmark measures the switches.
    """

    def __init__(self, clock: Callable[[], float], pause: Callable[[float], object]) -> None:
        self._clock = clock
        self._pause = pause
        self._lock = threading.Lock()
        self._free_since_s = 0.0
        self._operation_s = 0.0

    def write(self, received_s: float, lasts_s: float, operations: int, carry_out: Callable[[], T]) -> T:
        """Carry the write out when it is its turn; `lasts_s` counts from then, or from when it was received."""
        with self._lock:
            due_s = max(received_s, self._free_since_s) + lasts_s
            self._pause_until(due_s - operations * self._operation_s)
            began_s = self._clock()
            outcome = carry_out()
            took_s = self._clock() - began_s
            self._operation_s = max(took_s / operations, _FORGETTING * self._operation_s)
            self._pause_until(due_s)
            self._free_since_s = self._clock()
            return outcome

    def _pause_until(self, at_s: float) -> None:
        if (left_s := at_s - self._clock()) > 0:
            self._pause(left_s)
