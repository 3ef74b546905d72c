"""Tells of each connection and each message which node it comes from, or what is done about a stranger."""

from __future__ import annotations

from collections.abc import Callable

from coordinator.cluster.token_reviewer import Reviewed
from coordinator.nodes.authorized import Authorized
from coordinator.nodes.enrolment import Enrolment, EnrolmentEffect, Knocked
from coordinator.nodes.rate_limit import RateLimit
from coordinator.nodes.tickets import Tickets
from protocol.wire.messages import Enrol, ShowTicket


class Admission:
    """`strangers` is None where nobody can enrol: then only keys of the authorized directory come in."""

    def __init__(
        self,
        authorized: Authorized,
        enrolment: Enrolment,
        strangers: RateLimit | None,
        clock: Callable[[], float],
        wall_ms: Callable[[], int],
    ) -> None:
        self._authorized = authorized
        self._enrolment = enrolment
        self._strangers = strangers
        self._clock = clock
        self._wall_ms = wall_ms

    def refresh(self) -> None:
        """See whether the authorized directory has changed."""
        self._authorized.refresh(self._clock())

    def rekey(self, secret: bytes) -> None:
        """The coordinator has another secret key."""
        self._enrolment.rekey(Tickets(secret))

    def node_of(self, key: bytes) -> str | None:
        """The node that this key speaks for."""
        return self._enrolment.node_of(key, self._wall_ms())

    def may_connect(self, key: bytes, asked_at_s: float) -> bool | None:
        """Whether a connection with this key may come in; None where that is known within a second."""
        is_certain = self._authorized.recheck(key, asked_at_s, self._clock())
        if self._strangers is not None or self.node_of(key) is not None:
            return True
        return False if is_certain else None

    def may_speak(self, connection: bytes, size: int) -> bool:
        """Whether a message of this many bytes is read, when the key is unknown."""
        return self._strangers is not None and self._strangers.may_speak(connection, size, self._clock())

    def knock(self, connection: bytes, key: bytes, message: Enrol | ShowTicket) -> list[EnrolmentEffect]:
        """Somebody says which node they are."""
        knocked = Knocked(connection, key, message, self._clock(), self._wall_ms())
        return self._enrolment.knocked(knocked)

    def reviewed(self, reviewed: Reviewed) -> list[EnrolmentEffect]:
        """The API server has said whose token it is."""
        return self._enrolment.reviewed(reviewed, self._wall_ms())
