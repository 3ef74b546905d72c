"""The port at which agents connect: it passes on the messages of nodes, and answers whoever is no node yet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import zmq

from coordinator.cluster.token_reviewer import Review, Reviewed
from coordinator.core.crash_points import OnCrashPoint
from coordinator.core.errors import InternalFailure, ProtocolMismatch
from coordinator.core.outbox import Note, Send, declined
from coordinator.nodes.admission import Admission
from coordinator.nodes.connection_guard import ConnectionGuard
from coordinator.nodes.enrolment import EnrolmentEffect
from coordinator.nodes.events import Received
from coordinator.nodes.router import Incoming, Router
from coordinator.nodes.zap import Zap
from daemon.internal_errors import InternalErrors
from protocol.keys import KeyPair
from protocol.wire.codec import Unreadable, decode_to_coordinator, encode
from protocol.wire.messages import Enrol, EnrolFirst, ShowTicket, ToCoordinator


@dataclass(frozen=True)
class Sockets:
    """What the port consists of."""

    router: Router
    guard: ConnectionGuard
    zap: Zap


class AgentsPort:
    """For the loop's thread alone. `review` has a token reviewed, `tell` takes what people should know."""

    def __init__(
        self,
        sockets: Sockets,
        admission: Admission,
        review: Callable[[Review], None],
        tell: Callable[[Note], None],
        clock: Callable[[], float],
        on_crash_point: OnCrashPoint,
        internal: InternalErrors,
    ) -> None:
        self._sockets = sockets
        self._admission = admission
        self._review = review
        self._tell = tell
        self._clock = clock
        self._on_crash_point = on_crash_point
        self._internal = internal

    @property
    def messages(self) -> zmq.Socket[bytes]:
        """Readable when messages wait."""
        return self._sockets.router.socket

    @property
    def handshakes(self) -> zmq.Socket[bytes]:
        """Readable when new connections wait."""
        return self._sockets.zap.socket

    @property
    def is_undecided(self) -> bool:
        """Whether some connection waits until it is known whose its key is."""
        return self._sockets.zap.is_undecided

    def admit(self) -> None:
        """Let in, or not, the connections that wait."""
        self._sockets.zap.answer_all(self._admits, self._key_refused)

    def receive(self) -> Iterator[Received]:
        """The messages of nodes that wait, up to a bound; others are answered here."""
        self._admission.refresh()
        for incoming in self._sockets.router.receive():
            with self._internal.border("message"):
                if received := self._read(incoming):
                    yield received

    def send(self, send: Send) -> None:
        """Send a message, unless its connection is gone."""
        kind = getattr(send.message, "type", "")
        self._on_crash_point(f"message:{kind}:before")
        if not self._sockets.router.send(send.connection, encode(send.message)):
            self._tell(Note("answer_undeliverable", {"type": kind, "request": send.message.id}))
        self._on_crash_point(f"message:{kind}:after")

    def reviewed(self, reviewed: Reviewed) -> None:
        """The API server has said whose token it is."""
        self._carry_out(self._admission.reviewed(reviewed))

    def rekey(self, pair: KeyPair) -> bool:
        """Use another key pair, which ends every connection; False when it is the same."""
        if not self._sockets.router.rekey(pair):
            return False
        self._sockets.guard.forget_all()
        self._admission.rekey(pair.secret)
        self._tell(Note("rekeyed", {"public_key": pair.public.decode()}))
        return True

    def close(self) -> None:
        """Give the last answers half a second to leave."""
        self._sockets.router.close()
        self._sockets.zap.close()

    def _read(self, incoming: Incoming) -> Received | None:
        node = self._admission.node_of(incoming.key)
        if not self._may_be_read(incoming, node):
            return None
        try:
            message = decode_to_coordinator(incoming.payload)
        except Unreadable as unreadable:
            self._misread(incoming, node, unreadable)
            return None
        try:
            return self._heard(node, incoming, message)
        except Exception as error:  # noqa: BLE001, whoever sent it hears that it was in vain
            self._internal.tell(message.type, error, request=message.id)
            self.send(Send(incoming.connection, declined(message.id, InternalFailure())))
            return None

    def _heard(self, node: str | None, incoming: Incoming, message: ToCoordinator) -> Received | None:
        self._on_crash_point(f"message:{message.type}:received")
        if isinstance(message, Enrol | ShowTicket):
            self._carry_out(self._admission.knock(incoming.connection, incoming.key, message))
            return None
        if node is None:
            self.send(Send(incoming.connection, EnrolFirst(id=message.id)))
            return None
        return Received(node, incoming.connection, message, self._clock())

    def _may_be_read(self, incoming: Incoming, node: str | None) -> bool:
        connection, guard = incoming.connection, self._sockets.guard
        if guard.is_condemned(connection):
            return False
        guard.heard(connection, incoming.descriptor, incoming.address, node)
        if node is None and not self._admission.may_speak(connection, len(incoming.payload)):
            guard.condemn(connection, "messages_of_unknown_keys")
            return False
        return True

    def _misread(self, incoming: Incoming, node: str | None, unreadable: Unreadable) -> None:
        connection, reply_to, reason = incoming.connection, unreadable.reply_to, str(unreadable)
        self._tell(Note("unreadable_message", {"node": node or "unknown", "reason": reason}, is_alarm=True))
        if reply_to is None:
            self._sockets.guard.condemn(connection, "unreadable_messages")
            return
        self._sockets.guard.misread(connection)
        self.send(Send(connection, declined(reply_to, ProtocolMismatch(cause=reason))))

    def _carry_out(self, effects: list[EnrolmentEffect]) -> None:
        for effect in effects:
            if isinstance(effect, Send):
                self.send(effect)
            elif isinstance(effect, Note):
                self._tell(effect)
            else:
                self._review(effect)

    def _admits(self, key: bytes, asked_at_s: float) -> bool | None:
        with self._internal.border("key"):
            return self._admission.may_connect(key, asked_at_s)
        return False

    def _key_refused(self, key: bytes, address: str) -> None:
        self._tell(Note("key_refused", {"public_key": key.decode(), "address": address}, is_alarm=True))
