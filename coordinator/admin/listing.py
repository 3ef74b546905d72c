"""Answers `list_allocations` from the index and the sessions, a piece in each turn: the grid is not asked."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.lane.lane import Lane
from coordinator.nodes.sessions import Claim, Session
from protocol.admin.messages import (
    SENTENCE_LENGTH_MAX,
    AdminAnswer,
    ListAllocations,
    Listed,
    ListedAllocation,
    ListedState,
)
from protocol.wire.allocation_id import AllocationId

SEEN_OF_TURN_MAX: Final = 500
"""So many objects are looked at before the coordinator turns to its other work."""

ROWS_OF_PAGE_MAX: Final = 100
"""A row may have a dozen long texts, and a message has its limit."""


@dataclass
class _Asked:
    request: ListAllocations
    rows: Iterator[ListedAllocation | None]
    """What there is to tell; None for each object that is looked at and not told."""
    since_s: float
    page: list[ListedAllocation] = field(default_factory=list)


class Listings:
    """All commands that list allocations."""

    def __init__(
        self, parts: Parts, lane: Lane, deletions: Deletions, tell: Callable[[int, AdminAnswer], None]
    ) -> None:
        self._parts = parts
        self._lane = lane
        self._deletions = deletions
        self._tell = tell
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: ListAllocations, now_s: float) -> None:
        """Begin to list what there is now."""
        self._asked[ticket] = _Asked(request, self._rows(request, now_s), now_s)

    def leave(self, ticket: int) -> None:
        """Nobody waits any more."""
        self._asked.pop(ticket, None)

    def expire(self, now_s: float) -> None:
        """Go on with each list."""
        for ticket, asked in list(self._asked.items()):
            seen = list(islice(asked.rows, SEEN_OF_TURN_MAX))
            asked.page += [row for row in seen if row]
            is_last = len(seen) < SEEN_OF_TURN_MAX
            if is_last:
                self.leave(ticket)
            self._send(ticket, asked, is_last=is_last, now_s=now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do: at once, while there is a list."""
        return min((each.since_s for each in self._asked.values()), default=None)

    def _send(self, ticket: int, asked: _Asked, *, is_last: bool, now_s: float) -> None:
        while len(asked.page) > ROWS_OF_PAGE_MAX or is_last:
            page, asked.page = asked.page[:ROWS_OF_PAGE_MAX], asked.page[ROWS_OF_PAGE_MAX:]
            ends = is_last and not asked.page
            answer = Listed(
                id=asked.request.id,
                cluster=self._parts.policy.cluster_name,
                allocations=page,
                remarks=self._remarks(now_s) if ends else [],
                last=ends,
            )
            self._tell(ticket, answer)
            if ends:
                return

    def _rows(self, request: ListAllocations, now_s: float) -> Iterator[ListedAllocation | None]:
        for seen in self._parts.index:
            if seen.allocation in self._parts.index:
                yield self._row_of_object(request, seen, now_s)
        for session in self._parts.sessions:
            for claim in list(session.claims.values()):
                if claim.allocation not in self._parts.index:
                    yield self._row_of_claim(request, session, claim)

    def _row_of_object(
        self, request: ListAllocations, seen: AllocationObject, now_s: float
    ) -> ListedAllocation | None:
        if not (_has(request.node, seen.node) and _has(request.network, seen.subnet, seen.network_name)):
            return None
        state = state_of(self._parts, self._deletions, seen, now_s)
        label = seen.label
        namespace, pod = (label.pod_namespace, label.pod) if label else ("", "")
        if not (_is_wanted(request, state) and _has(request.namespace, namespace)):
            return None
        if not _has(request.pod, pod, f"{namespace}/{pod}"):
            return None
        return ListedAllocation(
            address=seen.address,
            view=seen.view,
            subnet=seen.subnet,
            network=seen.network_name[:253],
            node=seen.node[:253],
            namespace=namespace,
            pod=pod,
            container_id=label.container_id if label else "",
            ifname=label.ifname if label else "",
            mac=seen.mac or "",
            state=state,
            allocation=seen.allocation,
        )

    def _row_of_claim(self, request: ListAllocations, session: Session, claim: Claim) -> ListedAllocation | None:
        if request.namespace or request.pod:
            return None  # without an object there is no label
        held = ListedState.READY if claim.is_ready else ListedState.HELD
        state = ListedState.MISSING if self._parts.index.is_complete else held
        is_there = _has(request.node, session.node) and _has(request.network, claim.subnet, claim.network_name)
        if not (is_there and _is_wanted(request, state)):
            return None
        return ListedAllocation(
            address=claim.address,
            view=claim.view,
            subnet=claim.subnet,
            network=claim.network_name,
            node=session.node,
            state=state,
            allocation=claim.allocation,
        )

    def _remarks(self, now_s: float) -> list[str]:
        remarks = []
        if not self._parts.index.is_complete:
            remarks.append("this coordinator has not listed the grid to its end yet: more may be there")
        if outage := self._lane.outage:
            away_s = now_s - outage.since_s
            remarks.append(
                f"the grid has been away for {away_s:.0f} s ({outage.problem.msg}): this was known before"
            )
        return [remark[:SENTENCE_LENGTH_MAX] for remark in remarks]


def state_of(parts: Parts, deletions: Deletions, seen: AllocationObject, now_s: float) -> ListedState:
    """How it stands with an object of the grid."""
    if seen.allocation in deletions:
        return ListedState.LET_GO
    owner = AllocationId.parse(seen.allocation).owner
    session = parts.sessions.of_owner(owner)
    if session is None or session.is_silent(now_s):
        return ListedState.AWAY
    claim = session.claims.get(seen.allocation)
    if claim is None:
        return ListedState.ASKED if session.names(seen.allocation) else ListedState.UNCLAIMED
    if claim.is_ready:
        return ListedState.READY
    return ListedState.HELD if owner.journal == session.owner.journal else ListedState.ADOPTED


def _is_wanted(request: ListAllocations, state: ListedState) -> bool:
    return not request.states or state in request.states


def _has(wanted: str, *names: str) -> bool:
    return not wanted or wanted in names
