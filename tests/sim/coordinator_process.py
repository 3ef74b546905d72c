"""A coordinator: the real machine, with a caller that makes the lane's calls over the simulated line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any, Final

from coordinator.admin.events import AnswerCommand, Asked
from coordinator.cluster.liveness import LivenessSource, NobodyTells
from coordinator.core.errors import NotLeading
from coordinator.core.outbox import Note, Send
from coordinator.core.policy import Policy
from coordinator.grid.calls import Call, NotSent, Refused
from coordinator.grid.exchange import perform
from coordinator.grid.operations import HttpCall, is_write
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.lease.liveness import LeadersLiveness
from coordinator.machine import Machine, MachineEffect, MachineEvent, Received
from protocol.wire.messages import Allocated, Gone, Lost, Pong, to_coordinator
from tests.sim.connections import decode, encode
from tests.sim.datacentre import DataCentre
from tests.sim.lease import Elector, Lease
from tests.sim.story import Story
from tests.sim.swarm import Swarm
from tests.sim.timeline import Process, Timeline

if TYPE_CHECKING:
    from protocol.admin.messages import AdminRequest
    from tests.sim.connections import Connection
    from tests.sim.ledger import Ledger
    from tests.sim.node_list import NodeList

TURN_S: Final = 0.01
"""Messages that arrive within one turn are taken in together."""
TIMER_S: Final = 0.001
"""A timer never goes off early, whatever the rounding."""

_MISSING: Final = object()


@dataclass(frozen=True)
class Cluster:
    """What all coordinators of a cluster share."""

    id: str
    secret: bytes
    policy: Policy


class _NotYet(BaseException):
    """The call needs the reply to this HTTP call."""

    def __init__(self, call: HttpCall, read_timeout_s: float) -> None:
        super().__init__()
        self.call = call
        self.read_timeout_s = read_timeout_s


class Coordinator(Process):
    """One process from its start to its end."""

    def __init__(
        self,
        name: str,
        cluster: Cluster,
        timeline: Timeline,
        random: Random,
        story: Story,
        swarm: Swarm,
        grid: DataCentre,
        ledger: Ledger,
        nodes: NodeList,
        lease: Lease,
        on_death: Callable[[Coordinator], None],
    ) -> None:
        super().__init__(timeline)
        self.name = name
        self.cluster = cluster
        self.on_death = on_death
        self._random = random
        self._story = story
        self._grid = grid
        self._ledger = ledger
        self.stuck_until_s: dict[str, float] = {}
        """Until when what has arrived on broken connections of a node is not read."""
        self._connections: dict[bytes, Connection] = {}
        self._epoch_s = -random.uniform(1.0, 1e6)
        self._inbox: list[MachineEvent] = []
        self._has_turn = False
        self._wake_at_s = -inf
        self._calls: dict[int, list[Any]] = {}
        self._waiting: Call | None = None
        """A call that writes, until it is known whether another coordinator leads by now."""
        self.elector = self._join(lease) if cluster.policy.is_elected else None
        source: LivenessSource = NobodyTells() if cluster.policy.several else nodes.source(self.clock)
        if self.elector:
            source = LeadersLiveness(source, self.elector.leadership.may_write_singly)
        self.machine = Machine(
            cluster.policy,
            cluster.secret,
            lambda: f"{random.getrandbits(48):012x}",
            operations_max=swarm.operations_max,
            sweep_interval_s=swarm.sweep_s,
            liveness=source,
        )
        self._perform(self.machine.start(self.clock()))

    def admit(self, connection: Connection) -> None:
        """A node has connected."""
        self._connections[connection.identity] = connection

    def receive(self, connection: Connection, payload: bytes) -> None:
        """Bytes of a node have arrived."""
        message = decode(payload, to_coordinator)
        self._put(Received(connection.node, connection.identity, message, self.clock()))

    def ask(self, request: AdminRequest) -> None:
        """A person's command asks something."""
        self._put(Asked(0, request, self.clock()))

    @property
    def leads(self) -> bool:
        """Whether it serves nodes."""
        return self.machine.status(None, self.clock()).why_not_leading is None

    def new_password(self) -> None:
        """The password was put right."""
        self._put(CredentialsChanged(self.clock()))

    def clock(self) -> float:
        """Its monotonic clock."""
        return self.timeline.now_s - self._epoch_s

    def _put(self, event: MachineEvent) -> None:
        self._inbox.append(event)
        if not self._has_turn:
            self._has_turn = True
            self.later(self._random.random() * TURN_S, self._turn)

    def _turn(self) -> None:
        self._has_turn = False
        events, self._inbox = self._inbox, []
        now_s = self.clock()
        self._perform(self.machine.handle(events or [Ticked(now_s)], now_s))

    def _perform(self, effects: list[MachineEffect]) -> None:
        for effect in effects:
            if not self.is_alive:
                return
            if isinstance(effect, Send):
                self._send(effect)
                self._maybe_die()
            elif isinstance(effect, AnswerCommand):
                self._story.mark(f"answers_{effect.message.type}")
                self._story.tell("", self.name, f"answers a person: {effect.message}")
            elif isinstance(effect, WakeAt):
                self._wake(effect.at_s)
            elif isinstance(effect, Note):
                self._note(effect)
            elif isinstance(effect, Mishap):
                raise effect.error
            elif isinstance(effect, Call):
                self._calls = {effect.id: []}
                self._begin(effect)
                self._maybe_die()

    def _maybe_die(self) -> None:
        if self._random.random() < self._grid.rates["coordinator_killed_at_step"]:
            self._story.mark("coordinator_killed_at_step")
            self.on_death(self)

    def _send(self, send: Send) -> None:
        message, connection = send.message, self._connections.get(send.connection)
        allocation = getattr(message, "allocation", None) or " ".join(getattr(message, "allocations", ()))
        if not isinstance(message, Pong):
            node = connection.node if connection else "?"
            self._story.tell(allocation, self.name, f"to {node}: {type(message).__name__} {allocation}")
        self._story.mark(f"says_{type(message).__name__.lower()}")
        if isinstance(message, Allocated):
            self._ledger.tells(self, message)
        if isinstance(message, Lost):
            self._ledger.says_lost(message.allocation)
        if isinstance(message, Gone):
            for each in message.allocations:
                self._ledger.says_gone(each)
        if connection:
            connection.send_down(encode(message))

    def _wake(self, at_s: float) -> None:
        if self._wake_at_s == at_s and at_s > self.clock():
            return
        self._wake_at_s = at_s
        self.later(max(0.0, at_s - self.clock()) + TIMER_S, lambda: self._woken(at_s))

    def _woken(self, at_s: float) -> None:
        if self._wake_at_s == at_s:
            self._turn()

    def _join(self, lease: Lease) -> Elector:
        return Elector(self, self.name, lease, self._random, self._put, self._begin_waiting, self.clock)

    def _begin(self, call: Call) -> None:
        """As the caller does: one that writes waits until it is known who leads."""
        leadership = self.elector.leadership if self.elector else None
        if leadership and any(is_write(each) for each in call.operations):
            if leadership.must_look:
                self._story.mark("waits_for_a_look")
                self._waiting = call
                return
            if not leadership.may_begin():
                self._put(NotSent(call.id, NotLeading(leader="another one"), self.clock()))
                return
        self._go_on(call)

    def _begin_waiting(self) -> None:
        """The Lease was looked at."""
        call, self._waiting = self._waiting, None
        if call:
            self._begin(call)

    def _check_write(self, call: Call, http: HttpCall) -> None:
        """Raises `Violation` for a call that a coordinator begins to write by, and must not."""
        is_single = http.method in ("PUT", "DELETE")
        is_first = not self._calls[call.id] and any(is_write(each) for each in call.operations)
        if self.elector and (is_first or is_single):
            self.elector.check(is_single=is_single)

    def _may_write_singly(self) -> bool:
        return self.elector is None or self.elector.leadership.may_write_singly()

    def _go_on(self, call: Call) -> None:
        """Perform the call once more with the replies so far: it ends, or asks for one more.

        So the code of production makes its HTTP calls one after the other, and time passes between them.
        """
        replies = iter(self._calls[call.id])

        def transport(http: HttpCall, read_timeout_s: float) -> Any:
            reply = next(replies, _MISSING)
            if reply is _MISSING:
                raise _NotYet(http, read_timeout_s)
            if isinstance(reply, Exception):
                raise reply
            return reply

        try:
            landing = perform(call, transport, self.clock, self._may_write_singly)
        except _NotYet as wanted:
            self._check_write(call, wanted.call)
            self._grid.exchange(self, wanted.call, wanted.read_timeout_s, self._reply_taker(call))
            return
        self._tell_call(call, landing)
        self._put(landing)

    def _reply_taker(self, call: Call) -> Callable[[Any], None]:
        def take(reply: Any) -> None:
            if call.id in self._calls:
                self._calls[call.id].append(reply)
                self.later(0.0, lambda: self._go_on(call))

        return take

    def _tell_call(self, call: Call, landing: object) -> None:
        kind = type(landing).__name__
        why = f" {landing.refusal}" if isinstance(landing, Refused) else ""
        for operation in call.operations:
            criteria = getattr(operation, "criteria", None) or {}
            eas = getattr(operation, "data", {}).get("extattrs", {})
            allocation = criteria.get("*Allocation ID") or eas.get("Allocation ID", {}).get("value", "")
            if allocation:
                text = f"call {call.id} {type(operation).__name__} {allocation}: {kind}{why}"
                self._story.tell(allocation, self.name, text)
        if kind != "Answered":
            self._story.mark(f"call_{kind.lower()}")

    def _note(self, note: Note) -> None:
        if note.event != "wapi_call":
            self._story.mark(note.event)
            subject = str(note.fields.get("allocation", ""))
            self._story.tell(subject, self.name, f"{note.event} {dict(note.fields)}")
