"""The `authorized` directory: which keys a person has bound to nodes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from protocol.keys import load_authorized

_RECHECK_S: Final = 1.0


class Authorized:
    """The nodes' public keys, from one file per node; read again when the directory has changed."""

    def __init__(self, directory: Path, complain: Callable[[str], None]) -> None:
        self._directory = directory
        self._complain = complain
        self._nodes: dict[bytes, str] = {}
        self._names: frozenset[str] = frozenset()
        self._stamp: object = None
        self._complaint = ""
        self._checked_at_s = -_RECHECK_S

    def refresh(self, now_s: float) -> None:
        """Look whether the directory has changed, at most once a second."""
        if now_s < self._checked_at_s + _RECHECK_S:
            return
        self._checked_at_s = now_s
        self.reread()

    def reread(self) -> None:
        """Read the keys again if any file has come, gone or changed."""
        try:
            paths = self._key_files()
            stamp = sorted((path.name, stat.st_mtime_ns, stat.st_ino) for path in paths for stat in [path.stat()])
        except OSError as error:
            self._complain_once(f"{self._directory}: {error.strerror}")
            return
        self._complaint = ""
        if stamp == self._stamp:
            return
        self._stamp = stamp
        self._nodes, complaints = load_authorized(paths)
        self._names = frozenset(self._nodes.values())
        for complaint in complaints:
            self._complain(complaint)

    def _key_files(self) -> list[Path]:
        """A directory that does not exist authorizes nobody, as an empty one; where nodes enrol none is needed."""
        try:
            return [path for path in self._directory.iterdir() if path.name.endswith(".key")]
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
