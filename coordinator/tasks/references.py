"""Rule S: what may be written by reference, and when, where the grid's user may not use `request`.

Search and write are two calls then, and the write names a reference, which is the address. Whatever has the
address when the write is carried out is what it hits. A call is assumed to be carried out within a minute of its
start, or never; so what might still be under way is waited for: after a start, and for each id after a call of
unknown outcome.
"""

from __future__ import annotations

from math import inf
from typing import Final

SETTLED_S: Final = 60.0
"""So long after its start a call may still be carried out."""


class References:
    """Which ids may be written by reference. `are_allowed` is False where others may write at the same time."""

    def __init__(self, *, are_allowed: bool) -> None:
        self._are_allowed = are_allowed
        self._settled_at_s = inf
        self._doubtful_until_s: dict[str, float] = {}

    def took_over(self, now_s: float) -> None:
        """This coordinator has started, or leads from now on: the calls of the one before may be under way."""
        self._settled_at_s = now_s + SETTLED_S if self._are_allowed else inf

    def doubt(self, allocation: str, now_s: float) -> None:
        """A call that names this id's reference has ended without an outcome."""
        doubtful = self._doubtful_until_s.items()
        self._doubtful_until_s = {each: until_s for each, until_s in doubtful if now_s < until_s}
        self._doubtful_until_s[allocation] = now_s + SETTLED_S

    def may_come(self, now_s: float) -> bool:
        """Whether a write by reference may still be carried out, of ours or of a coordinator before this one."""
        if not self._are_allowed:
            return False
        return now_s < max(self._settled_at_s, *self._doubtful_until_s.values(), 0.0)

    def free_at_s(self, allocation: str) -> float:
        """From when this id may be written by reference; never, where that is infinite."""
        return max(self._settled_at_s, self._doubtful_until_s.get(allocation, 0.0))
