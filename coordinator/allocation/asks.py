"""Carries out what agents ask for: from an id that was drawn to an address that is told, or to a clear refusal.

An ask ends with its session. Whatever the grid makes for it later is found by the comparison of grid and journals.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.grants import Grants
from coordinator.allocation.labels import Labels
from coordinator.allocation.parts import Parts
from coordinator.allocation.repairs import Repairs
from coordinator.allocation.shortage import Shortages
from coordinator.core import errors
from coordinator.core.address_errors import NamedAddressNotServed
from coordinator.core.changes import ChangeKind
from coordinator.core.deadlines import Deadlines
from coordinator.core.networks import Network, resolve
from coordinator.core.recent import DECLINED
from coordinator.grid.allocation_object import AllocationObject, pack, pod_in_words, unpack
from coordinator.nodes.sessions import Claim, Session
from coordinator.tasks.create_task import Contradicted, Created, CreateOutcome, CreateTask, Exhausted, Unsettled
from protocol.errors import TRY_AGAIN_LATER, Problem
from protocol.wire import messages
from protocol.wire.allocation_id import AllocationId
from protocol.wire.messages import Allocate, Declined, DeclineKind
from protocol.wire.values import Label, Want

ASKS_OF_NODE_MAX: Final = 256
"""Asks of one session that wait."""

BUDGET_MAX_S: Final = 60.0
"""No ask waits for longer, whatever its agent says: no ADD does."""

WHY_NO_RESERVE: Final = {
    DeclineKind.NO_RESERVE: "The network's reserve is shared by all nodes; the agent asks again after a minute.",
    DeclineKind.TRY_AGAIN: "It is not known yet what the grid holds; the agent asks again in a moment.",
}

STARTS_MAX: Final = 4
"""How often one ask starts anew because its network was short of addresses or gone."""


@dataclass(slots=True, eq=False)
class Ask:
    """One allocate under way.

    Fifty thousand of these may wait when all nodes of a large cluster come back, so the message is not kept: as
    the models of its values it takes as much as all the rest, five times over.
    """

    session: Session
    request: str
    """The id of the message."""
    allocation: str
    """The id that was drawn for it."""
    networks: tuple[Network, ...]
    """Where its address may come from, in the order in which they are tried."""
    asked_at_s: float
    deadline_s: float
    """When nobody waits for it any more."""
    label_text: str
    """The label as `pack` makes it; empty where it is for the reserve."""
    pod_uid: str
    for_reserve: bool
    place: int = 0
    """Which of the networks is tried."""
    starts: int = 0
    calls: int = 0
    grid_s: float = 0.0
    """What it cost so far: WAPI calls, seconds at the grid."""
    task: CreateTask | None = None

    @property
    def network(self) -> Network:
        """The one that is tried."""
        return self.networks[self.place]

    @property
    def facts(self) -> dict[str, Any]:
        """What names it in the log."""
        label = unpack(self.label_text) if self.label_text else None
        return _facts(self.session, self.request, self.allocation, label) | {"network": self.network.subnet}


class Asks:
    """All asks under way, by id."""

    def __init__(
        self,
        parts: Parts,
        deletions: Deletions,
        labels: Labels,
        repairs: Repairs,
        grants: Grants,
        shortages: Shortages,
    ) -> None:
        self._parts = parts
        self._deletions = deletions
        self._labels = labels
        self._repairs = repairs
        self._grants = grants
        self._shortages = shortages
        self._asks: dict[str, Ask] = {}
        self._deadlines: Deadlines[str] = Deadlines()

    def __len__(self) -> int:
        return len(self._asks)

    def take(self, session: Session, message: Allocate, now_s: float) -> None:
        """An agent asks for addresses. What the grid is asked for in one turn shares a call."""
        for want in message.wants:
            self._take(session, message, want, now_s)

    def _take(self, session: Session, message: Allocate, want: Want, now_s: float) -> None:
        try:
            ask = self._admit(session, message, want, now_s)
        except Problem as problem:
            subnet = want.network.subnet or self._parts.policy.rules.default_subnet
            facts = _facts(session, message.id, want.allocation, message.label) | {"network": subnet}
            pod_uid = message.label.pod_uid if message.label else ""
            self._tell(session.connection, problem, facts, want.network.name, pod_uid)
            return
        if ask.for_reserve and (
            kind := self._grants.ask(session, ask.allocation, message.ready, ask.network, now_s)
        ):
            self._no_reserve(ask, kind)
            return
        self._asks[ask.allocation] = ask
        session.asks.add(ask.allocation)
        self._deadlines.add(ask.deadline_s, ask.allocation)
        self._prepare(ask, now_s)

    def let_go(self, allocation: str) -> bool:
        """The journal lets an id go. Returns whether its object may exist or come."""
        ask = self._asks.get(allocation)
        if ask is None:
            return True
        if not self._withdraw(ask):
            return True
        self._close(ask)
        return ask.starts > 0

    def ended(self, session: Session) -> None:
        """The session has ended, and its asks with it: what a call still makes for one is nobody's claim."""
        for allocation in sorted(session.asks):
            ask = self._asks.get(allocation)
            if ask:
                self._withdraw(ask)
                self._close(ask)

    def expire(self, now_s: float) -> None:
        """Decline what nobody waits for any more; what is in a call is told when it has ended."""
        for allocation in self._deadlines.take_due(now_s):
            ask = self._asks.get(allocation)
            if ask and ask.deadline_s <= now_s and self._withdraw(ask):
                self._decline(ask, errors.TimeIsUp())

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._deadlines.next_s()

    # From the message to the lane

    def _admit(self, session: Session, message: Allocate, want: Want, now_s: float) -> Ask:
        """Raises the `Problem` for which the ask is declined."""
        allocation, parts = want.allocation, self._parts
        if parts.runner.goes_singly and not parts.policy.may_call_singly:
            parts.definitions.refresh(now_s)
            raise errors.SingleCallsRefused(user=parts.policy.user)
        if AllocationId.parse(allocation).owner != session.owner:
            raise errors.NotYours(attachment=allocation)
        is_used = allocation in parts.index or allocation in parts.creations or allocation in self._deletions
        if is_used or session.names(allocation):
            raise errors.IdUsed(allocation=allocation)
        if len(session.asks) >= ASKS_OF_NODE_MAX:
            raise errors.NodeBusy(limit=ASKS_OF_NODE_MAX)
        if len(session.claims) + len(session.asks) >= parts.policy.allocations_max:
            raise errors.NodeFull(limit=parts.policy.allocations_max, node=session.node)
        if want.address:
            raise NamedAddressNotServed(address=want.address)
        networks = resolve(want.network, parts.policy.rules)
        exhaustions = [parts.networks.exhaustion(each, now_s) for each in networks]
        if all(exhaustions) and exhaustions[0]:
            raise exhaustions[0]
        return Ask(
            session=session,
            request=message.id,
            allocation=allocation,
            networks=networks,
            place=exhaustions.index(None),
            asked_at_s=now_s,
            deadline_s=now_s + min(message.budget_ms / 1000, BUDGET_MAX_S),
            label_text=pack(message.label) if message.label else "",
            pod_uid=message.label.pod_uid if message.label else "",
            for_reserve=message.for_reserve,
        )

    def _prepare(self, ask: Ask, now_s: float) -> None:
        node = ask.session.owner.node
        self._parts.networks.when_ready(
            ask.network, node, lambda problem, at_s: self._is_ready(ask, problem, at_s), now_s
        )

    def _is_ready(self, ask: Ask, problem: Problem | None, now_s: float) -> None:
        if self._asks.get(ask.allocation) is not ask:
            return
        if problem:
            self._decline(ask, self._may_pass(problem, now_s))
            return
        self._repairs.when_clear(ask.network, ask.allocation, lambda at_s: self._start(ask, at_s), now_s)

    def _may_pass(self, problem: Problem, now_s: float) -> Problem:
        """What to say instead of a gateway that an allocation has: one that no pod has is on its way out."""
        allocation = str(problem.facts["allocation"]) if isinstance(problem, errors.GatewayHeld) else ""
        if allocation and (allocation in self._deletions or self._grants.ask_back_one(allocation, now_s)):
            return errors.GatewayOnItsWay(gateway=problem.facts["gateway"])
        return problem

    def _start(self, ask: Ask, now_s: float) -> None:
        if self._asks.get(ask.allocation) is not ask:
            return
        parts, label = self._parts, unpack(ask.label_text) if ask.label_text else None
        if not parts.creations.has_room(ask.allocation):
            self._decline(ask, errors.NodeObjectsFull(node=ask.session.node, limit=parts.creations.objects_max))
            return
        ask.starts += 1
        ask.task = CreateTask(
            parts.writer.of(ask.network.family),
            parts.policy.user,
            ask.allocation,
            node=ask.session.node,
            network=ask.network,
            label_text=ask.label_text,
            mac=self._labels.mac_of(ask.allocation, label, ask.network.family) if label else None,
            for_reserve=ask.for_reserve,
        )
        parts.creations.begin(ask.allocation)
        parts.runner.submit(ask.task, lambda outcome, at_s: self._ended(ask, outcome, at_s), now_s)

    # From the lane to the answer

    def _ended(self, ask: Ask, outcome: CreateOutcome, now_s: float) -> None:
        if ask.task:
            ask.calls += ask.task.calls
            ask.grid_s += ask.task.grid_s
        ask.task = None
        self._parts.creations.end(ask.allocation)
        if isinstance(outcome, Created):
            self._parts.index.saw(outcome.object)
        if self._asks.get(ask.allocation) is not ask:
            return
        if ask.allocation not in ask.session.asks:
            # It was let go meanwhile, so nobody is told, and nothing more is made for it.
            self._close(ask)
            return
        if isinstance(outcome, Created):
            self._created(ask, outcome, now_s)
        elif isinstance(outcome, Unsettled):
            self._unknown(ask)
        elif isinstance(outcome, Exhausted):
            self._exhausted(ask, now_s)
        elif isinstance(outcome, Contradicted):
            self._contradicted(ask, now_s)
        else:
            self._failed(ask, outcome.problem, now_s)

    def _failed(self, ask: Ask, problem: Problem, now_s: float) -> None:
        self._decline(ask, problem)
        if isinstance(problem, errors.EaUndefined | errors.GridRefused):
            self._parts.definitions.contradicted()
        if isinstance(problem, errors.InternalFailure):
            # What our own code has failed at may have been carried out.
            self._repairs.ask_owner(ask.allocation, ask.network.family)

    def _created(self, ask: Ask, created: Created, now_s: float) -> None:
        made, parts = created.object, self._parts
        if any(other != ask.allocation for other in parts.sessions.claims_at(made.view, made.address)):
            self._unknown(ask)
            self._repairs.forgot(made, now_s)
            return
        if made.address == ask.network.gateway:
            parts.outbox.alarm("grid_forgot_gateway", **_facts_of(ask, made), view=made.view)
            parts.networks.contradicted(ask.network)
            self._unknown(ask)
            return
        self._close(ask)
        is_ready = ask.for_reserve
        claim = Claim(ask.allocation, made.view, made.subnet, made.address, ask.network.name, is_ready)
        parts.sessions.claim(ask.session, claim)
        took_s = now_s - ask.asked_at_s
        allocated = messages.Allocated(
            id=ask.request,
            allocation=ask.allocation,
            view=made.view,
            subnet=made.subnet,
            address=made.address,
            gateway=ask.network.gateway,
            seal=parts.sealer.seal(ask.allocation, made.view, made.address),
            wapi_calls=ask.calls,
            lane_ms=round(max(0.0, took_s - ask.grid_s) * 1000, 3),
            grid_ms=round(ask.grid_s * 1000, 3),
        )
        parts.outbox.send(ask.session.connection, allocated)
        cost = {
            "wapi_calls": ask.calls,
            "grid_ms": round(ask.grid_s * 1000, 1),
            "took_ms": round(took_s * 1000, 1),
        }
        parts.outbox.note("allocated", **_facts_of(ask, made), **cost)
        change = made.change(ChangeKind.READY if is_ready else ChangeKind.HELD, now_s)
        parts.outbox.record(replace(change, label_text=ask.label_text))

    def _exhausted(self, ask: Ask, now_s: float) -> None:
        if ask.for_reserve:
            self._grants.exhausted(ask.network)
            self._no_reserve(ask, DeclineKind.NO_RESERVE)
            return
        if ask.starts < STARTS_MAX and self._shortages.wait(
            ask.network, lambda at_s: self._start(ask, at_s), now_s
        ):
            return
        problem = self._shortages.problem(ask.network, now_s)
        self._parts.networks.exhausted(ask.network, problem, now_s)
        self._parts.outbox.alarm("network_exhausted", network=ask.network.subnet, view=ask.network.view)
        self._decline(ask, problem)
        for other in [each for each in self._asks.values() if each.network.key == ask.network.key]:
            if other.task and self._withdraw(other):
                self._decline(other, problem)

    def _contradicted(self, ask: Ask, now_s: float) -> None:
        self._parts.networks.contradicted(ask.network)
        if ask.starts >= STARTS_MAX:
            user = self._parts.policy.user
            self._decline(ask, errors.NetworkNotWritable(subnet=ask.network.subnet, user=user))
            return
        self._prepare(ask, now_s)

    def _unknown(self, ask: Ask) -> None:
        """The id stays asked for until its journal lets it go, so that nobody asks whose it is meanwhile."""
        self._asks.pop(ask.allocation, None)
        self._grants.ended(ask.allocation)
        unknown = messages.Unknown(id=ask.request, allocation=ask.allocation, family=ask.network.family)
        self._parts.outbox.send(ask.session.connection, unknown)

    def _no_reserve(self, ask: Ask, kind: DeclineKind) -> None:
        self._close(ask)
        declined = Declined(
            id=ask.request,
            allocation=ask.allocation,
            kind=kind,
            code=TRY_AGAIN_LATER,
            msg="no ready allocation is granted",
            details=WHY_NO_RESERVE[kind],
        )
        self._parts.outbox.send(ask.session.connection, declined)

    def _decline(self, ask: Ask, problem: Problem) -> None:
        self._close(ask)
        self._tell(ask.session.connection, problem, ask.facts, ask.network.name, ask.pod_uid)

    def _tell(
        self, connection: bytes, problem: Problem, facts: Mapping[str, Any], network_name: str, pod_uid: str
    ) -> None:
        outbox = self._parts.outbox
        outbox.decline(connection, facts["request"], problem, facts["allocation"])
        why = {
            "code": problem.code,
            "error": type(problem).__name__,
            "reason": problem.msg,
            "remedy": problem.details,
        }
        outbox.note(DECLINED, **facts, network_name=network_name, pod_uid=pod_uid, **why)

    def _withdraw(self, ask: Ask) -> bool:
        """Make nothing for it; False where that is in a call already."""
        if ask.task and not self._parts.runner.withdraw(ask.task):
            return False
        self._parts.creations.end(ask.allocation)
        return True

    def _close(self, ask: Ask) -> None:
        self._asks.pop(ask.allocation, None)
        ask.session.asks.discard(ask.allocation)
        self._repairs.leave(ask.network, ask.allocation)
        self._grants.ended(ask.allocation)


def _facts_of(ask: Ask, made: AllocationObject) -> dict[str, Any]:
    return ask.facts | {"address": made.address, "network": made.subnet}


def _facts(session: Session, request: str, allocation: str, label: Label | None) -> dict[str, Any]:
    pod = pod_in_words(label)
    return {"allocation": allocation, "node": session.node, "pod": pod, "request": request}
