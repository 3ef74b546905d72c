"""A coordinator: the real desk, with a caller that makes the lane's calls over the simulated line."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import TYPE_CHECKING, Any

from coordinator.assignment import Policy
from coordinator.commands import Effect, Send
from coordinator.comparison import SweepRules
from coordinator.core.outbox import Note
from coordinator.desk import Desk, DeskEvent, Received
from coordinator.events import OperatorAsked
from coordinator.grid.calls import Call
from coordinator.grid.exchange import perform
from coordinator.grid.operations import HttpCall
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.sweeper import Sweeping
from protocol.codec import decode_to_coordinator, encode
from protocol.operator import Repair, Verify
from tests.sim.api_server import ApiServer, Watch
from tests.sim.datacentre import DataCentre, Ending
from tests.sim.story import Story
from tests.sim.swarm import Swarm
from tests.sim.timeline import Process, Timeline

if TYPE_CHECKING:
    from tests.sim.wire import Connection

TURN_S = 0.002
"""Messages that arrive within one turn of the front are taken in together."""


TIMER_S = 0.001
"""A timer never goes off early, whatever the rounding."""

_MISSING = object()


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
        timeline: Timeline,
        random: Random,
        story: Story,
        swarm: Swarm,
        policy: Policy,
        grid: DataCentre,
        api_server: ApiServer,
        on_death: Callable[[Coordinator], None],
    ) -> None:
        super().__init__(timeline)
        self.name = name
        self.on_death = on_death
        self._random = random
        self._story = story
        self._grid = grid
        self._connections: dict[bytes, Connection] = {}
        self._epoch_s = -random.uniform(1.0, 1e6)
        self._inbox: list[DeskEvent] = []
        self._has_turn = False
        self._wake_at_s = -inf
        self._calls: dict[int, list[Ending]] = {}
        watch = Watch(api_server, swarm.watch_late_s, self._clock())
        sweeping = Sweeping(SweepRules(swarm.sweep_s, swarm.sweep_s, swarm.sweep_s), watch)
        self._desk = Desk(policy, swarm.operations_max, swarm.lookup_ttl_s, "sim", self._clock(), sweeping)
        self._perform(self._desk.start(self._clock()))

    def admit(self, connection: Connection) -> None:
        """A node has connected."""
        self._connections[connection.identity] = connection

    def receive(self, connection: Connection, payload: bytes) -> None:
        """Bytes of a node have arrived."""
        message = decode_to_coordinator(payload)
        self._put(Received(connection.node, connection.identity, message, self._clock()))

    def new_password(self) -> None:
        """The password was put right."""
        self._put(CredentialsChanged(self._clock()))

    def force_stopped_sweep(self) -> bool:
        """A person has looked at why the sweep releases nothing, and lets it; returns whether there was need."""
        if not self._desk.status(None, self._clock()).sweep.stopped:
            return False
        self._put(OperatorAsked(0, Verify(id="force", repair=Repair.FORCED), self._clock()))
        return True

    def _clock(self) -> float:
        return self.timeline.now_s - self._epoch_s

    def _put(self, event: DeskEvent) -> None:
        self._inbox.append(event)
        self._plan_turn(self._random.random() * TURN_S)

    def _plan_turn(self, delay_s: float) -> None:
        if not self._has_turn:
            self._has_turn = True
            self.later(delay_s, self._turn)

    def _turn(self) -> None:
        self._has_turn = False
        events, self._inbox = self._inbox, []
        now_s = self._clock()
        self._perform(self._desk.handle(events or [Ticked(now_s)], now_s))

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect)
                self._maybe_die()
            elif isinstance(effect, WakeAt):
                self._wake(effect.at_s)
            elif isinstance(effect, Note):
                self._note(effect)
            elif isinstance(effect, Mishap):
                raise effect.error
            elif isinstance(effect, Call):
                self._calls = {effect.id: []}
                self._go_on(effect)
                self._maybe_die()

    def _maybe_die(self) -> None:
        if self._random.random() < self._grid.rates["coordinator_killed_at_step"]:
            self._story.mark("coordinator_killed_at_step")
            self.later(0.0, lambda: self.on_death(self))

    def _send(self, send: Send) -> None:
        if connection := self._connections.get(send.connection):
            connection.send_down(encode(send.message))

    def _wake(self, at_s: float) -> None:
        if self._wake_at_s == at_s and at_s > self._clock():
            return
        self._wake_at_s = at_s
        self.later(max(0.0, at_s - self._clock()) + TIMER_S, lambda: self._woken(at_s))

    def _woken(self, at_s: float) -> None:
        if self._wake_at_s == at_s:
            self._turn()

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
            landing = perform(call, transport, self._clock)
        except _NotYet as wanted:
            self._grid.exchange(self, wanted.call, wanted.read_timeout_s, self._reply_taker(call))
            return
        self._tell_call(call, landing)
        self._put(landing)

    def _reply_taker(self, call: Call) -> Callable[[Ending], None]:
        def take(reply: Ending) -> None:
            if call.id in self._calls:
                self._calls[call.id].append(reply)
                self.later(0.0, lambda: self._go_on(call))

        return take

    def _tell_call(self, call: Call, landing: object) -> None:
        kind = type(landing).__name__
        for operation in call.operations:
            criteria = getattr(operation, "criteria", None) or {}
            eas = getattr(operation, "data", {}).get("extattrs", {})
            container = criteria.get("*VM ID") or eas.get("VM ID", {}).get("value", "")
            ifname = criteria.get("*Interface Name") or eas.get("Interface Name", {}).get("value", "")
            if container:
                text = f"call {call.id} {type(operation).__name__}: {kind}"
                self._story.tell(f"{container}/{ifname}", self.name, text)
        if kind != "Answered":
            self._story.mark(f"call_{kind.lower()}")

    def _note(self, note: Note) -> None:
        if note.event == "wapi_call":
            return
        self._story.mark(note.event)
        fields = note.fields
        subject = (
            f"{fields['container']}/{fields['ifname']}" if "container" in fields else fields.get("attachment", "")
        )
        self._story.tell(subject, self.name, f"{note.event} {dict(fields)}")
