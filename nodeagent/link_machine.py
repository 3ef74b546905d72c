"""The machine that keeps one usable connection to the coordinator.

    down ── handshake ──→ connected ── hello due ──→ (proving ── enrolled ──→) greeting ── welcome ──→ up

A node that enrols proves first which node it is. Only in *up* may requests be sent. Silence makes it throw the
socket away: a connection that a firewall forgot looks healthy from here. Where several endpoints are given it
tries them in turn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final

from nodeagent import wire_messages
from nodeagent.commands import Command, Deliver, Die, LowerLink, Note, RaiseLink, RenewSocket, Survey, Transmit
from nodeagent.enrolment import ENROL_ID, TICKET_ID, Enrolment
from nodeagent.events import (
    ConnectionLost,
    Event,
    Handshaken,
    KeysChanged,
    LinkDistrusted,
    Received,
    Surveyed,
    Ticked,
    TokenMissing,
)
from protocol.messages import (
    Allocated,
    Declined,
    EnrolFirst,
    Enrolled,
    HelloFirst,
    Holding,
    ListInterfaces,
    Ping,
    Released,
    ToAgent,
    Welcome,
)

PING_EVERY_S: Final = 10.0
"""However much the coordinator says: it hears of this node at least so often, and takes it for gone after 30 s."""
RENEW_AFTER_S: Final = 30.0
TURN_AFTER_S: Final = 5.0
"""How long one of several endpoints is tried before the next one is, or a socket that gave up is left alone."""


END_AFTER_S: Final = 300.0
"""How long nobody may answer at addresses that only a new start can change."""

UNTRIED: Final = "no connection was tried yet"


class LinkState(Enum):
    """How far the connection has come."""

    DOWN = auto()
    CONNECTED = auto()
    PROVING = auto()
    GREETING = auto()
    UP = auto()


class Link:
    """The connection to the coordinator, through whichever endpoint answers.

    `enrolment` is None where the node's key lies in the coordinator's authorized directory. `why_unchanging` says
    why this process can learn no other address; it then ends when nobody answers for long.
    """

    def __init__(
        self,
        endpoints: int,
        boot_id: str,
        journal_id: str,
        release: str,
        holdings: Callable[[], Sequence[Holding]],
        enrolment: Enrolment | None = None,
        why_unchanging: str | None = None,
    ) -> None:
        self._endpoints = endpoints
        self._boot_id = boot_id
        self._journal_id = journal_id
        self._release = release
        self._holdings = holdings
        self._enrolment = enrolment
        self._why_unchanging = why_unchanging
        self._endpoint = 0
        self._state = LinkState.DOWN
        self._why = UNTRIED
        self._changed_s: float | None = None
        self._heard_s: float | None = None
        self._answered_s: float | None = None
        self._said_s = 0.0
        self._hello_due_s = 0.0
        self._spread_owed = False
        self._has_given_up = False
        self._sent = 0
        self._out: list[Command] = []

    @property
    def is_up(self) -> bool:
        """Whether requests may be sent."""
        return self._state is LinkState.UP

    @property
    def trouble(self) -> str | None:
        """Why requests cannot be sent, None when they can."""
        return None if self.is_up else self._why

    def seconds_silent(self, now_s: float) -> float | None:
        """How long ago the coordinator was last heard, None when it never was."""
        return None if self._heard_s is None else now_s - self._heard_s

    def handle(self, event: Event) -> list[Command]:
        """What is to be done about `event`, in this order."""
        self._out = []
        if self._changed_s is None:
            self._changed_s = self._answered_s = event.now_s
        if isinstance(event, Handshaken):
            self._handshaken(event)
        elif isinstance(event, ConnectionLost):
            self._has_given_up = event.is_final
            if event.was_answered:
                self._answered_s = event.now_s
            self._lost(event.why, event.now_s)
        elif isinstance(event, Received):
            self._received(event.message, event.now_s)
        elif isinstance(event, TokenMissing):
            self._unproven(event.why, event.now_s)
        elif isinstance(event, KeysChanged | LinkDistrusted):
            self._renew(event.why, event.now_s)
        elif isinstance(event, Surveyed):
            self._surveyed(event)
        elif isinstance(event, Ticked):
            self._ticked(event.now_s)
        return self._out

    def _handshaken(self, event: Handshaken) -> None:
        self._state = LinkState.CONNECTED
        self._why = "the coordinator did not answer the hello yet"
        self._changed_s = self._heard_s = self._answered_s = self._said_s = event.now_s
        self._hello_due_s = event.now_s + (event.spread_s if self._spread_owed else 0.0)
        self._spread_owed = False
        self._greet_when_due(event.now_s)

    def _lost(self, why: str, now_s: float) -> None:
        is_news = why != self._why
        self._why = why
        if self._state is not LinkState.DOWN:
            self._state = LinkState.DOWN
            self._changed_s = now_s
            self._out.append(Note("coordinator_lost", level="warning", fields={"why": why}))
        elif is_news:
            self._out.append(Note("coordinator_not_reached", level="warning", fields={"why": why}))
        self._out.append(LowerLink(why))

    def _received(self, message: ToAgent, now_s: float) -> None:
        self._heard_s = self._answered_s = now_s
        if isinstance(message, Welcome):
            self._welcomed(message)
        elif isinstance(message, HelloFirst):
            self._greet(now_s)
        elif isinstance(message, Enrolled):
            self._enrolled(message, now_s)
        elif isinstance(message, EnrolFirst):
            self._unknown(now_s)
        elif isinstance(message, ListInterfaces):
            self._out.append(Survey(message.id))
        elif isinstance(message, Allocated | Released | Declined):
            self._answered(message, now_s)

    def _surveyed(self, event: Surveyed) -> None:
        if self.is_up:
            pages = wire_messages.interfaces(event.request_id, event.interfaces, event.unreadable)
            self._out.extend(Transmit(page) for page in pages)

    def _welcomed(self, message: Welcome) -> None:
        if self._state is not LinkState.GREETING:
            return
        self._state = LinkState.UP
        self._out.append(Note("coordinator_reached", fields={"coordinator_release": message.release}))
        self._out.append(RaiseLink())

    def _answered(self, message: Allocated | Released | Declined, now_s: float) -> None:
        if isinstance(message, Declined) and message.id.startswith((ENROL_ID, TICKET_ID)):
            self._unenrolled(message, now_s)
            return
        if isinstance(message, Declined) and message.id.startswith("hello-"):
            self._renew(f"the coordinator declined the hello: {message.msg}", now_s)
            return
        self._out.append(Deliver(message))

    def _enrolled(self, message: Enrolled, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._out.extend(self._enrolment.enrolled(message, now_s))
        if self._state is LinkState.PROVING:
            self._greet(now_s)

    def _unenrolled(self, message: Declined, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._out.extend(self._enrolment.declined(message, now_s))
        self._stay_down(f"the coordinator does not enrol this node: {message.msg}")

    def _unproven(self, why: str, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._out.extend(self._enrolment.failed(why, now_s))
        self._stay_down(why)

    def _unknown(self, now_s: float) -> None:
        if self._enrolment is None:
            self._has_given_up = True
            self._lost("the coordinator does not know this node's key: authorize it, or set --enrol-token", now_s)
        elif self._state is not LinkState.PROVING:
            self._out.append(LowerLink("the coordinator does not know this node's key any more"))
            self._prove(now_s)

    def _stay_down(self, why: str) -> None:
        if self._state is LinkState.PROVING:
            self._why = why
            self._out.append(LowerLink(why))

    def _ticked(self, now_s: float) -> None:
        if self._state is LinkState.DOWN:
            self._give_up_endpoint(now_s)
            self._give_up_process(now_s)
            return
        if self._enrolment:
            self._out.extend(self._enrolment.ticked(now_s))
        if self._state is LinkState.PROVING:
            self._give_up_proving(now_s)
            return
        self._greet_when_due(now_s)
        silent_s = now_s - (self._heard_s or now_s)
        if silent_s >= RENEW_AFTER_S:
            self._renew(f"the coordinator was silent for {silent_s:.0f} s", now_s)
        elif now_s - self._said_s >= PING_EVERY_S:
            self._said_s = now_s
            self._out.append(Transmit(Ping(id=self._next_id("ping"))))

    def _give_up_endpoint(self, now_s: float) -> None:
        is_soon = self._endpoints > 1 or self._has_given_up
        patience_s = TURN_AFTER_S if is_soon else RENEW_AFTER_S
        if now_s - (self._changed_s or now_s) >= patience_s:
            if self._why == UNTRIED:
                self._lost(
                    f"no connection came about within {patience_s:g} s: do packets get to --coordinator?", now_s
                )
            self._endpoint = (self._endpoint + 1) % self._endpoints
            self._changed_s = now_s
            self._has_given_up = False
            self._out.append(RenewSocket(self._endpoint))

    def _give_up_process(self, now_s: float) -> None:
        unanswered_s = now_s - (self._answered_s or now_s)
        if self._why_unchanging and unanswered_s >= END_AFTER_S:
            self._out.append(Die(f"no coordinator answered for {unanswered_s:.0f} s: {self._why_unchanging}"))

    def _renew(self, why: str, now_s: float) -> None:
        self._lost(why, now_s)
        self._spread_owed = True
        self._endpoint = (self._endpoint + 1) % self._endpoints
        self._out.append(RenewSocket(self._endpoint))

    def _give_up_proving(self, now_s: float) -> None:
        if self._enrolment and self._enrolment.seconds_unanswered(now_s) >= RENEW_AFTER_S:
            self._renew("the coordinator does not answer who asks to be enrolled", now_s)

    def _greet_when_due(self, now_s: float) -> None:
        if self._state is not LinkState.CONNECTED or now_s < self._hello_due_s:
            return
        if self._enrolment:
            self._prove(now_s)
        else:
            self._greet(now_s)

    def _prove(self, now_s: float) -> None:
        assert self._enrolment
        self._state = LinkState.PROVING
        self._why = "the coordinator did not enrol this node yet"
        self._out.extend(self._enrolment.begin(now_s))

    def _greet(self, now_s: float) -> None:
        if self._state is LinkState.UP:
            self._why = "the coordinator asked for a new hello"
            self._out.append(LowerLink(self._why))
        self._state = LinkState.GREETING
        self._said_s = now_s
        pages = wire_messages.hello(
            self._holdings(), self._boot_id, self._journal_id, self._release, self._next_id("hello")
        )
        self._out.extend(Transmit(page) for page in pages)

    def _next_id(self, kind: str) -> str:
        self._sent += 1
        return f"{kind}-{self._sent}"
