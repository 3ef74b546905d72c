"""Tells a command that runs on when somebody asks it to end."""

from __future__ import annotations

import signal
from queue import Empty, SimpleQueue


class Ending:
    """From its making on, SIGTERM and SIGINT ask for the end. For the main thread alone."""

    def __init__(self) -> None:
        # An Event's lock may be held by the very thread that the handler interrupts; this queue has none.
        self._asked: SimpleQueue[int] = SimpleQueue()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda received, _: self._asked.put(received))

    def comes(self, within_s: float) -> bool:
        """Wait so long at most; whether the end was asked for, which is told once."""
        try:
            self._asked.get(timeout=within_s)
        except Empty:
            return False
        return True
