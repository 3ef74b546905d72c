"""Reads the names of all nodes from a file, for clusters whose API server the coordinator may not ask."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from coordinator.cluster.cache import REMEMBER_GONE_S
from coordinator.cluster.liveness import Liveness, LiveNodes


class LiveNodesFile:
    """One node name a line; `#` begins a comment. A file that is missing or names no node tells nothing."""

    def __init__(self, path: Path, clock: Callable[[], float]) -> None:
        self._path = path
        self._clock = clock
        self._nodes: LiveNodes | None = None
        self.reread()

    def reread(self) -> None:
        """Take in what the file says now. A node that is in it no more is gone since this moment."""
        present, now_s = self._read(), self._clock()
        if not present:
            self._nodes = None
        elif self._nodes is None:
            self._nodes = LiveNodes(present, complete_since_s=now_s)
        else:
            known = self._nodes
            gone = {**known.gone_since_s, **dict.fromkeys(known.present, now_s)}
            gone = {
                node: since_s
                for node, since_s in gone.items()
                if node not in present and now_s - since_s < REMEMBER_GONE_S
            }
            self._nodes = LiveNodes(present, known.complete_since_s, gone)

    def look(self, now_s: float) -> Liveness:
        """The nodes of the file; pods it does not know."""
        nodes = self._nodes
        return Liveness(is_fresh=nodes is not None, nodes=nodes)

    def _read(self) -> frozenset[str]:
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError):
            return frozenset()
        names = (line.partition("#")[0].strip() for line in lines)
        return frozenset(name for name in names if name)
