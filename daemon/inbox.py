"""The way of events from all other threads into the front thread, which it wakes."""

from __future__ import annotations

import os
import queue
from typing import Generic, TypeVar

T = TypeVar("T")


class Inbox(Generic[T]):
    """A queue with a descriptor that is readable while something may wait in it."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[T] = queue.SimpleQueue()
        self.wakeup_fd = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def put(self, item: T) -> None:
        """Hand in one item, from any thread or signal handler."""
        self._queue.put(item)
        os.eventfd_write(self.wakeup_fd, 1)

    def take_all(self) -> list[T]:
        """All that waits, in order; for the front thread alone."""
        try:
            os.eventfd_read(self.wakeup_fd)
        except BlockingIOError:
            return []
        items: list[T] = []
        while True:
            try:
                items.append(self._queue.get_nowait())
            except queue.Empty:
                return items
