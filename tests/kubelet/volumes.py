"""Lays out the volumes of a pod as the kubelet does, down to its symbolic links and modes."""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_MODE = 0o644
TOKEN_MODE = 0o600
"""Of a projected token whose pod runs as one user and has no fsGroup."""

_versions = itertools.count(1)


@dataclass(frozen=True)
class Ownership:
    """Which group the files of a volume get, and how they may be read; `None` leaves them to root."""

    fs_group: int | None
    mode: int = DEFAULT_MODE


def make_empty(volume: Path, fs_group: int | None) -> None:
    """An emptyDir."""
    volume.mkdir()
    volume.chmod(0o777)
    if fs_group is not None:
        os.chown(volume, 0, fs_group)
        volume.chmod(0o2777)


def write_atomically(volume: Path, files: Mapping[str, bytes], ownership: Ownership) -> None:
    """Make the volume hold exactly these files, at once for every reader.

    They lie in a directory of their own, to which `..data` points; the visible names point through it.
    """
    volume.mkdir(mode=0o755, parents=True, exist_ok=True)
    previous = volume / os.readlink(volume / "..data") if (volume / "..data").is_symlink() else None
    holder = volume / f"..2026_01_01_00_00_00.{next(_versions)}"
    holder.mkdir(mode=0o755)
    for name, data in files.items():
        (holder / name).write_bytes(data)
        _own(holder / name, ownership)
    for directory in (volume, holder):
        _own_directory(directory, ownership)
    (volume / "..data_tmp").symlink_to(holder.name)
    (volume / "..data_tmp").rename(volume / "..data")
    for name in files:
        if not (volume / name).is_symlink():
            (volume / name).symlink_to(f"..data/{name}")
    for link in volume.iterdir():
        if not link.name.startswith("..") and link.name not in files:
            link.unlink()
    if previous is not None:
        shutil.rmtree(previous)


def _own(path: Path, ownership: Ownership) -> None:
    path.chmod(ownership.mode)
    if ownership.fs_group is not None:
        os.chown(path, 0, ownership.fs_group)
        path.chmod(ownership.mode | 0o440)


def _own_directory(path: Path, ownership: Ownership) -> None:
    if ownership.fs_group is not None:
        os.chown(path, 0, ownership.fs_group)
        path.chmod(0o2755)
