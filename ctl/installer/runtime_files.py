"""The directory from which the container runtime takes its configuration."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from ctl.networks.file import SUFFIXES
from daemon import files

MODE: Final = 0o600


class RuntimeFiles:
    """Its files. All methods raise OSError."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def names(self) -> tuple[str, ...]:
        """What a runtime would read, in its order: the first one counts."""
        found = [path.name for path in self.directory.iterdir() if path.name.endswith(SUFFIXES) and path.is_file()]
        return tuple(sorted(found, key=os.fsencode))

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, None where there is none."""
        try:
            return (self.directory / name).read_bytes()
        except FileNotFoundError:
            return None

    def read_all(self, names: Iterable[str]) -> dict[str, bytes | None]:
        """The bytes of several files."""
        return {name: self.read(name) for name in names}

    def write(self, name: str, data: bytes) -> None:
        """Put a file there, whole, in a way that every runtime notices."""
        files.replace(self.directory / name, data, MODE)

    def remove(self, name: str) -> None:
        """Take a file away."""
        (self.directory / name).unlink(missing_ok=True)
        files.sync_directory(self.directory)


def sorting_before(names: Iterable[str], ours: str) -> tuple[str, ...]:
    """The files that a runtime takes instead of ours."""
    return tuple(name for name in names if os.fsencode(name) < os.fsencode(ours))
