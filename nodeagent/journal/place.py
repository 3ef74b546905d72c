"""Where a journal lies, and the lock that keeps every other agent out."""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Final
from urllib.parse import quote

from protocol.wire.allocation_id import hash_node

STEM_LENGTH_MAX: Final = 200
"""File names have at most 255 bytes, and endings are added."""
_MOUNTS: Final = Path("/proc/self/mountinfo")


class JournalTaken(Exception):
    """Another agent has this journal; the text names the file and the remedy."""


class JournalUnready(Exception):
    """The journal cannot be opened now, which says nothing about what it holds: try again."""


@dataclass
class Place:
    """`NODE-DRIVER.journal` in the run directory, with its lock beside it."""

    directory: Path
    node: str
    driver: str
    _lock: int | None = field(default=None, init=False)

    @cached_property
    def path(self) -> Path:
        """The journal's file."""
        return self.directory / f"{self._stem}.journal"

    @cached_property
    def lock_path(self) -> Path:
        """The file whose lock this agent holds."""
        return self.directory / f"{self._stem}.lock"

    @property
    def damaged_path(self) -> Path:
        """Where a damaged journal is kept, the newest alone."""
        return self.directory / f"{self._stem}.journal.damaged"

    def take(self) -> None:
        """Make the directory and lock the journal, as often as wanted. Raises `JournalTaken`, `JournalUnready`."""
        if self.is_taken():
            return
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.directory.chmod(0o700)
            lock = os.open(self.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise JournalUnready(f"--run-dir: {error.filename or self.directory}: {error.strerror}") from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise JournalTaken(
                f"--run-dir: another agent of this node has {self.path}: end it, or give this one another "
                "--driver-name"
            ) from None
        self.leave()
        self._lock = lock

    def is_taken(self) -> bool:
        """Whether this process holds the lock, and the lock still lies where it did."""
        return self._lock is not None and file_at(self.lock_path) == identity_of(os.fstat(self._lock))

    def leave(self) -> None:
        """Let another agent take the journal."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def _stem(self) -> str:
        node = quote(self.node, safe="")
        if len(node) + len(self.driver) + 1 > STEM_LENGTH_MAX:
            node = f"{node[:100]}~{hash_node(self.node)}"
        return f"{node}-{self.driver}"


def file_at(path: Path) -> tuple[int, int] | None:
    """Which file lies at `path`, None where none does. Raises OSError when that cannot be said."""
    try:
        return identity_of(os.stat(path, follow_symlinks=False))
    except (FileNotFoundError, NotADirectoryError):
        return None


def is_on_tmpfs(directory: Path) -> bool:
    """Whether what lies in `directory` cannot survive the kernel."""
    device = os.stat(directory).st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    for line in _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines():
        mount, _, filesystem = line.partition(" - ")
        if mount.split(" ")[2] == wanted:
            return filesystem.split(" ")[0] in ("tmpfs", "ramfs")
    return False


def identity_of(status: os.stat_result) -> tuple[int, int]:
    """What tells a file from every other one on this machine."""
    return status.st_dev, status.st_ino
