"""What lives in the cluster, as somebody other than the agents tells it: the sweep is given such a source.

A source is asked in the coordinator's main thread, so it answers from memory, at once. Only complete pictures
count: whatever a source cannot know for certain it leaves out, and nothing is then released for its sake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True)
class LiveNodes:
    """Every node that exists, by its name, with when others were seen to be gone.

    All times are of the coordinator's monotonic clock. A node that is in neither is gone since `complete_since_s`,
    when the source first had a complete list: that is the first moment at which its absence could be seen.
    """

    present: frozenset[str]
    complete_since_s: float
    gone_since_s: Mapping[str, float] = field(default_factory=dict)

    def absent_since_s(self, node: str) -> float | None:
        """Since when the node is known not to exist; None while it exists."""
        if node in self.present:
            return None
        return self.gone_since_s.get(node, self.complete_since_s)


@dataclass(frozen=True)
class Liveness:
    """What a source knows at this moment. `is_fresh`: it hears of changes now; if not, the sweep only looks.

    `nodes` is None where the source does not know them, be it never or not yet completely.
    """

    is_fresh: bool
    nodes: LiveNodes | None = None


class LivenessSource(Protocol):
    """Somebody who knows what lives."""

    def look(self, now_s: float) -> Liveness:
        """The picture of this moment; `now_s` is the coordinator's monotonic clock."""
        ...


class NobodyTells:
    """The source of a coordinator that was told of none."""

    def look(self, now_s: float) -> Liveness:
        """Nothing is known, and never will be: that is no outage."""
        return Liveness(is_fresh=True)
