"""Keeps the lines of the history: in files of a directory, or the last ones in memory.

Every coordinator appends to files of its own, so several may share a directory. What a directory does not take
waits in memory, where there is room for so many lines.
"""

from __future__ import annotations

import os
import re
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from daemon.log_limit import LogLimit
from daemon.logs import Logger

LINES_IN_MEMORY_MAX: Final = 20_000
"""Some 10 MB. Where there is no directory, these are the whole history."""
FILE_BYTES_MAX: Final = 16 * 1024 * 1024
FILE_S_MAX: Final = 86_400.0
"""A file is added to for a day at most: whole files grow too old."""
DIRECTORY_BYTES_MAX: Final = 1024 * 1024 * 1024
"""Of all files together; the oldest are removed first."""
PRUNE_EVERY_S: Final = 3_600.0
_DAY_S: Final = 86_400.0
_FILE: Final = re.compile(r"history-\d{8}T\d{6}Z-[0-9a-f]{12}\.jsonl")


class Store:
    """`write` is for one thread, `read` for any. `directory` None: in memory alone; `days`: how long a file stays.

    `name_file` makes the name of a new file from the time of day; `on_lost` is told how many lines were given up.
    """

    def __init__(
        self,
        directory: Path | None,
        days: float,
        wall_s: Callable[[], float],
        name_file: Callable[[float], str],
        on_lost: Callable[[int], None],
        logger: Logger,
    ) -> None:
        self.directory = directory
        self.started_s = wall_s()
        self.is_cut = False
        """Whether lines were given up because there was no room for more."""
        self._days = days
        self._wall_s = wall_s
        self._name_file = name_file
        self._on_lost = on_lost
        self._logger = logger
        self._limit = LogLimit()
        self._lock = threading.Lock()
        self._waiting: deque[bytes] = deque()
        """What no file has: all that is kept, where there is no directory."""
        self._descriptor: int | None = None
        self._opened_s = 0.0
        self._size = 0
        self._is_torn = False
        """Whether the file ends within a line."""
        self._pruned_s = 0.0

    def write(self, lines: Iterable[bytes]) -> None:
        """Keep lines. Never raises an OSError: what cannot be written waits for the next call."""
        with self._lock:
            self._waiting.extend(lines)
            overflow = max(0, len(self._waiting) - LINES_IN_MEMORY_MAX)
            for _ in range(overflow):
                self._waiting.popleft()
            self.is_cut = self.is_cut or overflow > 0
        if self.directory is None:
            return
        if overflow:
            self._on_lost(overflow)
        try:
            self._append(self.directory)
        except OSError as error:
            left_out = self._limit.admits("history", self._wall_s())
            if left_out is not None:
                facts = {"directory": str(self.directory), "reason": error.strerror, "left_out": left_out}
                self._logger.warning("history_not_written", **facts)

    def read(self) -> Iterator[bytes]:
        """Every line that is kept, file after file; a line that is written meanwhile may come twice.

        Raises OSError where the directory cannot be read.
        """
        with self._lock:
            waiting = list(self._waiting)
        for path in _files(self.directory) if self.directory else ():
            with suppress(FileNotFoundError), path.open("rb") as file:
                yield from file
        yield from waiting

    def _append(self, directory: Path) -> None:
        now_s = self._wall_s()
        if self._descriptor is not None and not self._is_fit(now_s):
            self._close()
        if self._descriptor is None:
            self._open(directory, now_s)
        if now_s - self._pruned_s >= PRUNE_EVERY_S:
            self._pruned_s = now_s
            self._prune(directory, now_s)
        while self._waiting:
            self._write_out(self._waiting[0])
            with self._lock:
                self._waiting.popleft()

    def _is_fit(self, now_s: float) -> bool:
        assert self._descriptor is not None
        try:
            # What somebody has removed takes bytes without an error.
            is_there = os.fstat(self._descriptor).st_nlink > 0
        except OSError:
            return False
        return is_there and self._size < FILE_BYTES_MAX and 0 <= now_s - self._opened_s < FILE_S_MAX

    def _open(self, directory: Path, now_s: float) -> None:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(directory / self._name_file(now_s), flags, 0o600)
        self._opened_s, self._size, self._is_torn = now_s, 0, False

    def _write_out(self, line: bytes) -> None:
        assert self._descriptor is not None
        rest = memoryview(b"\n" + line if self._is_torn else line)
        self._is_torn = True
        while rest:
            count = os.write(self._descriptor, rest)
            self._size += count
            rest = rest[count:]
        self._is_torn = False

    def _close(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None

    def _prune(self, directory: Path, now_s: float) -> None:
        """Remove what is too old, then the oldest of what is too much; other coordinators' files, too."""
        kept = 0
        for path in reversed(_files(directory)):
            with suppress(FileNotFoundError):
                facts = path.stat()
                kept += facts.st_size
                if now_s - facts.st_mtime > self._days * _DAY_S or kept > DIRECTORY_BYTES_MAX:
                    path.unlink()


def _files(directory: Path) -> list[Path]:
    """Ours, the oldest first."""
    try:
        return sorted(path for path in directory.iterdir() if _FILE.fullmatch(path.name))
    except FileNotFoundError:
        return []
