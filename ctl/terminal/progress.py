"""Tells a person at a terminal what a command waits for, once that takes longer than two seconds."""

from __future__ import annotations

import sys
import threading
import time
from typing import Final, Self, TextIO

QUIET_S: Final = 2.0
"""What takes no longer needs no word."""

STEP_S: Final = 1.0
_CLEAR: Final = "\r\x1b[K"


class Progress:
    """As a context manager: a line on standard error that is gone at the end; none where that is no terminal."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._tell, name="progress", daemon=True)

    def __enter__(self) -> Self:
        if self._stream.isatty():
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self) -> None:
        began_s = time.monotonic()
        wait_s = QUIET_S
        while not self._is_over.wait(wait_s):
            wait_s = STEP_S
            self._write(f"{_CLEAR}{self._what}, {time.monotonic() - began_s:.0f} s")
        if wait_s == STEP_S:
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
