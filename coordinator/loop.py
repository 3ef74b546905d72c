"""The thread that owns the coordinator's state: it feeds the machine with what happens, carries out what it says.

Whatever a machine fails at that it does not settle itself leaves state that may be half changed. Then all of it is
thrown away and read again, from the grid and from the journals, as by another process (docs/adr/0012).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Final, Protocol

import zmq

from coordinator.admin.events import AnswerCommand, Asked, Left, turned_down
from coordinator.cluster.token_reviewer import Reviewed
from coordinator.core.changes import Change
from coordinator.core.errors import InternalFailure
from coordinator.core.outbox import Note, Send, declined
from coordinator.grid.caller import Caller
from coordinator.grid.calls import Landing
from coordinator.history.question import Recall
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.lease.standing import Standing
from coordinator.machine import Machine, MachineEffect, MachineEvent
from coordinator.nodes.agents_port import AgentsPort
from coordinator.notes import Notes
from daemon.breakdowns import LULL_S, Breakdowns
from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from protocol.keys import KeyPair
from protocol.wire.messages import HelloFirst
from protocol.wire.status import CoordinatorStatus, KubernetesStatus, LeaseStatus

STATUS_TIMEOUT_S: Final = 5.0
UNDECIDED_LOOK_S: Final = 0.1
"""How often it is looked whether a key that waits for its answer is known by now."""

FAREWELL_S: Final = 10.0
"""How long a coordinator that is told to end waits for the call under way."""


@dataclass(frozen=True)
class Stop:
    """End, after the call under way."""


@dataclass(frozen=True)
class Show:
    """Put the state into `into`, with what is known of Kubernetes and its Lease."""

    kubernetes: KubernetesStatus | None
    lease: LeaseStatus | None
    into: SimpleQueue[CoordinatorStatus]


@dataclass(frozen=True)
class PasswordChanged:
    """The grid's password may be another one now."""


@dataclass(frozen=True)
class KeysChanged:
    """The coordinator's own key pair as it is now."""

    pair: KeyPair


Item = Landing | Reviewed | Asked | Left | Standing | Stop | Show | PasswordChanged | KeysChanged


class HistoryKeeper(Protocol):
    """What became of every address; neither of its ways ever waits."""

    def record(self, change: Change) -> None: ...
    def recall(self, asked: Recall) -> None: ...


class Loop:
    """Runs the machine until `Stop` is put into the inbox."""

    def __init__(
        self,
        machine: Machine,
        port: AgentsPort,
        inbox: Inbox[Item],
        notes: Notes,
        clock: Callable[[], float],
        internal: InternalErrors,
        answer: Callable[[AnswerCommand], None],
        history: HistoryKeeper,
    ) -> None:
        self._machine = machine
        self._port = port
        self._inbox = inbox
        self._notes = notes
        self._clock = clock
        self._internal = internal
        self._answer = answer
        self._history = history
        self._breakdowns = Breakdowns()
        self._anew_at_s: float | None = None
        """When the machine, whose state cannot be relied upon, begins anew; None while it works."""
        self._standing: Standing | None = None
        """What was told last of the election, which a machine that begins anew has to know."""
        self._wake_at_s = 0.0
        self._is_call_under_way = False
        self._stop_at_s: float | None = None

    def run(self, caller: Caller) -> None:
        """The thread's body."""
        inner, outer = zmq.Poller(), zmq.Poller()
        for poller in (inner, outer):
            poller.register(self._inbox.wakeup_fd, zmq.POLLIN)
            poller.register(self._port.handshakes, zmq.POLLIN)
        outer.register(self._port.messages, zmq.POLLIN)
        self.start(caller)
        while not self._is_over():
            # While messages are not heard they must not wake it either.
            (outer if self._hears_messages() else inner).poll(self._timeout_ms())
            self.turn(caller)

    def start(self, caller: Caller) -> None:
        """What a coordinator does before it hears anybody."""
        self._decide(lambda: self._machine.start(self._clock()), caller)

    def turn(self, caller: Caller) -> None:
        """Take in all that waits, and have done what it leads to."""
        self._port.admit()
        events = [*self._take_inbox(), *self._take_messages()]
        self._go_on(events, self._clock(), caller)

    def ask_status(self, kubernetes: KubernetesStatus | None, lease: LeaseStatus | None) -> CoordinatorStatus:
        """The state, from any thread. Raises TimeoutError when the loop does not answer."""
        into: SimpleQueue[CoordinatorStatus] = SimpleQueue()
        self._inbox.put(Show(kubernetes, lease, into))
        try:
            return into.get(timeout=STATUS_TIMEOUT_S)
        except Empty:
            raise TimeoutError("the coordinator's main thread does not answer") from None

    def _is_over(self) -> bool:
        return self._stop_at_s is not None and (not self._is_call_under_way or self._clock() >= self._stop_at_s)

    def _timeout_ms(self) -> int:
        until_s = min(self._wake_at_s, self._stop_at_s or self._wake_at_s)
        if self._port.is_undecided:
            until_s = min(until_s, self._clock() + UNDECIDED_LOOK_S)
        return max(0, int((until_s - self._clock()) * 1000) + 1)

    def _go_on(self, events: list[MachineEvent], now_s: float, caller: Caller) -> None:
        if self._anew_at_s is None:
            self._decide(lambda: self._machine.handle(events or [Ticked(now_s)], now_s), caller)
            return
        for event in events:
            if isinstance(event, Asked):
                refused = turned_down(event.request.id, "the coordinator begins anew", "Ask again in a moment.")
                self._answer(AnswerCommand(event.ticket, refused))
        if self._is_call_under_way or now_s < self._anew_at_s:
            # The next machine must not find a call of this one under way.
            self._wake_at_s = max(self._anew_at_s, now_s + 1.0)
            return
        self._anew_at_s = None
        self._notes.tell(Note("begins_anew", {}, is_alarm=True))
        self._decide(lambda: self._machine.begin_anew(now_s, self._standing), caller)

    def _decide(self, decide: Callable[[], list[MachineEffect]], caller: Caller) -> None:
        self._wake_at_s = self._clock() + LULL_S
        try:
            effects = decide()
        except Exception as error:  # noqa: BLE001, no state is worth more than the daemon: it is learnt anew
            self._internal.tell("machine", error)
            self._break_down()
        else:
            self._perform(effects, caller)

    def _break_down(self) -> None:
        now_s = self._clock()
        self._anew_at_s = self._wake_at_s = now_s + self._breakdowns.rest_s(now_s)

    def _hears_messages(self) -> bool:
        return self._stop_at_s is None and self._anew_at_s is None

    def _take_inbox(self) -> list[MachineEvent]:
        events: list[MachineEvent] = []
        for item in self._inbox.take_all():
            with self._internal.border(type(item).__name__):
                events += self._take_item(item)
        return events

    def _take_item(self, item: Item) -> list[MachineEvent]:
        now_s = self._clock()
        if isinstance(item, Stop):
            self._stop_at_s = now_s + FAREWELL_S
        elif isinstance(item, Show):
            item.into.put(self._machine.status(item.kubernetes, now_s, item.lease))
        elif isinstance(item, PasswordChanged):
            return [CredentialsChanged(now_s)]
        elif isinstance(item, KeysChanged):
            if self._port.rekey(item.pair):
                self._machine.rekey(item.pair.secret)
        elif isinstance(item, Reviewed):
            self._port.reviewed(item)
        else:
            self._note_item(item)
            return [item]
        return []

    def _note_item(self, item: Landing | Asked | Left | Standing) -> None:
        """What the loop itself has to know of what the machine is told."""
        if isinstance(item, Landing):
            self._is_call_under_way = False
        elif isinstance(item, Standing):
            self._standing = item

    def _take_messages(self) -> list[MachineEvent]:
        received: list[MachineEvent] = []
        if self._hears_messages():
            with self._internal.border("receive"):
                received.extend(self._port.receive())
        return received

    def _perform(self, effects: list[MachineEffect], caller: Caller) -> None:
        for effect in effects:
            try:
                self._perform_one(effect, caller)
            except Exception as error:  # noqa: BLE001, what cannot be said is said to have failed
                self._internal.tell(f"effect {type(effect).__name__}", error)
                with self._internal.border("effect in place of another"):
                    self._make_up_for(effect)

    def _perform_one(self, effect: MachineEffect, caller: Caller) -> None:
        if isinstance(effect, Send):
            self._port.send(effect)
        elif isinstance(effect, AnswerCommand):
            self._answer(effect)
        elif isinstance(effect, WakeAt):
            self._wake_at_s = effect.at_s
        elif isinstance(effect, Note):
            self._notes.tell(effect)
        elif isinstance(effect, Change):
            self._history.record(effect)
        elif isinstance(effect, Recall):
            self._history.recall(effect)
        elif isinstance(effect, Mishap):
            self._internal.tell(effect.place, effect.error, **effect.about)
        elif self._stop_at_s is None:
            self._is_call_under_way = True
            caller.call(effect)

    def _make_up_for(self, effect: MachineEffect) -> None:
        if isinstance(effect, Send):
            allocation = getattr(effect.message, "allocation", None)
            self._port.send(Send(effect.connection, declined(effect.message.id, InternalFailure(), allocation)))
            # What both sides believe differs by now: a hello makes it one again.
            self._port.send(Send(effect.connection, HelloFirst(id=effect.message.id)))
