"""Makes directories that only root can have touched, the kind in which the plugin looks for its agent."""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path
from typing import Final

WAY_MODE: Final = 0o755
"""Of directories that are missing on the way: others may pass there, as on the way to any socket."""
_HOW: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class NotPrivate(Exception):
    """Others than root may have a hand in a directory; the text names it and the remedy."""


def normal(path: Path) -> Path:
    """The path as the plugin reads it: /var/run, which distributions link to /run, means that.

    Raises `NotPrivate` for a path that the plugin does not take.
    """
    if not path.is_absolute() or ".." in path.parts:
        raise NotPrivate(f"{path} must be an absolute path without '..'")
    return Path("/", *path.parts[2:]) if path.parts[1:3] == ("var", "run") else path


def make_private(path: Path) -> None:
    """Make the directory where it is missing, with the way to it, and shut it for everybody but root.

    No link is followed. Raises `NotPrivate` where others than root may write on the way, and OSError.
    """
    here = os.open("/", _HOW)
    try:
        for depth in range(2, len(path.parts) + 1):
            below = _open_below(here, Path(*path.parts[:depth]))
            os.close(here)
            here = below
        _shut(here, path)
    finally:
        os.close(here)


def _open_below(parent: int, path: Path) -> int:
    found = os.fstat(parent)
    if found.st_uid != 0 or found.st_mode & 0o022:
        remedy = "must belong to root ('chown root') and be writable for root only ('chmod go-w')"
        raise NotPrivate(f"{path.parent} {remedy}, else the plugin looks for no agent below it")
    with contextlib.suppress(FileExistsError):
        os.mkdir(path.name, WAY_MODE, dir_fd=parent)
    try:
        return os.open(path.name, _HOW, dir_fd=parent)
    except NotADirectoryError:
        raise NotPrivate(f"{path} is a link, or no directory: remove it, or name another place") from None


def _shut(directory: int, path: Path) -> None:
    found = os.fstat(directory)
    if found.st_uid != 0:
        raise NotPrivate(f"{path} belongs to uid {found.st_uid}: remove it, or give it to root ('chown root')")
    if found.st_mode & 0o077:
        os.fchmod(directory, stat.S_IMODE(found.st_mode) & 0o700)
