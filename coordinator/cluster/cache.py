"""What was heard of the nodes, as the sweep is told it: events in, pictures out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from coordinator.cluster.liveness import LiveNodes
from coordinator.cluster.metadata import Seen

REMEMBER_GONE_S: Final = 86_400.0
"""The longest `--node-gone-after`. After it a node may be forgotten: it then counts as gone even longer."""


class SeenNodes:
    """The nodes. All times are of the coordinator's monotonic clock."""

    def __init__(self) -> None:
        self._present: set[str] = set()
        self._gone_since_s: dict[str, float] = {}
        self._complete_since_s: float | None = None
        self._picture: LiveNodes | None = None

    def __len__(self) -> int:
        return len(self._present)

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        """The complete list of this moment."""
        present = {node.name for node in objects}
        for name in self._present - present:
            self._gone_since_s[name] = now_s
        for name in present:
            self._gone_since_s.pop(name, None)
        self._present = present
        if self._complete_since_s is None:
            self._complete_since_s = now_s
        self._picture = None

    def there(self, node: Seen) -> None:
        """A node exists."""
        if node.name in self._present:
            return
        self._present.add(node.name)
        self._gone_since_s.pop(node.name, None)
        self._picture = None

    def gone(self, node: Seen, now_s: float) -> None:
        """A node was deleted."""
        self._present.discard(node.name)
        self._gone_since_s.setdefault(node.name, now_s)
        self._picture = None

    def picture(self, now_s: float) -> LiveNodes | None:
        """None before there was a complete list. A cluster without nodes is not believed."""
        if self._complete_since_s is None or not self._present:
            return None
        if self._picture is None:
            kept = {name: at_s for name, at_s in self._gone_since_s.items() if now_s - at_s < REMEMBER_GONE_S}
            self._gone_since_s = kept
            self._picture = LiveNodes(frozenset(self._present), self._complete_since_s, dict(kept))
        return self._picture
