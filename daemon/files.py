"""Replaces a file so that every reader finds the old bytes or the new ones."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from pathlib import Path

_TEMPORARY = ".cni-infoblox-"


def holds(path: Path, data: bytes, mode: int) -> bool:
    """Whether the file is there already, with these bytes and this mode."""
    try:
        return stat.S_IMODE(path.stat().st_mode) == mode and path.read_bytes() == data
    except FileNotFoundError:
        return False


def replace(path: Path, data: bytes, mode: int) -> None:
    """Put `data` at `path`, durably. Raises OSError that names `path`, and then leaves everything as it was.

    The temporary file lies in the same directory, because a rename across file systems is none. Its name begins
    with a dot, because runtimes read every visible file there. It is unique, as two installers may run at once.
    """
    temporary = path.parent / f"{_TEMPORARY}{secrets.token_hex(8)}"
    try:
        _write_new(temporary, data, mode)
        temporary.rename(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise OSError(error.errno, error.strerror, str(path)) from None
    sync_directory(path.parent)


def sweep(directory: Path) -> None:
    """Remove what calls of `replace` left behind that were killed; none may be under way."""
    for path in directory.glob(f"{_TEMPORARY}*"):
        path.unlink(missing_ok=True)


def _write_new(path: Path, data: bytes, mode: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(descriptor, mode)  # not at open, where the umask would take bits away
        os.fsync(descriptor)


def sync_directory(directory: Path) -> None:
    """Make what was renamed or removed there durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
