"""Bounds how many lines of one kind go into the log, whoever makes them happen."""

from __future__ import annotations

from typing import Final

LINE_EVERY_S: Final = 10.0
"""Of each kind there is at most one line within this time."""


class LogLimit:
    """Decides which lines are written. A kind is one of the program's own words, never a peer's."""

    def __init__(self) -> None:
        self._next_s: dict[str, float] = {}
        self._left_out: dict[str, int] = {}

    def admits(self, kind: str, now_s: float) -> int | None:
        """None where this line is left out; else how many were left out since the last one of its kind."""
        if now_s < self._next_s.get(kind, now_s):
            self._left_out[kind] = self._left_out.get(kind, 0) + 1
            return None
        self._next_s[kind] = now_s + LINE_EVERY_S
        return self._left_out.pop(kind, 0)
