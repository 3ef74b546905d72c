"""Reads the configuration that the nodes shall have from the mounted ConfigMap."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ctl.networks.failures import BadConfiguration
from ctl.networks.file import FILE_BYTES_MAX

NAME_KEY: Final = "ipam_conf_file_name"
CURRENT: Final = "..data"
"""The link that the kubelet turns over to a new directory when the ConfigMap has changed."""
_FILE_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,199}")
_READS_MAX: Final = 3


@dataclass(frozen=True)
class Wanted:
    """The file that a node shall have."""

    name: str
    data: bytes


def read(directory: Path) -> Wanted:
    """What the ConfigMap says, all of it of one moment. Raises `BadConfiguration`."""
    for _ in range(_READS_MAX - 1):
        try:
            return _read(_current(directory))
        except FileNotFoundError:
            continue  # turned over between two files
    try:
        return _read(_current(directory))
    except FileNotFoundError as error:
        raise BadConfiguration(f"{error.filename} is missing") from None


def _current(directory: Path) -> Path:
    """The directory behind the link, which stays what it is when the link turns."""
    link = directory / CURRENT
    return link.resolve() if link.exists() else directory


def _read(directory: Path) -> Wanted:
    name = (directory / NAME_KEY).read_bytes()[:FILE_BYTES_MAX].decode("utf-8", "replace").strip()
    if not _FILE_NAME.fullmatch(name):
        raise BadConfiguration(f"{NAME_KEY}: {name[:100]!r} is no file name of letters, digits, '_', '.', '-'")
    keys = [path.name for path in directory.iterdir() if not path.name.startswith("..")]
    if name not in keys:
        others = ", ".join(sorted(set(keys) - {NAME_KEY})) or "none"
        raise BadConfiguration(f"{NAME_KEY}: names {name}, but there is no such key (other keys: {others})")
    with (directory / name).open("rb") as file:
        return Wanted(name, file.read(FILE_BYTES_MAX + 1))
