"""Hands what happened to one that may be slow, from a thread of its own, so that nobody waits for it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from queue import Empty, Full, Queue
from typing import Final

from coordinator.core.changes import Change
from coordinator.history.records import Writer, encode
from daemon.internal_errors import InternalErrors

QUEUED_MAX: Final = 20_000
"""So many changes may wait; what comes on top of it is lost, and counted."""
_AT_ONCE_MAX: Final = 500

Timed = tuple[Change, float]
"""A change, with its time of day in seconds since 1970."""


class Recorder:
    """`write` takes lines, and may take its time; `on_lost` is told how many changes were given up."""

    def __init__(
        self,
        writer: Writer,
        write: Callable[[Sequence[bytes]], None],
        on_lost: Callable[[int], None],
        internal: InternalErrors,
    ) -> None:
        self._writer = writer
        self._write = write
        self._on_lost = on_lost
        self._internal = internal
        self._queue: Queue[Timed | None] = Queue(QUEUED_MAX)

    def record(self, change: Change, wall_s: float) -> None:
        """Take it, or lose it; never waits."""
        try:
            self._queue.put_nowait((change, wall_s))
        except Full:
            self._on_lost(1)

    def run(self) -> None:
        """The thread's body, until `stop`."""
        while True:
            batch = [self._queue.get()]
            while len(batch) < _AT_ONCE_MAX:
                try:
                    batch.append(self._queue.get_nowait())
                except Empty:
                    break
            changes = [each for each in batch if each is not None]
            with self._internal.border("history"):
                self._write([encode(self._writer.of_change(change, wall_s)) for change, wall_s in changes])
            if len(changes) < len(batch):
                return

    def stop(self) -> None:
        """End when what waits has been handed on; where it does not move, nobody waits for it."""
        try:
            self._queue.put_nowait(None)
        except Full:
            return
