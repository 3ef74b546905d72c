"""What this coordinator may write at this moment, as far as the Lease decides it; answered in any thread.

The clock counts the time in which the machine was suspended. A process that was stopped, and woken, finds that it
has not looked at the Lease for longer than a record lasts. Somebody else may lead by then, so it looks before it
writes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from math import inf

from coordinator.lease.election import Timings
from protocol.wire.status import LeaseStatus


class Leadership:
    """The thread that looks after the Lease tells it, others ask. `clock` is that thread's."""

    def __init__(self, identity: str, timings: Timings, clock: Callable[[], float]) -> None:
        self._identity = identity
        self._timings = timings
        self._clock = clock
        self._news = threading.Condition()
        self._is_leading = False
        self._renewed_at_s = -inf
        self._looked_at_s = -inf
        self._holder = self._since = self._trouble = ""

    def looked(self, *, is_leading: bool, renewed_at_s: float, at_s: float, trouble: str) -> None:
        """An attempt has ended, and tells what was so at `at_s`; `trouble` is why there was no answer."""
        with self._news:
            self._is_leading, self._renewed_at_s = is_leading, renewed_at_s
            self._looked_at_s, self._trouble = max(self._looked_at_s, at_s), trouble
            self._news.notify_all()

    def saw(self, holder: str, since: str) -> None:
        """Who has the Lease, and since when, by that one's own clock."""
        with self._news:
            self._holder, self._since = holder, since

    def may_write_singly(self) -> bool:
        """Whether nobody else can have begun to lead: the Lease was renewed a short while ago."""
        with self._news:
            return self._is_valid()

    def may_begin(self) -> bool:
        """Whether a call that writes may begin. Waits for a look at the Lease where the last one is too old."""
        with self._news:
            self._news.wait_for(lambda: not self._must_look(), self._timings.lease_s)
            return self._is_leading

    @property
    def must_look(self) -> bool:
        """Whether it leads as far as it knows, and knows too little of what was lately."""
        with self._news:
            return self._must_look()

    def status(self) -> LeaseStatus:
        """What people see."""
        with self._news:
            renewed_s_ago = self._clock() - self._renewed_at_s
            return LeaseStatus(
                identity=self._identity,
                holder=self._holder,
                since=self._since,
                renewed_s_ago=round(renewed_s_ago, 1) if renewed_s_ago < inf else None,
                valid=self._is_valid(),
                trouble=self._trouble,
            )

    def _is_valid(self) -> bool:
        return self._is_leading and self._clock() - self._renewed_at_s < self._timings.renew_s

    def _must_look(self) -> bool:
        return self._is_leading and self._clock() - self._looked_at_s >= self._timings.lease_s
