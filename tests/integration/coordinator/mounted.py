"""A Secret or ConfigMap volume as kubelet writes it: files are links through `..data` to a dated directory."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


class MountedVolume:
    """The volume. `write` replaces all files at once, as kubelet does it."""

    def __init__(self, directory: Path, files: Mapping[str, str], mode: int = 0o440) -> None:
        self.directory = directory
        self._mode = mode
        self._writes = 0
        directory.mkdir()
        self.write(files)
        for name in files:
            (directory / name).symlink_to(Path("..data") / name)

    def write(self, files: Mapping[str, str]) -> None:
        """Make a new dated directory, then let `..data` lead there."""
        self._writes += 1
        dated = self.directory / f"..2026_11_24_10_00_{self._writes:02}.1234567890"
        dated.mkdir()
        for name, text in files.items():
            (dated / name).write_text(text)
            (dated / name).chmod(self._mode)
        (self.directory / "..data_tmp").symlink_to(dated.name)
        old = os.readlink(self.directory / "..data") if (self.directory / "..data").is_symlink() else None
        (self.directory / "..data_tmp").rename(self.directory / "..data")
        if old:
            for path in (self.directory / old).iterdir():
                path.unlink()
            (self.directory / old).rmdir()
