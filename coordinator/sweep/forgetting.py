"""Forgets the nodes that are gone for good: a cluster that scales gets new names every day.

Nothing is lost by it: of a node that claims nothing, and has nothing in the grid, there is nothing to decide. One
that comes back is met as if for the first time.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.nodes.boots import Boots
from protocol.wire.allocation_id import hash_node

FORGET_AFTER_S: Final = 3_600.0
"""So long must no agent of a node have been heard, and for `--node-gone-after`, where that is longer."""

LOOK_S: Final = 600.0


class Forgetting:
    """Looks now and then which nodes there are no more. `end` ends what is left of the sessions of a node."""

    def __init__(self, parts: Parts, boots: Boots, end: Callable[[str], None]) -> None:
        self._parts = parts
        self._boots = boots
        self._end = end
        self._look_s = 0.0

    def expire(self, now_s: float) -> None:
        """Forget whoever is gone, once it is known what the grid holds."""
        if now_s < self._look_s or not self._parts.index.is_complete:
            return
        self._look_s = now_s + LOOK_S
        for node in sorted(self._parts.sessions.nodes() | self._boots.nodes()):
            if self._is_gone(node, now_s):
                self._forget(node)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._look_s if self._parts.index.is_complete else None

    def _is_gone(self, node: str, now_s: float) -> bool:
        sessions = self._parts.sessions
        after_s = max(FORGET_AFTER_S, self._parts.policy.node_gone_after_s)
        heard_s = sessions.node_heard_s(node)
        is_heard = heard_s is not None and now_s - heard_s < after_s
        claims = any(session.claims for session in sessions.of_node(node))
        return not is_heard and not claims and hash_node(node) not in self._parts.index.nodes()

    def _forget(self, node: str) -> None:
        self._end(node)
        self._parts.sessions.forget(node)
        self._boots.forget(node)
        for kind in ("two_machines", "boot_not_over"):
            self._parts.alarms.close(kind, node)
        self._parts.outbox.note("node_forgotten", node=node)
