"""Bounds how many lines of one kind go into the log, whoever makes them happen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WINDOW_S: Final = 10.0
"""Lines are counted from the first of a kind for so long."""

KINDS_MAX: Final = 10_000
"""Of so many kinds the lines are counted; beyond, the one that happened longest ago is met as a new one."""


@dataclass(slots=True)
class _Window:
    until_s: float
    written: int = 0
    left_out: int = 0


class LogLimit:
    """Decides which lines are written: of each kind so many in `WINDOW_S`.

    A kind is one of the program's own words, maybe with the name of a node whose key is known; never a stranger's.
    """

    def __init__(self, lines_max: int = 1) -> None:
        self._lines_max = lines_max
        self._windows: dict[str, _Window] = {}

    def admits(self, kind: str, now_s: float) -> int | None:
        """None where this line is left out; else how many were left out since the last one of its kind."""
        window = self._windows.pop(kind, _Window(now_s))
        self._windows[kind] = window
        if len(self._windows) > KINDS_MAX:
            del self._windows[next(iter(self._windows))]
        if now_s >= window.until_s:
            window.until_s, window.written = now_s + WINDOW_S, 0
        if window.written >= self._lines_max:
            window.left_out += 1
            return None
        window.written += 1
        left_out, window.left_out = window.left_out, 0
        return left_out
