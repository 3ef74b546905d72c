"""The `authorized` directory: which keys a person has bound to nodes."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.keys import load_authorized

_RECHECK_S: Final = 1.0

Stamp = tuple[int, int]
"""When a file was written, and which one it is."""


class Authorized:
    """The nodes' public keys, from one file per node; read again when the directory has changed."""

    def __init__(self, directory: Path, complain: Callable[[str], None]) -> None:
        self._directory = directory
        self._complain = complain
        self._nodes: dict[bytes, str] = {}
        self._names: frozenset[str] = frozenset()
        self._stamps: dict[str, Stamp] = {}
        self._complaint = ""
        self._checked_at_s = -_RECHECK_S

    def refresh(self, now_s: float) -> None:
        """Look whether the directory has changed, at most once a second."""
        if now_s < self._checked_at_s + _RECHECK_S:
            return
        self._checked_at_s = now_s
        self.reread()

    def recheck(self, public_key: bytes, asked_at_s: float, now_s: float) -> bool:
        """Whether it is certain whose this key is: when its file is as it was, the others are not looked at.

        They may be thousands, whose nodes all come back at once. Keys that nobody knows come in any number; for
        one of them the directory must have been looked at since `asked_at_s`.
        """
        node = self._nodes.get(public_key)
        if node is None:
            self.refresh(now_s)
            return public_key in self._nodes or self._checked_at_s >= asked_at_s
        if not self._is_as_read(f"{node}.key"):
            self.reread()
        return True

    def reread(self) -> None:
        """Read the keys again if any file has come, gone or changed."""
        try:
            files = self._key_files()
            stamps = {file.name: _stamp(file.stat()) for file in files}
        except OSError as error:
            self._complain_once(f"{self._directory}: {error.strerror}")
            return
        self._complaint = ""
        if stamps == self._stamps:
            return
        self._stamps = stamps
        self._nodes, complaints = load_authorized(Path(file) for file in files)
        self._names = frozenset(self._nodes.values())
        for complaint in complaints:
            self._complain(complaint)

    def _is_as_read(self, name: str) -> bool:
        try:
            return self._stamps.get(name) == _stamp((self._directory / name).stat())
        except OSError:
            return False

    def _key_files(self) -> list[os.DirEntry[str]]:
        """A directory that does not exist authorizes nobody, as an empty one; where nodes enrol none is needed."""
        try:
            with os.scandir(self._directory) as found:
                return [file for file in found if file.name.endswith(".key")]
        except FileNotFoundError:
            return []

    def _complain_once(self, text: str) -> None:
        if text != self._complaint:
            self._complaint = text
            self._complain(text)

    def node_of(self, public_key: bytes) -> str | None:
        """The node that this key (Z85) belongs to."""
        return self._nodes.get(public_key)

    def has(self, node: str) -> bool:
        """Whether the node has a key here."""
        return node in self._names

    def __len__(self) -> int:
        return len(self._nodes)


def _stamp(found: os.stat_result) -> Stamp:
    return found.st_mtime_ns, found.st_ino
