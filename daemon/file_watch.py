"""Watches files that a mounted Secret replaces while the coordinator runs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from daemon.internal_errors import InternalErrors

LOOK_EVERY_S: Final = 5.0

Look = tuple[int, int, int] | None


class FileWatch:
    """For each file what to call whenever it is another one than before; links are followed."""

    def __init__(self, watched: Mapping[Path, Callable[[], None]], internal: InternalErrors) -> None:
        self._internal = internal
        self._watched = watched
        self._over = threading.Event()
        self._seen = {path: _look(path) for path in watched}

    def run(self) -> None:
        """The thread's body."""
        while not self._over.wait(LOOK_EVERY_S):
            self.look()

    def look(self) -> None:
        """Compare every file with the last look."""
        for path, changed in self._watched.items():
            seen = _look(path)
            if seen != self._seen[path]:
                self._seen[path] = seen
                with self._internal.border("file"):
                    changed()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()


def _look(path: Path) -> Look:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
