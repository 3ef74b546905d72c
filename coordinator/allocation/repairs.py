"""Keeps the claims of sessions in the grid: searches those that it may lack, and puts them back.

Nothing is created in a network where the grid was seen to have forgotten a claim, until each claim there was
searched and, if it was missing, its repair was tried once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.allocation.finds import Finds, find
from coordinator.allocation.index import NetworkPlace
from coordinator.allocation.parts import Parts
from coordinator.core import errors
from coordinator.core.changes import Change, ChangeKind
from coordinator.core.networks import Network, resolve
from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.sessions import Claim, Session
from coordinator.tasks.repair_task import Forestalled, InPlace, Occupied, RepairOutcome, RepairTask
from protocol.errors import Problem
from protocol.family import Family
from protocol.wire import messages, values
from protocol.wire.allocation_id import AllocationId

SEARCHED_AT_ONCE_MAX: Final = 50
"""Ids of one search task."""

UNDER_WAY_MAX: Final = 64
"""So many repairs are in the lane at once; the others wait here, so that a restored backup delays no ADD."""


class Repairs:
    """The claims that the grid may lack."""

    def __init__(self, parts: Parts, ask_owner: Callable[[str, Family], None]) -> None:
        self._parts = parts
        self.ask_owner = ask_owner
        """Asks the journal of an id whether it is its own."""
        self._tasks: dict[str, RepairTask] = {}
        self._queue: dict[str, None] = {}
        self._parked: dict[str, str] = {}
        """Claims whose place an unclaimed object of ours has: by the id of that object."""
        self._unsearched: dict[NetworkPlace, set[str]] = {}
        """Claims whose search or repair each blocked network still waits for."""
        self._waiting: dict[NetworkPlace, dict[str, Callable[[float], None]]] = {}
        """What goes on when a network is clear, by the id that was asked for."""

    def __len__(self) -> int:
        return len(self._tasks) + len(self._queue) + len(self._parked)

    def when_clear(self, network: Network, allocation: str, then: Callable[[float], None], now_s: float) -> None:
        """Call `then` when nothing in the network waits for a first look or repair; `allocation` is asked for."""
        place = network.view, network.subnet
        self._wait_for_nobody_silent(place, now_s)
        if place in self._unsearched:
            self._waiting.setdefault(place, {})[allocation] = then
        else:
            then(now_s)

    def leave(self, network: Network, allocation: str) -> None:
        """This id is not asked for any more, whether or not it waits."""
        self._waiting.get((network.view, network.subnet), {}).pop(allocation, None)

    def forgot(self, made: AllocationObject, now_s: float) -> None:
        """The grid has given an address that a session claims: every claim in this network is searched."""
        place = made.view, made.subnet
        self._settle_networks(made)
        if place in self._unsearched:
            return
        claims = [
            allocation
            for session in self._parts.sessions
            for allocation, claim in session.claims.items()
            if (claim.view, claim.subnet) == place
        ]
        self._unsearched[place] = set(claims)
        self._parts.outbox.alarm("grid_forgot", network=made.subnet, view=made.view, claims=len(claims))
        for at in range(0, len(claims), SEARCHED_AT_ONCE_MAX):
            self._search(claims[at : at + SEARCHED_AT_ONCE_MAX], now_s)
        self._settle(place, now_s)

    def _settle_networks(self, made: AllocationObject) -> None:
        """In which network an address lies the grid says: it may be another one than when the address was told."""
        for allocation, session in self._parts.sessions.claims_at(made.view, made.address).items():
            self._parts.sessions.put_in_network(session, allocation, made.subnet)

    def missing(self, allocation: str, now_s: float) -> None:
        """The grid seems to lack a claim.

        Of a silent session nobody knows whether it has let go, to another coordinator, what it claims here; what
        was put back for it once, and is gone again, it has.
        """
        found = self._claim(allocation)
        if found and not found[0].is_silent(now_s):
            self._repair(allocation, now_s)
        else:
            self._give_up(allocation, now_s)

    def is_in_place(self, allocation: str) -> bool:
        """Whether the grid is known to hold a claim where it was told: an id may be written on another object."""
        found, known = self._claim(allocation), self._parts.index.get(allocation)
        if found is None or known is None:
            return found is None
        return known.place == found[1].place

    def contested(self, allocation: str, now_s: float) -> None:
        """Another claim names the same address: the grid says which of them is lost, or else it is the later."""
        self._repair(allocation, now_s)

    def gone(self, allocation: str, now_s: float) -> None:
        """The grid holds nothing under this id any more: a repair that waited for its place goes on."""
        if claimed := self._parked.pop(allocation, None):
            self._repair(claimed, now_s)

    def kept(self, allocation: str, now_s: float) -> None:
        """The owner of an object says that it is its own: a claim that waited for its place has lost it."""
        claimed = self._parked.pop(allocation, None)
        found = self._claim(claimed) if claimed else None
        if claimed and found:
            self._lose(*found, now_s, holder=f"allocation {allocation}")
            self._tried(claimed, now_s)

    def _search(self, claims: list[str], now_s: float) -> None:
        known = (self._claim(allocation) for allocation in claims)
        families = {found[1].allocation: found[1].family for found in known if found}
        find(self._parts, families, lambda finds, at_s: self._searched(claims, finds, at_s), now_s)

    def _searched(self, claims: list[str], finds: Finds, now_s: float) -> None:
        for allocation in claims:
            if allocation in finds.objects:
                self._take_in(allocation, finds.objects[allocation], now_s)
            is_settled = allocation in finds.objects and self.is_in_place(allocation)
            if is_settled or self._claim(allocation) is None or self._is_parked(allocation, now_s):
                self._tried(allocation, now_s)
            else:
                # A silent session's too: its address cannot be told, so it must not be what the grid gives next.
                self._repair(allocation, now_s)

    def _take_in(self, allocation: str, seen: AllocationObject | None, now_s: float) -> None:
        """The grid holds this under the id of a claim. Of a search that has failed nothing is taken in."""
        if seen:
            self._parts.index.saw(seen)
        else:
            self._parts.index.drop(allocation)
        if not self.is_in_place(allocation):
            self._give_up(allocation, now_s)

    def _give_up(self, allocation: str, now_s: float) -> bool:
        """Whether the grid lacks again what was put back for a silent session: then it is no claim any more."""
        found = self._claim(allocation)
        if found is None or not found[0].is_silent(now_s) or allocation not in found[0].put_back:
            return False
        self._parts.index.drop(allocation)
        self._parts.sessions.unclaim(found[0], allocation)
        return True

    def _repair(self, allocation: str, now_s: float) -> None:
        if allocation in self._tasks:
            return
        if self._claim(allocation) and not self._is_parked(allocation, now_s):
            self._queue[allocation] = None
            self._proceed(now_s)
        elif not self._is_awaited(allocation, now_s):
            self._tried(allocation, now_s)

    def _wait_for_nobody_silent(self, place: NetworkPlace, now_s: float) -> None:
        """Let a network not wait for what a node shall let go that is not heard: it has that until it is back."""
        for allocation in self._unsearched.get(place, set()) & set(self._parked.values()):
            if not self._is_awaited(allocation, now_s):
                self._tried(allocation, now_s)

    def _is_awaited(self, allocation: str, now_s: float) -> bool:
        """Whether what has a claim's place goes soon, since its node is told to let it go.

        Until then nothing is created in that network: the next ADD would be given the address again, and again.
        """
        for occupant, claimed in self._parked.items():
            if claimed == allocation:
                session = self._parts.sessions.of_owner(AllocationId.parse(occupant).owner)
                if session is None or session.is_silent(now_s):
                    return False
                return occupant in session.asks or occupant in session.let_go
        return False

    def _is_parked(self, allocation: str, now_s: float) -> bool:
        """Whether a claim waits for what becomes of the object at its place, which nobody claims yet."""
        found = self._claim(allocation)
        for occupant, claimed in self._parked.items():
            if claimed == allocation:
                known = self._parts.index.get(occupant)
                is_there = bool(found and known and known.place == found[1].place)
                if is_there and self._is_undecided(occupant, now_s):
                    return True
                # Somebody has adopted, moved or deleted it meanwhile, or its node has gone to another coordinator.
                del self._parked[occupant]
                return False
        return False

    def _proceed(self, now_s: float) -> None:
        while self._queue and len(self._tasks) < UNDER_WAY_MAX:
            allocation = next(iter(self._queue))
            del self._queue[allocation]
            self._start(allocation, now_s)

    def _start(self, allocation: str, now_s: float) -> None:
        found = self._claim(allocation)
        if found is None:
            self._tried(allocation, now_s)
            return
        session, claim = found
        parts = self._parts
        network = self._allowed(session, claim)
        if network is None:
            self._tried(allocation, now_s)
            return
        task = RepairTask(
            parts.writer.of(network.family),
            parts.policy.user,
            allocation,
            node=session.node,
            network=network,
            address=claim.address,
            cluster_ids=parts.policy.cluster_ids,
            rival=parts.sessions.earlier_claim(claim, now_s),
        )
        if (claim.view, claim.subnet) in self._unsearched:
            task.hurry()
        self._tasks[allocation] = task
        parts.creations.begin(allocation)
        parts.runner.submit(task, lambda outcome, at_s: self._ended(allocation, outcome, at_s), now_s)

    def _allowed(self, session: Session, claim: Claim) -> Network | None:
        """The network to write in; None, with an alarm, where nothing may be written there, or for this node."""
        parts = self._parts
        ask = values.NetworkAsk(name=claim.network_name or "?", view=claim.view, subnet=claim.subnet)
        try:
            if claim.allocation not in parts.index and not parts.creations.has_room(claim.allocation):
                raise errors.NodeObjectsFull(node=session.node, limit=parts.creations.objects_max)
            return resolve(ask, parts.policy.rules)[0]
        except Problem as problem:
            facts = parts.facts_of(session.node, claim)
            parts.outbox.alarm("repair_not_allowed", **facts, reason=problem.msg)
            return None

    def _ended(self, allocation: str, outcome: RepairOutcome, now_s: float) -> None:
        del self._tasks[allocation]
        self._parts.creations.end(allocation)
        found = self._claim(allocation)
        if isinstance(outcome, InPlace):
            self._repaired(allocation, outcome, found, now_s)
        elif isinstance(outcome, Occupied):
            self._occupied(allocation, outcome, found, now_s)
        elif isinstance(outcome, Forestalled):
            self._forestalled(allocation, outcome, found, now_s)
        else:
            facts = self._parts.facts_of(found[0].node, found[1]) if found else {"allocation": allocation}
            self._parts.outbox.alarm("repair_failed", **facts, reason=outcome.problem.msg)
        if not self._is_awaited(allocation, now_s):
            self._tried(allocation, now_s)
        self._proceed(now_s)

    def _repaired(
        self, allocation: str, outcome: InPlace, found: tuple[Session, Claim] | None, now_s: float
    ) -> None:
        parts = self._parts
        parts.index.saw(outcome.object)
        parts.outbox.note("repaired", **outcome.object.log_facts())
        parts.outbox.record(outcome.object.change(ChangeKind.REPAIRED, now_s))
        if found is None:
            # It was let go meanwhile, and may have been put back after its deletion.
            self.ask_owner(allocation, outcome.object.family)
            return
        self.kept(allocation, now_s)
        session, claim = found
        if session.is_silent(now_s):
            session.put_back.add(allocation)
        if not claim.is_ready and not outcome.object.is_labelled:
            please = messages.PleaseLabel(id=parts.outbox.draw(), allocations=[allocation])
            parts.outbox.send(session.connection, please)

    def _occupied(
        self, allocation: str, outcome: Occupied, found: tuple[Session, Claim] | None, now_s: float
    ) -> None:
        if found is None:
            return
        by = outcome.by
        if by and self._is_undecided(by.allocation, now_s):
            self._parts.index.saw(by)
            self._parked[by.allocation] = allocation
            self.ask_owner(by.allocation, by.family)
            return
        holder = (by.comment or by.allocation or "another object") if by else "another object of the grid"
        self._lose(*found, now_s, holder=holder)

    def _forestalled(
        self, allocation: str, outcome: Forestalled, found: tuple[Session, Claim] | None, now_s: float
    ) -> None:
        if found and self._parts.sessions.earlier_claim(found[1], now_s):
            self._lose(*found, now_s, holder=f"allocation {outcome.by}")
        else:
            self._repair(allocation, now_s)

    def _lose(self, session: Session, claim: Claim, now_s: float, holder: str) -> None:
        """Somebody else has the address of a claim: it is none any more, and its journal is told."""
        parts = self._parts
        parts.sessions.unclaim(session, claim.allocation)
        where = claim.view, claim.subnet, claim.address, claim.network_name, session.node
        parts.outbox.record(Change(ChangeKind.LOST, now_s, claim.allocation, *where, why=holder))
        lost = messages.Lost(id=parts.outbox.draw(), allocation=claim.allocation, holder=holder[:1000])
        parts.outbox.alarm("lost", **parts.facts_of(session.node, claim, lost.id), holder=holder)
        parts.outbox.send(session.connection, lost)

    def _is_undecided(self, allocation: str, now_s: float) -> bool:
        """Whether an object is ours, nobody claims it, and its journal can say whose it is, sooner or later.

        Of several coordinators each hears its own nodes alone: what no session speaks for is somebody's elsewhere.
        """
        try:
            owner = AllocationId.parse(allocation).owner
        except ValueError:
            return False
        session = self._parts.sessions.of_owner(owner)
        is_heard = not self._parts.policy.several or (session is not None and not session.is_silent(now_s))
        is_ours = owner.cluster in self._parts.policy.cluster_ids
        return is_ours and is_heard and self._claim(allocation) is None

    def _claim(self, allocation: str) -> tuple[Session, Claim] | None:
        session = self._parts.sessions.of_owner(AllocationId.parse(allocation).owner)
        claim = session.claims.get(allocation) if session else None
        return (session, claim) if session and claim else None

    def _tried(self, allocation: str, now_s: float) -> None:
        for place, unsearched in list(self._unsearched.items()):
            unsearched.discard(allocation)
            self._settle(place, now_s)

    def _settle(self, place: NetworkPlace, now_s: float) -> None:
        if self._unsearched.get(place):
            return
        self._unsearched.pop(place, None)
        for then in self._waiting.pop(place, {}).values():
            then(now_s)
