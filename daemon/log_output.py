"""Writes log lines from a thread of its own, so that a device that is full or blocks holds up nobody."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from queue import Empty, SimpleQueue
from typing import Final

STANDARD_ERROR: Final = 2
QUEUED_BYTES_MAX: Final = 1024 * 1024
"""How much may wait for the device; what comes on top of it is lost."""

FAREWELL_S: Final = 1.0
"""How long an end waits for the last lines to be written."""

_WRITE_BYTES: Final = 64 * 1024
_PATIENCE_MS: Final = 1000


class LogOutput(io.TextIOBase):
    """A text stream that takes all at once; `on_lost` is told how many lines never got out, from any thread."""

    def __init__(self, descriptor: int, on_lost: Callable[[int], None]) -> None:
        self._descriptor = descriptor
        self._on_lost = on_lost
        self._lines: SimpleQueue[bytes | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._queued_bytes = 0
        self._is_torn = False
        self._thread = threading.Thread(target=self._run, name="log", daemon=True)
        self._thread.start()

    def write(self, text: str) -> int:
        """Take the text, or lose it; never raises, never waits."""
        data = text.encode("utf-8", "replace")
        with self._lock:
            has_room = self._queued_bytes + len(data) <= QUEUED_BYTES_MAX
            if has_room:
                self._queued_bytes += len(data)
        if has_room:
            self._lines.put(data)
        else:
            self._lost(data)
        return len(text)

    def writable(self) -> bool:
        """Always."""
        return True

    def finish(self) -> None:
        """Have the last lines written, for a moment."""
        self._lines.put(None)
        self._thread.join(FAREWELL_S)

    def _run(self) -> None:
        while (data := self._lines.get()) is not None:
            is_last = False
            while len(data) < _WRITE_BYTES:
                try:
                    more = self._lines.get_nowait()
                except Empty:
                    break
                if more is None:
                    is_last = True
                    break
                data += more
            self._write_out(data)
            with self._lock:
                self._queued_bytes -= len(data)
            if is_last:
                return

    def _write_out(self, data: bytes) -> None:
        rest = memoryview(b"\n" + data if self._is_torn else data)
        while rest:
            try:
                rest = rest[os.write(self._descriptor, rest) :]
            except BlockingIOError:
                # Somebody else who has the device made it so; with the others it waits in the kernel.
                with suppress(OSError):
                    poll = select.poll()
                    poll.register(self._descriptor, select.POLLOUT)
                    poll.poll(_PATIENCE_MS)
            except OSError:
                self._is_torn = self._is_torn or not data.endswith(rest)
                self._lost(bytes(rest))
                return
        self._is_torn = False

    def _lost(self, data: bytes) -> None:
        self._on_lost(data.count(b"\n"))


@contextmanager
def standard_error_that_never_waits(on_lost: Callable[[int], None]) -> Iterator[None]:
    """While it lasts, whatever this process writes to `sys.stderr` goes through a `LogOutput`."""
    output = LogOutput(STANDARD_ERROR, on_lost)
    try:
        with redirect_stderr(output):
            yield
    finally:
        output.finish()
