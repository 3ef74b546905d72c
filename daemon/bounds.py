"""Tells people that a limit was reached: each time in a counter, at most once in 10 s in the log."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from daemon.log_limit import LogLimit
from daemon.logs import Logger


class Bounds:
    """May be used by any thread. `count` is told the name of the bound."""

    def __init__(self, count: Callable[[str], None], logger: Logger) -> None:
        self._count = count
        self._logger = logger
        self._limit = LogLimit()
        self._lock = threading.Lock()

    def reached(self, bound: str, **facts: object) -> None:
        """Something was kept out by the bound of this name; `facts` say what, for the log."""
        self._count(bound)
        with self._lock:
            left_out = self._limit.admits(bound, time.monotonic())
        if left_out is not None:
            self._logger.warning("bound_reached", bound=bound, left_out=left_out, **facts)
