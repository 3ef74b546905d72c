"""The thread that owns the coordinator's state: it feeds the desk with what happens, carries out what it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from queue import Empty, SimpleQueue
from typing import Final

import zmq

from coordinator import answers
from coordinator.cluster.token_reviewer import Review, Reviewed
from coordinator.commands import LIMITED, AnswerOperator, Effect, Send
from coordinator.core.errors import InternalFailure
from coordinator.core.outbox import Note
from coordinator.core.steps import OnStep
from coordinator.desk import Desk, DeskEvent, Misread, Received
from coordinator.door import Door
from coordinator.enrolment import EnrolmentEffect
from coordinator.events import OperatorAsked, OperatorLeft
from coordinator.grid.caller import Caller
from coordinator.grid.calls import Landing
from coordinator.lane.commands import Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Ticked
from coordinator.metrics import Metrics
from coordinator.nodes.connection_guard import ConnectionGuard
from coordinator.nodes.router import Incoming, Router
from coordinator.nodes.zap import Zap
from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.log_limit import LogLimit
from daemon.logs import Logger
from protocol.codec import Unreadable, decode_to_coordinator, encode
from protocol.keys import KeyPair
from protocol.messages import Enrol, EnrolFirst, ShowTicket, ToCoordinator
from protocol.status import CoordinatorStatus, KubernetesStatus

STATUS_TIMEOUT_S: Final = 5.0
UNDECIDED_LOOK_S: Final = 0.1
"""How often it is looked whether a key that waits for its answer is known by now."""

FAREWELL_S: Final = 10.0
"""How long a coordinator that is told to end waits for the call under way."""

LULL_S: Final = 60.0
"""A machine that has worked so long begins anew at once when it fails."""

ANEW_PAUSE_MAX_S: Final = 30.0
"""How long one that fails again and again rests at most: it must neither burn the processor nor flood the grid."""


@dataclass(frozen=True)
class Stop:
    """End, after the call under way."""


@dataclass(frozen=True)
class Show:
    """Put the state into `into`, with what is known of Kubernetes."""

    kubernetes: KubernetesStatus | None
    into: SimpleQueue[CoordinatorStatus]


@dataclass(frozen=True)
class PasswordChanged:
    """The grid's password may be another one now."""


@dataclass(frozen=True)
class KeysChanged:
    """The coordinator's own key pair as it is now."""

    pair: KeyPair


Item = Landing | Reviewed | Stop | Show | PasswordChanged | KeysChanged | OperatorAsked | OperatorLeft


@dataclass(frozen=True)
class Drivers:
    """What the front polls besides its inbox, with what carries out what it may not wait for."""

    router: Router
    guard: ConnectionGuard
    zap: Zap
    review: Callable[[Review], None]
    answer_operator: Callable[[AnswerOperator], None]


class Front:
    """Runs the desk until `Stop` is put into the inbox."""

    def __init__(
        self,
        desk: Desk,
        door: Door,
        drivers: Drivers,
        inbox: Inbox[Item],
        metrics: Metrics,
        logger: Logger,
        clock: Callable[[], float],
        on_step: OnStep,
        internal: InternalErrors,
        new_id: Callable[[], str],
    ) -> None:
        self._internal = internal
        self._new_id = new_id
        self._broke_at_s = -inf
        self._breakdowns = 0
        self._anew_at_s: float | None = None
        """When the machine, whose state cannot be relied upon, begins anew; None while it works."""
        self._desk = desk
        self._door = door
        self._drivers = drivers
        self._inbox = inbox
        self._metrics = metrics
        self._logger = logger
        self._clock = clock
        self._on_step = on_step
        self._log_limit = LogLimit()
        self._wake_at_s = 0.0
        self._flying = False
        self._stop_at_s: float | None = None

    def run(self, caller: Caller) -> None:
        """The thread's body."""
        inner, outer = zmq.Poller(), zmq.Poller()
        for poller in (inner, outer):
            poller.register(self._inbox.wakeup_fd, zmq.POLLIN)
            poller.register(self._drivers.zap.socket, zmq.POLLIN)
        outer.register(self._drivers.router.socket, zmq.POLLIN)
        self.start(caller)
        while not self._is_over():
            # While messages are not heard they must not wake it either.
            (outer if self._hears_messages() else inner).poll(self._timeout_ms())
            self.turn(caller)

    def start(self, caller: Caller) -> None:
        """What a coordinator does before it hears anybody."""
        self._decide(lambda: self._desk.start(self._clock()), caller)

    def turn(self, caller: Caller) -> None:
        """Take in all that waits, and have done what it leads to."""
        self._drivers.zap.answer_all(self._admits, self._key_refused)
        events = [*self._take_inbox(), *self._take_messages()]
        self._go_on(events, self._clock(), caller)

    def ask_status(self, kubernetes: KubernetesStatus | None) -> CoordinatorStatus:
        """The state, from any thread. Raises TimeoutError when the front does not answer."""
        into: SimpleQueue[CoordinatorStatus] = SimpleQueue()
        self._inbox.put(Show(kubernetes, into))
        try:
            return into.get(timeout=STATUS_TIMEOUT_S)
        except Empty:
            raise TimeoutError("the coordinator's main thread does not answer") from None

    def _is_over(self) -> bool:
        return self._stop_at_s is not None and (not self._flying or self._clock() >= self._stop_at_s)

    def _timeout_ms(self) -> int:
        until_s = min(self._wake_at_s, self._stop_at_s or self._wake_at_s)
        if self._drivers.zap.is_undecided:
            until_s = min(until_s, self._clock() + UNDECIDED_LOOK_S)
        return max(0, int((until_s - self._clock()) * 1000) + 1)

    def _go_on(self, events: list[DeskEvent], now_s: float, caller: Caller) -> None:
        if self._anew_at_s is None:
            self._decide(lambda: self._desk.handle(events or [Ticked(now_s)], now_s), caller)
            return
        for event in events:
            if isinstance(event, OperatorAsked):
                self._drivers.answer_operator(_turned_down(event.ticket, event.request.id))
        if self._flying or now_s < self._anew_at_s:
            # The next machine must not find a call of this one under way.
            self._wake_at_s = max(self._anew_at_s, now_s + 1.0)
            return
        self._anew_at_s = None
        coordinator_id = self._new_id()
        self._logger.warning("begins_anew", id=coordinator_id)
        self._decide(lambda: self._desk.begin_anew(coordinator_id, now_s), caller)

    def _decide(self, decide: Callable[[], list[Effect]], caller: Caller) -> None:
        try:
            effects = decide()
        except Exception as error:  # noqa: BLE001, no state is worth more than the daemon: it is learnt anew
            self._internal.tell("machine", error)
            self._break_down()
        else:
            self._perform(effects, caller)

    def _break_down(self) -> None:
        now_s = self._clock()
        self._breakdowns = self._breakdowns + 1 if now_s < self._broke_at_s + LULL_S else 0
        self._broke_at_s = now_s
        self._anew_at_s = self._wake_at_s = now_s + min(2.0**self._breakdowns - 1, ANEW_PAUSE_MAX_S)

    def _hears_messages(self) -> bool:
        return self._stop_at_s is None and self._anew_at_s is None

    def _take_inbox(self) -> list[DeskEvent]:
        events: list[DeskEvent] = []
        for item in self._inbox.take_all():
            with self._internal.border(type(item).__name__):
                events += self._take_item(item)
        return events

    def _take_item(self, item: Item) -> list[DeskEvent]:
        now_s = self._clock()
        if isinstance(item, Stop):
            self._stop_at_s = now_s + FAREWELL_S
        elif isinstance(item, Show):
            item.into.put(self._desk.status(item.kubernetes, now_s))
        elif isinstance(item, PasswordChanged):
            return [CredentialsChanged(now_s)]
        elif isinstance(item, KeysChanged):
            self._rekey(item.pair)
        elif isinstance(item, Reviewed):
            self._carry_out(self._door.reviewed(item))
        elif isinstance(item, OperatorAsked | OperatorLeft):
            return [item]
        else:
            self._flying = False
            return [item]
        return []

    def _take_messages(self) -> list[DeskEvent]:
        events: list[DeskEvent | None] = []
        if self._hears_messages():
            with self._internal.border("receive"):
                self._door.refresh()
                for incoming in self._drivers.router.receive():
                    with self._internal.border("message"):
                        events.append(self._read(incoming))
        return [event for event in events if event is not None]

    def _read(self, incoming: Incoming) -> DeskEvent | None:
        node = self._door.node_of(incoming.key)
        if not self._may_be_read(incoming, node):
            return None
        try:
            message = decode_to_coordinator(incoming.payload)
        except Unreadable as unreadable:
            return self._misread(incoming, node, unreadable)
        try:
            return self._heard(node, incoming, message)
        except Exception as error:  # noqa: BLE001, whoever sent it hears that it was in vain
            self._internal.tell(message.type, error, request=message.id)
            self._send(Send(incoming.connection, answers.declined(message.id, InternalFailure())))
            return None

    def _heard(self, node: str | None, incoming: Incoming, message: ToCoordinator) -> DeskEvent | None:
        self._on_step(f"message:{message.type}:received")
        if isinstance(message, Enrol | ShowTicket):
            self._carry_out(self._door.knock(incoming.connection, incoming.key, message))
            return None
        if node is None:
            self._send(Send(incoming.connection, EnrolFirst(id=message.id)))
            return None
        return Received(node, incoming.connection, message, self._clock())

    def _may_be_read(self, incoming: Incoming, node: str | None) -> bool:
        connection, guard = incoming.connection, self._drivers.guard
        if guard.is_condemned(connection):
            return False
        guard.heard(connection, incoming.descriptor, incoming.address, node)
        if node is None and not self._door.may_speak(connection, len(incoming.payload)):
            guard.condemn(connection, "messages_of_unknown_keys")
            return False
        return True

    def _misread(self, incoming: Incoming, node: str | None, unreadable: Unreadable) -> Misread | None:
        connection, reply_to, reason = incoming.connection, unreadable.reply_to, str(unreadable)
        self._note(Note("unreadable_message", {"node": node or "unknown", "reason": reason}))
        if reply_to is None:
            self._drivers.guard.condemn(connection, "unreadable_messages")
            return None
        self._drivers.guard.misread(connection)
        return Misread(node or "", connection, reply_to, reason, self._clock())

    def _carry_out(self, effects: list[EnrolmentEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect)
            elif isinstance(effect, Note):
                self._note(effect)
            else:
                self._drivers.review(effect)

    def _perform(self, effects: list[Effect], caller: Caller) -> None:
        for effect in effects:
            try:
                self._perform_one(effect, caller)
            except Exception as error:  # noqa: BLE001, what cannot be said is said to have failed
                self._internal.tell(f"effect {type(effect).__name__}", error)
                with self._internal.border("effect in place of another"):
                    self._make_up_for(effect)

    def _perform_one(self, effect: Effect, caller: Caller) -> None:
        if isinstance(effect, Send):
            self._send(effect)
        elif isinstance(effect, WakeAt):
            self._wake_at_s = effect.at_s
        elif isinstance(effect, Note):
            self._note(effect)
        elif isinstance(effect, Mishap):
            self._internal.tell(effect.place, effect.error, **effect.about)
        elif isinstance(effect, AnswerOperator):
            self._drivers.answer_operator(effect)
        elif self._stop_at_s is None:
            self._flying = True
            caller.call(effect)

    def _make_up_for(self, effect: Effect) -> None:
        if isinstance(effect, Send):
            self._send(Send(effect.connection, answers.declined(effect.message.id, InternalFailure())))
        elif isinstance(effect, AnswerOperator):
            self._drivers.answer_operator(_turned_down(effect.ticket, effect.message.id))

    def _send(self, send: Send) -> None:
        kind = getattr(send.message, "type", "")
        self._on_step(f"message:{kind}:before")
        if not self._drivers.router.send(send.connection, encode(send.message)):
            self._logger.info("answer_undeliverable", type=kind, request=send.message.id)
        self._on_step(f"message:{kind}:after")

    def _note(self, note: Note) -> None:
        self._metrics.count(note)
        left_out = self._log_limit.admits(note.event, self._clock()) if note.event in LIMITED else 0
        if left_out is None:
            return
        log = (
            self._logger.warning if note.is_alarm else self._logger.debug if note.is_detail else self._logger.info
        )
        log(note.event, **note.fields, **({"left_out": left_out} if left_out else {}))

    def _admits(self, key: bytes, asked_at_s: float) -> bool | None:
        with self._internal.border("key"):
            return self._door.may_connect(key, asked_at_s)
        return False

    def _rekey(self, pair: KeyPair) -> None:
        if self._drivers.router.rekey(pair):
            self._drivers.guard.forget_all()
            self._door.rekey(pair.secret)
            self._note(Note("rekeyed", {"public_key": pair.public.decode()}))

    def _key_refused(self, key: bytes, address: str) -> None:
        self._note(Note("key_refused", {"public_key": key.decode(), "address": address}))


def _turned_down(ticket: int, request_id: str) -> AnswerOperator:
    return AnswerOperator(ticket, answers.turned_down(request_id, InternalFailure()))
