"""Says what it costs to restart the coordinator now: it keeps nothing on a disk, and learns all of it again."""

from __future__ import annotations

from collections.abc import Iterator

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.lane.lane import Lane
from protocol.wire.allocation_id import AllocationId


def costs(parts: Parts, lane: Lane, deletions: Deletions, now_s: float) -> Iterator[str]:
    """Each thing that would be lost or take longer, as a sentence; none where a restart is harmless."""
    if outage := lane.outage:
        yield f"the grid is away ({outage.problem.msg}): what is known of it now would be unknown until it is back"
    elif not parts.index.is_complete:
        yield "the grid is not listed to its end yet: the listing would begin again"
    if asked := sum(len(session.asks) for session in parts.sessions):
        yield f"requests for an address under way, which would wait until nodes are connected again: {asked}"
    if forgotten := sum(1 for each in deletions if not _is_heard(parts, each, now_s)):
        told = "let go by agents that are away, which would stay in the grid until these are back"
        yield f"addresses {told}: {forgotten}"


def _is_heard(parts: Parts, allocation: str, now_s: float) -> bool:
    """Whether the agent that let it go would say so again."""
    session = parts.sessions.of_owner(AllocationId.parse(allocation).owner)
    return session is not None and not session.is_silent(now_s)
