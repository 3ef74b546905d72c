"""Answers `verify`: lists the grid now, says where it differs from the journals, and what was not compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from coordinator.admin.bare_object import BareObject
from coordinator.admin.events import turned_down_for
from coordinator.admin.look import Found, Group, Look, look, outcome_of
from coordinator.admin.tenants import TenantListing
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.lane.task import Failed
from coordinator.sweep.sweeper import Sweeper
from protocol.admin.messages import (
    EXAMPLES_MAX,
    PAGE_ITEMS_MAX,
    SENTENCE_LENGTH_MAX,
    AdminAnswer,
    Difference,
    Uncompared,
    Verified,
    Verify,
)
from protocol.errors import Problem
from protocol.wire.allocation_id import AllocationId

PATIENCE_S: Final = 120.0
"""How long a listing may take; shorter than a command's connection stays open without a word."""

MENDING_S: Final = 60.0
"""How long an answer waits for what differs to be mended."""


@dataclass
class _Asked:
    request: Verify
    deadline_s: float
    listing: TenantListing | None = None
    bearing_our_name: list[BareObject] | None = None
    seen: Look | None = None


class Verifications:
    """All commands that wait for a look."""

    def __init__(
        self,
        parts: Parts,
        lane: Lane,
        sweeper: Sweeper,
        deletions: Deletions,
        free: Callable[[float], str],
        tell: Callable[[int, AdminAnswer], None],
    ) -> None:
        self._parts = parts
        self._lane = lane
        self._sweeper = sweeper
        self._deletions = deletions
        self._free_gone_nodes = free
        """Frees what nodes have left that are gone, however many; returns why it does not."""
        self._tell = tell
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: Verify, now_s: float) -> None:
        """Look anew for this command."""
        asked = self._asked[ticket] = _Asked(request, now_s + PATIENCE_S)
        asked.listing = TenantListing(
            self._parts, lambda outcome, at_s: self._listed(ticket, asked, outcome), now_s
        )
        self._sweeper.look(lambda problem, at_s: self._looked(ticket, asked, problem, at_s), now_s)

    def leave(self, ticket: int) -> None:
        """Nobody waits any more: a look that has begun goes on."""
        asked = self._asked.pop(ticket, None)
        if asked and asked.listing:
            asked.listing.leave()

    def expire(self, now_s: float) -> None:
        """Answer whose look is over, or whose time is up."""
        for ticket, asked in list(self._asked.items()):
            if asked.seen is not None and asked.bearing_our_name is not None:
                if not asked.request.repair or self._is_mended(asked.seen) or now_s >= asked.deadline_s:
                    self._answer(ticket, asked.request, asked.seen, asked.bearing_our_name)
            elif now_s >= asked.deadline_s:
                self._turn_down(ticket, asked, why_late(self._lane.outage, "it lists too slowly"))

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((each.deadline_s for each in self._asked.values()), default=None)

    def _listed(self, ticket: int, asked: _Asked, outcome: list[BareObject] | Failed) -> None:
        if isinstance(outcome, Failed):
            self._turn_down(ticket, asked, outcome.problem)
        else:
            asked.bearing_our_name = outcome

    def _looked(self, ticket: int, asked: _Asked, problem: Problem | None, now_s: float) -> None:
        if self._asked.get(ticket) is not asked:
            return
        if problem:
            self._turn_down(ticket, asked, problem)
            return
        if asked.request.force:
            self._free_gone_nodes(now_s)
        asked.seen = look(self._parts, self._deletions, now_s)
        if asked.request.repair:
            asked.deadline_s = now_s + MENDING_S

    def _is_mended(self, seen: Look) -> bool:
        return all(outcome_of(self._parts, self._deletions, each) for each in seen.differences)

    def _turn_down(self, ticket: int, asked: _Asked, problem: Problem) -> None:
        if self._asked.get(ticket) is asked:
            self.leave(ticket)
            self._tell(ticket, turned_down_for(asked.request.id, problem))

    def _answer(self, ticket: int, request: Verify, seen: Look, bearing_our_name: list[BareObject]) -> None:
        self.leave(ticket)
        rows = [self._row(each) for each in seen.differences]
        location = self._parts.writer.names.location
        groups = [*_of_ours(seen, self._sweeper.unreadable, location), *self._of_others(bearing_our_name)]
        count = max(1, len(rows))
        for start in range(0, count, PAGE_ITEMS_MAX):
            answer = Verified(
                id=request.id,
                cluster=self._parts.policy.cluster_name,
                compared=seen.compared,
                uncompared=[] if start else groups,
                differences=rows[start : start + PAGE_ITEMS_MAX],
                last=start + PAGE_ITEMS_MAX >= count,
            )
            self._tell(ticket, answer)

    def _row(self, found: Found) -> Difference:
        outcome = outcome_of(self._parts, self._deletions, found)
        return Difference(
            kind=found.kind,
            view=found.view[:253],
            address=found.address,
            allocation=found.allocation,
            node=found.node[:253],
            name=found.name[:253],
            why=found.why[:SENTENCE_LENGTH_MAX],
            outcome=outcome,
            is_settled=bool(outcome),
        )

    def _of_others(self, bearing_our_name: list[BareObject]) -> Iterator[Uncompared]:
        """What bears this cluster's name, and no id of it."""
        other_clusters, bare = Group(), Group()
        for each in bearing_our_name:
            if not each.allocation and each.container_id and not each.location:
                bare.add(each.address)
            elif each.allocation and self._is_foreign(each.allocation):
                other_clusters.add(each.address)
        name = self._parts.policy.cluster_name
        why = f"bear the name {name} and the id of another cluster: they are never touched"
        remedy = "Give each cluster a --cluster-name of its own."
        yield from _group(other_clusters, why, remedy=remedy)
        why = "bear this cluster's name and no id, as the original plugin left them"
        yield from _group(bare, why, remedy="See 'cni-infoblox adopt --dry-run'.")

    def _is_foreign(self, allocation: str) -> bool:
        try:
            return AllocationId.parse(allocation).owner.cluster not in self._parts.policy.cluster_ids
        except ValueError:
            return True


def _of_ours(seen: Look, unreadable: int, location: str) -> Iterator[Uncompared]:
    """What bears an id of this cluster, and nobody could be asked about. `location`: where it names its node."""
    why = "are of nodes whose agent is away: nothing of them is known, nothing of them is freed"
    yield from _group(seen.away, why, is_ours=True)
    why = (
        "are of nodes that are connected, but of another boot or machine, of which it is not known that it is over"
    )
    remedy = "Once that machine is gone: cni-infoblox node replace NODE"
    yield from _group(seen.other_boot, why, is_ours=True, remedy=remedy)
    why = "are of nodes that are connected, but no agent there serves their driver (--driver-name)"
    yield from _group(seen.other_driver, why, is_ours=True)
    yield from _group(Group(unreadable), "cannot be read", is_ours=True)
    why = "are of a journal that was lost and name no attachment: they stay until their node's boot ends"
    yield from _group(seen.nobodys, why)
    why = f"have a {location} that is not the node of their id: nothing of them is freed when that node is gone"
    yield from _group(seen.misplaced, why)


def _group(group: Group, why: str, *, is_ours: bool = False, remedy: str = "") -> Iterator[Uncompared]:
    if group.count:
        examples = [name[:253] for name in group.names][:EXAMPLES_MAX]
        yield Uncompared(why=why, count=group.count, examples=examples, is_ours=is_ours, remedy=remedy)
