"""Watches the file of the grid's password, which a mounted Secret replaces while the coordinator runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

LOOK_EVERY_S: Final = 5.0


class PasswordWatch:
    """Calls `changed` whenever the file is another one than before; without a file it only waits for its end."""

    def __init__(self, path: Path | None, changed: Callable[[], None]) -> None:
        self._path = path
        self._changed = changed
        self._over = threading.Event()
        self._seen = self._look()

    def run(self) -> None:
        """The thread's body."""
        while not self._over.wait(LOOK_EVERY_S if self._path else None):
            seen = self._look()
            if seen != self._seen:
                self._seen = seen
                self._changed()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()

    def _look(self) -> tuple[int, int, int] | None:
        if self._path is None:
            return None
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_ino, stat.st_size
