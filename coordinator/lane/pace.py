"""What calls cost on this grid, learnt from those so far."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

OPERATIONS_START: Final = 8
CALL_TARGET_S: Final = 2.0
"""So long may the operations of one call take."""

GROWTH_MAX: Final = 8
"""How many times larger the limit may become at once, since nobody promised that cost is proportional."""

READ_TIMEOUT_BASE_S: Final = 10.0
READ_TIMEOUT_MAX_S: Final = 45.0

CALLS_REMEMBERED_MAX: Final = 200
"""So many of the newest calls say how slow the grid is."""

_SMOOTHING: Final = 0.2
_LENGTHENING: Final = 1.02
"""How fast the shortest call is forgotten, per call."""

_SPREAD_MIN: Final = 0.25
"""Calls that differ less in size, relative to their mean, do not tell what an operation costs."""


class Pace:
    """How many operations a call may carry, how long it may last.

    A call has a fixed cost, and one for each operation: a line through the recent calls, of which older ones fade.
    The limit follows the cost of operations alone, as many as take `CALL_TARGET_S`.
    """

    def __init__(self, operations_max: int) -> None:
        self._operations_max = operations_max
        self.limit = min(OPERATIONS_START, operations_max)
        self.fixed_s = 0.0
        self._operation_s = 0.1
        self._calls = 0
        self._shortest_s = inf
        self._operations_mean = 0.0
        self._took_mean_s = 0.0
        self._spread = 0.0
        self._joint_spread = 0.0
        self._newest_s: deque[float] = deque(maxlen=CALLS_REMEMBERED_MAX)

    def measured(self, operations: int, took_s: float) -> None:
        """A call with this many operations took so long."""
        self._learn(operations, took_s)
        self._newest_s.append(took_s)
        spent_s = max(took_s - self.fixed_s, operations * 1e-6)
        bearable = int(operations * CALL_TARGET_S / spent_s)
        if bearable < operations:
            self.limit = max(1, min(self.limit, bearable))
        elif operations > self.limit // 2:
            self.limit = max(self.limit, min(bearable, GROWTH_MAX * self.limit, self._operations_max))

    def took_s(self, share: float) -> float | None:
        """The time in which this share of the newest calls was answered, None before the first."""
        newest = sorted(self._newest_s)
        return newest[min(len(newest) - 1, int(share * len(newest)))] if newest else None

    def too_big(self, operations: int) -> None:
        """The grid does not take a call of this size, now or later."""
        self._operations_max = self.limit = max(1, operations // 2)

    def read_timeout_s(self, operations: int) -> float:
        """How long to wait for the reply to a call with this many operations."""
        expected_s = self.fixed_s + operations * self._operation_s
        return min(READ_TIMEOUT_BASE_S + 5 * expected_s, READ_TIMEOUT_MAX_S)

    def _learn(self, operations: int, took_s: float) -> None:
        self._calls += 1
        newest = max(_SMOOTHING, 1 / self._calls)
        more, longer_s = operations - self._operations_mean, took_s - self._took_mean_s
        self._operations_mean += newest * more
        self._took_mean_s += newest * longer_s
        self._spread = (1 - newest) * (self._spread + newest * more * more)
        self._joint_spread = (1 - newest) * (self._joint_spread + newest * more * longer_s)
        if self._spread > (_SPREAD_MIN * self._operations_mean) ** 2:
            self._operation_s = max(0.0, self._joint_spread / self._spread)
        # Where all calls are large, an error of the slope looks like a fixed cost; no call is shorter than that.
        self._shortest_s = min(took_s, _LENGTHENING * self._shortest_s)
        intercept_s = self._took_mean_s - self._operations_mean * self._operation_s
        self.fixed_s = min(max(0.0, intercept_s), self._shortest_s)
