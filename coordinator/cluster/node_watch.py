"""Kubernetes as a source of liveness: a watch of its nodes, and what that has seen."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Final

from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.cache import SeenNodes
from coordinator.cluster.liveness import Liveness
from coordinator.cluster.metadata import Seen
from coordinator.cluster.reflector import Pace, Reflector
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from protocol.wire.status import KubernetesStatus

FRESH_S: Final = 120.0
"""What was heard before that is not relied upon: two watches of a quiet cluster have ended since."""


class NodeWatch:
    """Learns in a thread of its own, answers in any."""

    def __init__(
        self,
        server: ApiServer,
        clock: Callable[[], float],
        logger: Logger,
        internal: InternalErrors,
        pace: Pace = Pace(),  # noqa: B008, it is frozen
    ) -> None:
        self._lock = threading.Lock()
        self._nodes = SeenNodes()
        self._reflector = Reflector("nodes", server, self, clock, logger, pace, internal)

    def run(self) -> None:
        """The thread's body."""
        self._reflector.run()

    def stop(self) -> None:
        """End the thread."""
        self._reflector.stop()

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment."""
        with self._lock:
            return Liveness(self._is_fresh(now_s), self._nodes.picture(now_s))

    def status(self, now_s: float) -> KubernetesStatus:
        """How far the watch is, for people."""
        with self._lock:
            return KubernetesStatus(fresh=self._is_fresh(now_s), nodes=len(self._nodes))

    def listed(self, objects: Iterable[Seen], now_s: float) -> None:
        """The complete list of this moment."""
        with self._lock:
            self._nodes.listed(objects, now_s)

    def there(self, seen: Seen) -> None:
        """A node exists."""
        with self._lock:
            self._nodes.there(seen)

    def gone(self, seen: Seen, now_s: float) -> None:
        """A node was deleted."""
        with self._lock:
            self._nodes.gone(seen, now_s)

    def _is_fresh(self, now_s: float) -> bool:
        heard_s = self._reflector.heard_s
        return heard_s is not None and now_s - heard_s < FRESH_S
