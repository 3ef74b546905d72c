"""Decides by a Lease who leads: what is asked of it next, and what follows from each answer.

The rules are those of client-go's leader election. Clocks of two machines are never compared: somebody else's
record has expired when it was not seen to change *here* for as long as it says. Two things differ. A leader leads
until it has read that another one held the Lease, whatever cannot be reached meanwhile. And a Lease that is gone
is its holder's for as long as a record lasts, so that it makes the Lease again before others take it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import inf
from typing import Final

from coordinator.lease.record import Answer, Conflict, Create, Found, Read, Record, Silence, Step, Update

JITTER: Final = 0.2
"""Attempts are up to a fifth further apart, so that two coordinators do not stay in step.

client-go's are up to 1.2 times further apart, which costs a second or two whenever a leader ends.
"""

RELEASED_S: Final = 1.0
"""The duration that a record has which nobody holds, as client-go writes it."""


@dataclass(frozen=True)
class Timings:
    """All in seconds; the defaults are client-go's.

    A record expires after `lease_s`. A leader that has not renewed its own for `renew_s` does nothing any more
    that only one may do. Attempts are `retry_s` apart.
    """

    lease_s: int = 15
    renew_s: float = 10.0
    retry_s: float = 2.0


class Election:
    """One coordinator's part in it, for one thread. All times are of its own clock, which counts suspension.

    An attempt is `begin`, or `release`, then `took` with the answer to each step until that returns None.
    """

    def __init__(self, identity: str, timings: Timings) -> None:
        self.is_leading = False
        self.terms = 0
        """How often it has begun to lead."""
        self.seen: Record | None = None
        """The record as it was read or written last."""
        self.renewed_at_s = -inf
        """When the step was taken that wrote our record last."""
        self.asked_at_s = -inf
        """When the last step was taken."""
        self._identity = identity
        self._timings = timings
        self._seen_at_s = -inf
        self._absent_since_s: float | None = None
        self._version: str | None = None
        """Of the record that we have written, unless somebody else may have written since."""
        self._own = Record("", timings.lease_s, "", "", 0)
        """Our record, as it was read or written last."""
        self._stamp = ""
        self._step: Step = Read()
        self._has_read = False
        self._is_releasing = False

    def begin(self, now_s: float, stamp: str) -> Step:
        """The first step of an attempt. `stamp` is the time of day, for people."""
        self._stamp, self._has_read = stamp, False
        if self.is_leading and self._version is not None:
            return self._ask(Update(self._renewed(), self._version), now_s)
        return self._ask(Read(), now_s)

    def release(self, now_s: float, stamp: str) -> Step | None:
        """The first step by which the Lease is given up; None where we do not lead."""
        if not self.is_leading:
            return None
        self._stamp, self._has_read = stamp, False
        self.is_leading, self._is_releasing = False, True
        if self._version is None:
            return self._ask(Read(), now_s)
        return self._ask(Update(self._released(), self._version), now_s)

    def took(self, answer: Answer, now_s: float) -> Step | None:
        """The next step after this answer to the last one; None at the end of the attempt."""
        step, self._version = self._step, None
        if isinstance(answer, Silence):
            return None
        if isinstance(answer, Conflict):
            is_first = isinstance(step, Update) and not self._has_read
            return self._ask(Read(), now_s) if is_first else None
        if not isinstance(answer, Found):
            return self._absent(now_s)
        self._absent_since_s = None
        self._see(answer.record, now_s)
        if isinstance(step, Read):
            return self._read(answer, now_s)
        if answer.record.holder == self._identity:
            self.terms += not self.is_leading
            self.is_leading, self.renewed_at_s = True, self.asked_at_s
            self._own, self._version = answer.record, answer.version
        return None

    def _read(self, found: Found, now_s: float) -> Step | None:
        record = found.record
        if record.holder == self._identity:
            self._own = record
            wanted = self._released() if self._is_releasing else self._renewed()
            return self._ask(Update(wanted, found.version), now_s)
        if self._is_releasing:
            return None
        if self.is_leading and not record.holder and record.transitions == self._own.transitions:
            # Somebody has emptied it, and nobody has had it since.
            return self._ask(Update(self._renewed(), found.version), now_s)
        self.is_leading = False
        if record.holder and not self._has_expired(now_s):
            return None
        return self._ask(Update(self._taken(record.transitions + 1), found.version), now_s)

    def _absent(self, now_s: float) -> Step | None:
        if self._is_releasing:
            return None
        self._absent_since_s = now_s if self._absent_since_s is None else self._absent_since_s
        if self.is_leading and now_s - self.renewed_at_s < self._timings.lease_s:
            return self._ask(Create(self._renewed()), now_s)
        # Its holder, who may be another one by now, makes it again if it lives.
        is_free = self.seen is None or not self.seen.holder
        if not is_free and now_s - self._absent_since_s < self._timings.lease_s:
            return None
        return self._ask(Create(self._renewed() if self.is_leading else self._taken(0)), now_s)

    def _ask(self, step: Step, now_s: float) -> Step:
        self._step, self.asked_at_s = step, now_s
        self._has_read = self._has_read or isinstance(step, Read)
        return step

    def _see(self, record: Record, now_s: float) -> None:
        if record != self.seen:
            self.seen, self._seen_at_s = record, now_s

    def _has_expired(self, now_s: float) -> bool:
        return self.seen is not None and now_s - self._seen_at_s >= self.seen.duration_s

    def _renewed(self) -> Record:
        return replace(self._own, renewed=self._stamp)

    def _taken(self, transitions: int) -> Record:
        return Record(self._identity, self._timings.lease_s, self._stamp, self._stamp, transitions)

    def _released(self) -> Record:
        return Record("", RELEASED_S, self._stamp, self._stamp, self._own.transitions)
