"""Remembers on the node which configuration files were written by us, so that no other is ever removed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from daemon import files

MODE: Final = 0o600

Written = Mapping[str, str]
"""File names with the digest of what was written."""


class Record:
    """A hidden file among the configurations; runtimes read only what ends like one."""

    def __init__(self, directory: Path, driver_name: str) -> None:
        self.path = directory / f".{driver_name}.installed"

    def read(self) -> Written:
        """What was written; nothing where the record is missing or unreadable."""
        try:
            fields = json.loads(self.path.read_bytes())
        except (FileNotFoundError, ValueError):
            return {}
        if not isinstance(fields, dict):
            return {}
        return {name: value for name, value in fields.items() if isinstance(value, str) and "/" not in name}

    def write(self, written: Written) -> None:
        """Remember this from now on. Raises OSError."""
        if not written:
            self.path.unlink(missing_ok=True)
        elif written != self.read():
            files.replace(self.path, json.dumps(written, indent=1, sort_keys=True).encode() + b"\n", MODE)


def digest(data: bytes) -> str:
    """What the record keeps of a file."""
    return hashlib.sha256(data).hexdigest()


def removable(written: Written, contents: Mapping[str, bytes | None], kept: str | None) -> tuple[str, ...]:
    """The files that are still as we wrote them, except the one to be kept."""
    return tuple(
        name
        for name, known in written.items()
        if name != kept and (data := contents.get(name)) is not None and digest(data) == known
    )


def changed(written: Written, contents: Mapping[str, bytes | None], kept: str | None) -> tuple[str, ...]:
    """The files that somebody has changed since we wrote them: theirs now."""
    ours = removable(written, contents, kept)
    return tuple(name for name in written if name not in (kept, *ours) and contents.get(name) is not None)
