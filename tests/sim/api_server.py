"""The cluster's objects as its API server has them, and as each coordinator's watch sees them, a little late."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Final

from coordinator.cluster.cache import SeenNodes, SeenPods
from coordinator.cluster.liveness import Liveness
from coordinator.cluster.metadata import Seen
from tests.sim.timeline import Timeline

SOMEBODY: Final = Seen("kube-system", "dns", "uid-dns")
"""A pod that always is there: no cluster is without one."""


@dataclass
class _Times:
    made_s: float
    gone_s: float = inf


class ApiServer:
    """Every node and pod that ever was. `tells` is what coordinators may ask: `nobody`, `nodes` or `pods` too."""

    def __init__(self, timeline: Timeline, tells: str) -> None:
        self.tells = tells
        self._timeline = timeline
        self._nodes: dict[Seen, _Times] = {}
        self._pods: dict[Seen, _Times] = {SOMEBODY: _Times(-inf)}
        self._away_until_s = 0.0

    def node_comes(self, name: str) -> None:
        """A node registers; nothing happens where it is there already."""
        self._nodes.setdefault(_node(name), _Times(self._timeline.now_s))

    def node_goes(self, name: str) -> None:
        """A node is deleted."""
        _end(self._nodes, _node(name), self._timeline.now_s)

    def pod_comes(self, name: str) -> None:
        """A pod is bound to a node; nothing happens where it is there already."""
        self._pods.setdefault(_pod(name), _Times(self._timeline.now_s))

    def pod_goes(self, name: str) -> None:
        """A pod is deleted."""
        _end(self._pods, _pod(name), self._timeline.now_s)

    def begin_outage(self, seconds: float) -> None:
        """Nobody hears of any change for so long."""
        self._away_until_s = self._timeline.now_s + seconds

    def heal(self) -> None:
        """From now on it answers."""
        self._away_until_s = 0.0

    @property
    def is_away(self) -> bool:
        """Whether it answers nobody."""
        return self._timeline.now_s < self._away_until_s

    def nodes(self, ago_s: float) -> list[Seen]:
        """Those of so long ago."""
        return _there(self._nodes, self._timeline.now_s - ago_s)

    def pods(self, ago_s: float) -> list[Seen]:
        """Those of so long ago."""
        return _there(self._pods, self._timeline.now_s - ago_s)


class Watch:
    """What one coordinator has seen of it; its source for the sweep."""

    def __init__(self, server: ApiServer, late_s: float, now_s: float) -> None:
        self._server = server
        self._late_s = late_s
        self._nodes = SeenNodes()
        self._pods = SeenPods()
        self.look(now_s)

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment, at most `late_s` old."""
        if self._server.tells == "nobody":
            return Liveness(is_fresh=True)
        if not self._server.is_away:
            self._nodes.listed(self._server.nodes(self._late_s), now_s)
            self._pods.listed(self._server.pods(self._late_s), now_s)
        pods = self._pods.picture(now_s) if self._server.tells == "pods" else None
        return Liveness(not self._server.is_away, self._nodes.picture(now_s), pods)


def uid_of(pod: str) -> str:
    """The UID of the pod of that name."""
    return f"uid-{pod}"


def _node(name: str) -> Seen:
    return Seen("", name, f"uid-{name}")


def _pod(name: str) -> Seen:
    return Seen("default", name, uid_of(name))


def _end(objects: dict[Seen, _Times], gone: Seen, now_s: float) -> None:
    if gone in objects:
        objects[gone].gone_s = min(objects[gone].gone_s, now_s)


def _there(objects: dict[Seen, _Times], at_s: float) -> list[Seen]:
    return [each for each, times in objects.items() if times.made_s <= at_s < times.gone_s]
