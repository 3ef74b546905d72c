"""Whether the next call waits a moment for those whom the last one has just answered.

Clients that ask again as soon as they are answered fall into two halves otherwise: while one is at the grid the
other queues, and each call pays its fixed cost for half of them. So the lane waits for as many as have lately come
back at once, never longer than that cost is worth. Where answered clients do not come back it does not wait,
nor after a call that answered one alone: pods that come one after the other are never held up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

WAIT_SHARE_MAX: Final = 0.1
"""Of the time that the last call took, no more is spent on waiting."""

RETURN_SHARE_MIN: Final = 0.5
"""Where fewer of the answered come back at once, those that come may do so by chance."""

_FADING: Final = 0.5


@dataclass
class _Moment:
    """After an answer: until when whom to expect, who has come."""

    ends_at_s: float
    answered: int
    came: int = 0


class Gathering:
    """Counts who is answered, who asks within the moment for which waiting could pay."""

    def __init__(self) -> None:
        self._moment = _Moment(0.0, 0)
        self._answered = 0.0
        self._came_back = 0.0

    def answered(self, clients: int, took_s: float, saved_s: float, now_s: float) -> None:
        """A call that took `took_s` has answered so many clients; one call less would save `saved_s`."""
        self._learn()
        self._moment = _Moment(now_s + min(saved_s, WAIT_SHARE_MAX * took_s), clients if clients > 1 else 0)

    def came(self, now_s: float) -> None:
        """A client asks."""
        if now_s < self._moment.ends_at_s:
            self._moment.came += 1

    def waits_until_s(self, now_s: float) -> float | None:
        """How long the next call waits for one more client; None when it waits for nobody."""
        moment = self._moment
        is_over = now_s >= moment.ends_at_s or moment.came >= self._expected()
        return None if is_over else moment.ends_at_s

    def _learn(self) -> None:
        last = self._moment
        if last.answered:
            self._answered = _FADING * self._answered + last.answered
            self._came_back = _FADING * self._came_back + min(last.came, last.answered)

    def _expected(self) -> int:
        if not self._answered or self._came_back < RETURN_SHARE_MIN * self._answered:
            return 0
        return round(self._moment.answered * self._came_back / self._answered)
