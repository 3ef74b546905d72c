"""The part of a session that proves which node this is: by the ticket that it keeps, else by a token.

The ticket is renewed at half of its time on the connection that is up; a coordinator that cannot have a token
reviewed then is asked again, while the old ticket still serves.
"""

from __future__ import annotations

from typing import Final

from nodeagent.domain.effects import AskForTicket, Effect, KeepTicket, Note, Transmit
from protocol.wire.messages import Declined, DeclineKind, Enrolled, ShowTicket

RETRY_S: Final = 2.0
RETRY_S_MAX: Final = 60.0
TICKET_ID: Final = "ticket-"
ENROL_ID: Final = "enrol-"


class Enrolment:
    """What this node says until the coordinator knows its key."""

    def __init__(self, node: str, ticket: str | None) -> None:
        self._node = node
        self._ticket = ticket
        self._is_enrolled = False
        self._sent = 0
        self._refusals = 0
        self._asked_s: float | None = None
        self._next_s: float | None = None

    def begin(self, now_s: float) -> list[Effect]:
        """On a connection whose key the coordinator may not know: show the ticket, or ask for one."""
        self._is_enrolled = False
        return [self._ask(now_s)]

    def enrolled(self, message: Enrolled, now_s: float) -> list[Effect]:
        """The coordinator knows the key now."""
        self._is_enrolled = True
        self._asked_s = None
        self._refusals = 0
        self._next_s = None if message.valid_ms is None else now_s + message.valid_ms / 2000
        if message.ticket is None:
            return []
        self._ticket = message.ticket
        return [KeepTicket(message.ticket), Note("enrolled", fields={"node": message.node})]

    def declined(self, message: Declined, now_s: float) -> list[Effect]:
        """A refused ticket leads to the token; anything else is tried again later."""
        if message.id.startswith(TICKET_ID) and message.kind is DeclineKind.REFUSED:
            self._ticket = None
            return [Note("ticket_refused", "warning", {"why": message.msg}), self._ask(now_s)]
        return self.failed(message.msg, now_s, details=message.details)

    def failed(self, why: str, now_s: float, details: str = "") -> list[Effect]:
        """The node is not enrolled for this reason; try again, ever later."""
        self._asked_s = None
        self._next_s = now_s + min(RETRY_S_MAX, RETRY_S * 2**self._refusals)
        self._refusals = min(self._refusals + 1, 10)
        return [Note("enrolment_failed", "warning", {"why": why, "details": details})]

    def ticked(self, now_s: float) -> list[Effect]:
        """What is due: another try, or a new ticket before the old one ends."""
        if self._next_s is None or now_s < self._next_s:
            return []
        if self._is_enrolled:
            self._next_s = now_s + RETRY_S_MAX
            return [self._by_token()]
        return [self._ask(now_s)]

    def seconds_unanswered(self, now_s: float) -> float:
        """For how long the coordinator has owed an answer."""
        return 0.0 if self._asked_s is None else now_s - self._asked_s

    def _ask(self, now_s: float) -> Effect:
        self._asked_s = now_s
        self._next_s = None
        if self._ticket is None:
            return self._by_token()
        return Transmit(ShowTicket(id=self._next_id(TICKET_ID), node=self._node, ticket=self._ticket))

    def _by_token(self) -> Effect:
        return AskForTicket(self._next_id(ENROL_ID), self._node)

    def _next_id(self, kind: str) -> str:
        self._sent += 1
        return f"{kind}{self._sent}"
