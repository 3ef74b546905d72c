"""The deletes that the plugin wrote down while no agent answered."""

from __future__ import annotations

import contextlib
import os
import stat
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.logs import Logger
from nodeagent.cni.frame import BODY_BYTES_MAX, BadFrame, parse
from nodeagent.cni.request import attachment_to_delete
from nodeagent.crash_points import OnCrashPoint
from nodeagent.domain.attachment import AttachmentId
from protocol.errors import Problem

FILES_PER_LOOK_MAX: Final = 1000
SET_ASIDE_MAX: Final = 10
"""So many of one name are kept, then the newest takes the place of the last."""
_FILE_BYTES_MAX: Final = BODY_BYTES_MAX + 5
_CLOCK_GRAIN_S: Final = 1.0
"""A directory changed so lately may change again without a newer time stamp."""


@dataclass(frozen=True)
class PendingDelete:
    """One file, told from a later one of the same name by `version`."""

    path: Path
    version: tuple[int, int]
    attachment: AttachmentId


class PendingDeletes:
    """The directory of pending deletes. A file is given out once, and removed when told so."""

    def __init__(self, directory: Path, on_crash_point: OnCrashPoint, log: Logger) -> None:
        self._directory = directory
        self._on_crash_point = on_crash_point
        self._log = log
        self._seen_mtime_ns: int | None = None
        self._given: dict[Path, tuple[int, int]] = {}

    def count(self) -> int:
        """How many files wait."""
        return len(self._names())

    def oldest_s(self) -> float:
        """How long the oldest of them has waited; 0 where none does. Of very many some are looked at."""
        waiting_s = 0.0
        for name in self._names()[:FILES_PER_LOOK_MAX]:
            with contextlib.suppress(OSError):
                written_s = os.lstat(self._directory / name).st_mtime
                waiting_s = max(waiting_s, time.time() - written_s)
        return waiting_s

    def look(self) -> list[PendingDelete]:
        """The files that appeared since the last look."""
        try:
            mtime_ns = self._directory.stat().st_mtime_ns
        except OSError:
            return []
        if mtime_ns == self._seen_mtime_ns:
            return []
        is_settled = time.time() - mtime_ns / 1e9 > _CLOCK_GRAIN_S
        names = self._names()
        self._seen_mtime_ns = mtime_ns if is_settled and len(names) <= FILES_PER_LOOK_MAX else None
        found = [self._take(self._directory / name) for name in names[:FILES_PER_LOOK_MAX]]
        return [pending for pending in found if pending]

    def find(self, attachment: AttachmentId) -> PendingDelete | None:
        """The file of this attachment, which may have appeared since the last look."""
        path = f"{self._directory}/{file_name(attachment)}"
        # There is none before nearly all ADDs, which wait for this answer.
        return self._take(Path(path)) if os.access(path, os.F_OK, follow_symlinks=False) else None

    def remove(self, pending: PendingDelete) -> None:
        """Its release is durable."""
        self._on_crash_point("pending:removed:before")
        try:
            if _version_of(os.lstat(pending.path)) == pending.version:
                pending.path.unlink()
        except FileNotFoundError:
            pass
        except OSError as error:
            self._log.error("pending_file_stays", path=str(pending.path), why=error.strerror)
            return
        self._given.pop(pending.path, None)
        self._on_crash_point("pending:removed:after")

    def put_back(self, pending: PendingDelete) -> None:
        """Nothing came of it this time: the next look finds it again."""
        self._given.pop(pending.path, None)
        self._seen_mtime_ns = None

    def _names(self) -> list[str]:
        try:
            return sorted(name for name in os.listdir(self._directory) if not name.startswith("."))
        except OSError:
            return []

    def _take(self, path: Path) -> PendingDelete | None:
        try:
            if why := _why_not_the_plugins(os.lstat(path)):
                self._set_aside(path, why)
                return None
            with open(path, "rb", opener=_open_file_alone) as file:
                version = _version_of(os.fstat(file.fileno()))
                if self._given.get(path) == version:
                    return None
                data = file.read(_FILE_BYTES_MAX + 1)
        except OSError:
            return None
        try:
            frame = parse(data)
            if frame is None:
                raise BadFrame("it is cut off")
            attachment = attachment_to_delete(frame)
        except (BadFrame, Problem) as error:
            self._set_aside(path, str(error))
            return None
        self._given[path] = version
        return PendingDelete(path, version, attachment)

    def _set_aside(self, path: Path, why: str) -> None:
        names = [path.with_name(f".{path.name}.bad{number or ''}") for number in range(SET_ASIDE_MAX)]
        aside = next((name for name in names if not os.path.lexists(name)), names[-1])
        self._log.error("pending_file_unreadable", path=str(path), why=why, moved_to=str(aside))
        with contextlib.suppress(OSError):
            path.rename(aside)


def file_name(attachment: AttachmentId) -> str:
    """The name under which the plugin keeps the DEL of this attachment."""
    ifname = attachment.ifname.replace("%", "%25").replace("-", "%2D")
    return f"{attachment.container_id}-{ifname}"


def _why_not_the_plugins(status: os.stat_result) -> str | None:
    if not stat.S_ISREG(status.st_mode):
        return "it is a link, or no file"
    if status.st_uid != 0 or status.st_mode & 0o022:
        return "others than root could have written it"
    return None


def _open_file_alone(path: str, flags: int) -> int:
    """Open what was a file a moment ago; anything else does not make us wait."""
    return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)


def _version_of(status: os.stat_result) -> tuple[int, int]:
    return status.st_ino, status.st_mtime_ns
