"""The way of events from all other threads into the front thread, which it wakes."""

from __future__ import annotations

import os
import queue
import signal
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Generic, TypeVar

T = TypeVar("T")

_WAKES_AT_ONCE: Final = 65536
"""As many bytes as the pipe holds."""


class Inbox(Generic[T]):
    """A queue with a descriptor that is readable while something may wait in it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.wakeup_fd, self._waker_fd = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def put(self, item: T) -> None:
        """Hand in one item, from any thread or signal handler."""
        self._queue.put(item)
        with suppress(BlockingIOError):  # then it is readable already
            os.write(self._waker_fd, b"\0")

    def hear(self, signals: Mapping[int, T]) -> None:
        """Have these signals hand in their items; for the main thread alone.

        Python runs the handler before the front thread's next instruction. For a signal that comes just as it
        begins to wait, that would be when something else wakes it: so the signal itself makes the descriptor
        readable.
        """
        signal.set_wakeup_fd(self._waker_fd, warn_on_full_buffer=False)
        for number, item in signals.items():
            signal.signal(number, lambda *_, item=item: self.put(item))

    def take_all(self) -> list[T]:
        """All that waits, in order; for the front thread alone."""
        try:
            os.read(self.wakeup_fd, _WAKES_AT_ONCE)
        except BlockingIOError:
            return []
        items: list[T] = []
        while True:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                return items

    def close(self) -> None:
        """Nothing is handed in any more."""
        os.close(self.wakeup_fd)
        os.close(self._waker_fd)
