"""What the cluster says lives: its list of nodes, which may be away, and err for a moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import inf

from coordinator.cluster.liveness import Liveness, LiveNodes
from tests.sim.timeline import Timeline


class NodeList:
    """The nodes of one cluster."""

    def __init__(self, timeline: Timeline, nodes: Iterable[str]) -> None:
        self._timeline = timeline
        self._present = set(nodes)
        self._gone_since_s: dict[str, float] = {}
        self._away_until_s = -inf

    def add(self, node: str) -> None:
        """The node exists."""
        self._present.add(node)

    def remove(self, node: str) -> None:
        """The node exists no more."""
        self._present.discard(node)
        self._gone_since_s[node] = self._timeline.now_s

    def is_gone(self, node: str) -> bool:
        """Whether it exists no more."""
        return node not in self._present

    def is_away(self, seconds: float) -> None:
        """Nobody hears of changes for a while."""
        self._away_until_s = self._timeline.now_s + seconds

    def heal(self) -> None:
        """Everybody hears of changes."""
        self._away_until_s = -inf

    def source(self, clock: Callable[[], float]) -> Source:
        """The list as a coordinator that starts now hears of it; `clock` is its monotonic clock."""
        return Source(self, clock() - self._timeline.now_s, clock())

    def look(self, shift_s: float, since_s: float) -> Liveness:
        """The picture of this moment, with times so much later."""
        gone = {node: at_s + shift_s for node, at_s in self._gone_since_s.items() if node not in self._present}
        nodes = LiveNodes(frozenset(self._present), since_s, gone)
        return Liveness(is_fresh=self._timeline.now_s >= self._away_until_s, nodes=nodes)


class Source:
    """What one coordinator hears."""

    def __init__(self, nodes: NodeList, shift_s: float, since_s: float) -> None:
        self._nodes = nodes
        self._shift_s = shift_s
        self._since_s = since_s

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment."""
        return self._nodes.look(self._shift_s, self._since_s)
