"""The record of the WAPI calls that the simulator has had."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT_MAX = 100_000


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One finished call; `n` counts in order of completion, `status` 0 means that no reply was sent."""

    n: int
    method: str
    path: str
    query: str
    status: int
    user: str
    user_agent: str
    login: bool
    operations: tuple[tuple[str, str], ...]
    duration_ms: float

    def as_json(self) -> dict[str, Any]:
        """Return the record as the control surface shows it."""
        return asdict(self)


class CallsLog:
    """Counts received calls, keeps finished ones; safe to use from several threads."""

    def __init__(self) -> None:
        self._records: deque[CallRecord] = deque(maxlen=KEPT_MAX)
        self._next = 1
        self._received = 0
        self._changed = threading.Condition()

    @property
    def received(self) -> int:
        """How many calls have arrived since the start, finished or not."""
        with self._changed:
            return self._received

    def note_received(self) -> None:
        """Count a call that has arrived."""
        with self._changed:
            self._received += 1
            self._changed.notify_all()

    def add(self, **fields: Any) -> None:
        """File a finished call; the fields are those of CallRecord but `n`."""
        with self._changed:
            self._records.append(CallRecord(n=self._next, **fields))
            self._next += 1
            self._changed.notify_all()

    def since(self, first: int) -> tuple[list[CallRecord], int]:
        """Return the finished calls numbered `first` or higher, with the number of the next one."""
        with self._changed:
            skipped = max(0, first - (self._next - len(self._records)))
            return list(self._records)[skipped:], self._next

    def latest(self, number: int) -> list[CallRecord]:
        """Return the last finished calls, newest first."""
        with self._changed:
            behind = len(self._records)
            return [self._records[place] for place in range(behind - 1, max(-1, behind - 1 - number), -1)]

    def wait_received(self, number: int, timeout_s: float) -> bool:
        """Block until so many calls have arrived; returns whether they did in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._received >= number, timeout_s)

    def wait_finished(self, number: int, timeout_s: float) -> bool:
        """Block until so many calls are finished; returns whether they did in time."""
        with self._changed:
            return self._changed.wait_for(lambda: self._next > number, timeout_s)
