"""Kubernetes as a source of liveness: one watch of the nodes, one of the pods, and what both have seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.cache import SeenNodes, SeenPods
from coordinator.cluster.liveness import Liveness
from coordinator.cluster.metadata import Seen
from coordinator.cluster.reflector import Pace, Reflector, Seeing
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from protocol.status import KubernetesStatus

FRESH_S: Final = 120.0
"""What was heard before that is not relied upon: two watches of a quiet cluster have ended since."""


class ClusterWatch:
    """Learns in the threads of its `watches`, answers in any."""

    def __init__(
        self,
        server: ApiServer,
        clock: Callable[[], float],
        logger: Logger,
        internal: InternalErrors,
        pace: Pace = Pace(),  # noqa: B008, it is frozen
        fresh_s: float = FRESH_S,
    ) -> None:
        self._lock = threading.Lock()
        self._fresh_s = fresh_s
        self._nodes, self._pods = SeenNodes(), SeenPods()
        kinds: dict[str, Seeing] = {"nodes": self._nodes, "pods": self._pods}
        self._watches = {
            kind: Reflector(kind, server, _Locked(seeing, self._lock), clock, logger, pace, internal)
            for kind, seeing in kinds.items()
        }

    @property
    def watches(self) -> Mapping[str, Reflector]:
        """What is to run in a thread each, by name."""
        return self._watches

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment. It is fresh while both watches are."""
        with self._lock:
            return Liveness(self._is_fresh(now_s), self._nodes.picture(now_s), self._pods.picture(now_s))

    def status(self, now_s: float) -> KubernetesStatus:
        """How far the watch is, for people."""
        with self._lock:
            return KubernetesStatus(fresh=self._is_fresh(now_s), nodes=len(self._nodes), pods=len(self._pods))

    def _is_fresh(self, now_s: float) -> bool:
        heard = [watch.heard_s for watch in self._watches.values()]
        return all(heard_s is not None and now_s - heard_s < self._fresh_s for heard_s in heard)


class _Locked:
    def __init__(self, seeing: Seeing, lock: threading.Lock) -> None:
        self._seeing = seeing
        self._lock = lock

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        with self._lock:
            self._seeing.listed(objects, now_s)

    def there(self, seen: Seen) -> None:
        with self._lock:
            self._seeing.there(seen)

    def gone(self, seen: Seen, now_s: float) -> None:
        with self._lock:
            self._seeing.gone(seen, now_s)
