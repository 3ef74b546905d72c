"""Says how long a machine that has failed rests before another one takes its place (docs/adr/0012)."""

from __future__ import annotations

from math import inf
from typing import Final

LULL_S: Final = 60.0
"""A machine that has worked so long begins anew at once when it fails."""

PAUSE_MAX_S: Final = 30.0
"""How long one that fails again and again rests at most: it must neither burn the processor nor flood others."""


class Breakdowns:
    """Those of one daemon. Each that comes soon after another makes it rest twice as long."""

    def __init__(self) -> None:
        self._soon = 0
        self._last_s = -inf

    def rest_s(self, now_s: float) -> float:
        """The machine has failed at this moment: how long it rests."""
        self._soon = self._soon + 1 if now_s < self._last_s + LULL_S else 0
        self._last_s = now_s
        return min(2.0**self._soon - 1, PAUSE_MAX_S)
