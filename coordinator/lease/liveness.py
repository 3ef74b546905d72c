"""What lives, as far as a coordinator may act on it: one that may not be the leader any more frees nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from coordinator.cluster.liveness import Liveness, LivenessSource


class LeadersLiveness:
    """What `source` tells. It counts as up to date only while `is_certain` that nobody else leads."""

    def __init__(self, source: LivenessSource, is_certain: Callable[[], bool]) -> None:
        self._source = source
        self._is_certain = is_certain

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment."""
        picture = self._source.look(now_s)
        return replace(picture, is_fresh=picture.is_fresh and self._is_certain())
