"""The machine that keeps one session with the coordinator that leads.

    down ── connected ──→ (proving ── enrolled ──→) greeting ── welcome ──→ up

The first that is said in *up* is what the journal claims, and only then may anything be asked. Silence makes it
throw the socket away: a connection that a firewall forgot looks healthy from here. Whoever does not lead, is
silent or refuses, is left for another coordinator (`failover`).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto
from typing import Final

from nodeagent.domain.allocation import IN_USE
from nodeagent.domain.effects import Effect, LookAtInterfaces, Note, RenewSocket, Tell, Transmit
from nodeagent.domain.events import (
    Connected,
    ConnectionLost,
    ConnectionUnfit,
    EndpointLookedUp,
    Event,
    Received,
    SessionBegan,
    SessionEnded,
    Ticked,
    TokenMissing,
)
from nodeagent.journal.contents import draw_journal
from nodeagent.journal.rows import Rows
from nodeagent.link.enrolment import ENROL_ID, TICKET_ID, Enrolment
from nodeagent.link.failover import Failover
from nodeagent.link.hello import claims, hello
from protocol.wire.messages import (
    Declined,
    EnrolFirst,
    Enrolled,
    HelloFirst,
    ListInterfaces,
    Notice,
    NotLeader,
    Ping,
    Pong,
    Probe,
    ProbeAnswer,
    ToAgent,
    Welcome,
    WrongCluster,
)

PING_AFTER_S: Final = 10.0
RENEW_AFTER_S: Final = 30.0
"""Of silence."""
TOLD_MAX: Final = 64
"""Reasons that are remembered as logged."""
_OF_CONNECTION: Final = (Connected, ConnectionLost, Received, TokenMissing)


class Stage(Enum):
    """How far the session has come."""

    DOWN = auto()
    PROVING = auto()
    GREETING = auto()
    UP = auto()


class Session:
    """The session with a coordinator, through whichever endpoint answers.

    `enrolment` is None where the node's key lies in the coordinator's authorized directory.
    """

    def __init__(
        self,
        rows: Rows,
        failover: Failover,
        release: str,
        draw: Callable[[], str],
        enrolment: Enrolment | None = None,
    ) -> None:
        self.notices: dict[str, str] = {}
        """What the coordinator had to tell this node's people, the newest of each kind."""
        self._rows = rows
        self._failover = failover
        self._release = release
        self._draw = draw
        self._enrolment = enrolment
        self._stage = Stage.DOWN
        self._why = "no connection was tried yet"
        self._told: set[str] = set()
        """The reasons that were logged since the last welcome."""
        self._owes_hello = False
        self._greeting = ""
        """The id of the last hello."""
        self._welcome: int | None = None
        """The number of a welcome that is not answered yet."""
        self._heard_s: float | None = None
        self._pinged_s: float | None = None
        self._has_renewed = False
        """Whether what is still heard in this turn is of a connection that was thrown away in it."""
        self._rests_on_turn = False
        self._messages = 0
        self._effects: list[Effect] = []

    @property
    def is_up(self) -> bool:
        """Whether anything may be asked."""
        return self._stage is Stage.UP

    @property
    def trouble(self) -> str | None:
        """Why nothing may be asked, None when it may."""
        return None if self.is_up else self._why

    @property
    def coordinator(self) -> str | None:
        """The address of the coordinator that serves this node, None while none does."""
        return self._failover.address if self.is_up else None

    @property
    def due_s(self) -> float:
        """When time has to be told at the latest."""
        return self._failover.due_s

    def seconds_silent(self, now_s: float) -> float | None:
        """How long ago the coordinator was last heard, None when it never was."""
        return None if self._heard_s is None else now_s - self._heard_s

    def handle(self, event: Event, now_s: float) -> list[Effect]:
        """What is to be done about `event`, in this order."""
        if self._has_renewed and isinstance(event, _OF_CONNECTION):
            return []
        if isinstance(event, EndpointLookedUp):
            self._looked_up(event, now_s)
        elif isinstance(event, Connected):
            self._connected(now_s)
        elif isinstance(event, ConnectionLost):
            self._fail(event.why, now_s)
        elif isinstance(event, Received):
            self._received(event, now_s)
        elif isinstance(event, TokenMissing):
            self._unproven(event.why, now_s)
        elif isinstance(event, ConnectionUnfit):
            self._begin_with_the_same(event.why, now_s)
        elif isinstance(event, Ticked):
            self._ticked(now_s)
        return self._take_effects()

    def say_hello(self) -> list[Effect]:
        """The hello that is owed, from rows that are in the journal; nothing where none is."""
        if not self._owes_hello:
            return []
        self._owes_hello = False
        self._greeting = self._next_id("hello")
        return [Transmit(hello(self._rows, self._release, self._greeting))]

    def say_claims(self, now_s: float) -> list[Effect]:
        """What a welcome is answered with, from rows that are in the journal, before anything else is said."""
        if self._welcome is None:
            return []
        number, self._welcome = self._welcome, None
        return [Transmit(page) for page in claims(self._rows, number, now_s)]

    def committed(self) -> None:
        """The draft of this turn is in the journal."""
        self._rests_on_turn = False
        self._has_renewed = False

    def dropped(self, now_s: float) -> list[Effect]:
        """The draft of this turn is not in the journal: a welcome of which it lacks the cluster was none."""
        self._has_renewed = False
        if self._rests_on_turn:
            self._rests_on_turn = False
            self._begin_with_the_same("the journal cannot be written", now_s)
        return self._take_effects()

    def _take_effects(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        self._has_renewed |= any(isinstance(effect, RenewSocket) for effect in effects)
        return effects

    def _looked_up(self, event: EndpointLookedUp, now_s: float) -> None:
        if not event.addresses and self._stage is Stage.DOWN:
            self._leave(event.why)
        self._effects.extend(self._failover.looked_up(event.endpoint, event.addresses, now_s))

    def _connected(self, now_s: float) -> None:
        self._heard_s = now_s
        self._pinged_s = None
        if self._enrolment:
            self._prove(now_s)
        else:
            self._greet(now_s)

    def _refused(self, why: str, now_s: float) -> None:
        self._failover.answered(now_s)
        self._fail(why, now_s)

    def _fail(self, why: str, now_s: float) -> None:
        """This coordinator does not serve the node: try another one."""
        if self._failover.is_resting:
            return  # nobody is tried: this is what becomes of one that was left already
        self._leave(why)
        self._effects.extend(self._failover.failed(now_s))

    def _begin_with_the_same(self, why: str, now_s: float) -> None:
        self._leave(why)
        self._failover.begin_anew(now_s)

    def _leave(self, why: str) -> None:
        was_up = self._stage is Stage.UP
        self._stage = Stage.DOWN
        self._owes_hello = False
        self._welcome = None
        self._why = why
        if was_up:
            self._effects.append(Note("coordinator_lost", "warning", {"why": why}))
        elif self._is_news(why):
            self._effects.append(Note("coordinator_not_reached", "warning", {"why": why}))
        self._effects.append(Tell(SessionEnded(why)))

    def _is_news(self, why: str) -> bool:
        """Whether this was not logged since the last welcome: what fails is tried every few seconds."""
        if why in self._told:
            return False
        if len(self._told) >= TOLD_MAX:
            self._told.clear()
        self._told.add(why)
        return True

    def _received(self, event: Received, now_s: float) -> None:
        self._heard_s = now_s
        self._pinged_s = None
        message = event.message
        if isinstance(message, Welcome):
            self._welcomed(message, now_s)
        elif isinstance(message, NotLeader):
            self._refused(f"{self._failover.address} does not lead", now_s)
        elif isinstance(message, HelloFirst):
            self._hello_first(now_s)
        elif isinstance(message, Probe):
            self._effects.append(Transmit(ProbeAnswer(id=message.id, nonce=message.nonce)))
        elif isinstance(message, ListInterfaces):
            self._effects.append(LookAtInterfaces(message.id))
        elif isinstance(message, Notice):
            self.notices[message.kind.value] = message.text
            self._effects.append(Note(message.kind.value, "error", {"why": message.text}))
        elif not self._received_proof(message, now_s) and self.is_up and not isinstance(message, Pong):
            self._effects.append(Tell(event))

    def _received_proof(self, message: ToAgent, now_s: float) -> bool:
        """Take what answers a hello or concerns the node's key; False for all else."""
        if isinstance(message, Enrolled):
            self._enrolled(message, now_s)
        elif isinstance(message, EnrolFirst):
            self._unknown(now_s)
        elif isinstance(message, Declined) and message.id.startswith((ENROL_ID, TICKET_ID)):
            self._unenrolled(message, now_s)
        elif isinstance(message, Declined) and message.id.startswith("hello-"):
            self._refused(f"the coordinator declined the hello: {message.msg}", now_s)
        else:
            return False
        return True

    def _welcomed(self, message: Welcome, now_s: float) -> None:
        if self._stage is not Stage.GREETING or self._owes_hello or message.id != self._greeting:
            return
        known = self._rows.identity.cluster
        if known is None or known in message.former:
            self._rows.name_cluster(message.cluster)
            self._rests_on_turn = True
        elif known != message.cluster and self._rows.count(*IN_USE):
            self._decline(known, message.cluster, now_s)
            return
        elif known != message.cluster:
            self._begin_anew(known, message.cluster, now_s)
            return
        self._stage = Stage.UP
        self._told.clear()
        self._failover.welcomed(now_s)
        self._welcome = message.number
        self._effects.append(Note("coordinator_reached", fields=self._reached(message)))
        clusters = frozenset({message.cluster, *message.former})
        self._effects.append(Tell(SessionBegan(message.reserve, message.allocations_max, clusters)))

    def _reached(self, message: Welcome) -> dict[str, object]:
        return {"coordinator": self._failover.address, "coordinator_release": message.release}

    def _decline(self, known: str, cluster: str, now_s: float) -> None:
        """Pods live here with addresses of another cluster: they run on, and a person has to look."""
        why = (
            f"the coordinator is of cluster {cluster}, pods of this node have addresses of cluster {known}: "
            "correct --coordinator, or start the coordinator with --former-cluster-id"
        )
        self._effects.append(Transmit(WrongCluster(id=self._next_id("cluster"), cluster=known)))
        if why not in self._told:
            self._effects.append(Note("wrong_cluster", "error", {"known": known, "coordinator": cluster}))
        self._refused(why, now_s)

    def _begin_anew(self, known: str, cluster: str, now_s: float) -> None:
        self._rows.begin_anew(draw_journal(self._draw), cluster)
        self._rests_on_turn = True
        self._effects.append(Note("cluster_changed", "warning", {"known": known, "coordinator": cluster}))
        self._greet(now_s)

    def _hello_first(self, now_s: float) -> None:
        if self._stage is Stage.UP:
            self._why = "the coordinator asked for a new hello"
            self._effects.append(Tell(SessionEnded(self._why)))
        if self._stage in (Stage.UP, Stage.GREETING):
            self._greet(now_s)

    def _enrolled(self, message: Enrolled, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._effects.extend(self._enrolment.enrolled(message, now_s))
        if self._stage is Stage.PROVING:
            self._greet(now_s)

    def _unenrolled(self, message: Declined, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._effects.extend(self._enrolment.declined(message, now_s))
        self._stay_down(f"the coordinator does not enrol this node: {message.msg}")

    def _unproven(self, why: str, now_s: float) -> None:
        if self._enrolment is None:
            return
        self._effects.extend(self._enrolment.failed(why, now_s))
        self._stay_down(why)

    def _unknown(self, now_s: float) -> None:
        if self._enrolment is None:
            self._refused(
                "the coordinator does not know this node's key: authorize it, or set --enrol-token", now_s
            )
        elif self._stage is not Stage.PROVING:
            self._effects.append(Tell(SessionEnded("the coordinator does not know this node's key any more")))
            self._prove(now_s)

    def _stay_down(self, why: str) -> None:
        if self._stage is Stage.PROVING:
            self._why = why
            self._effects.append(Tell(SessionEnded(why)))

    def _ticked(self, now_s: float) -> None:
        if self._failover.is_overdue(now_s):
            self._fail(f"{self._failover.address} does not answer: is its machine up, the address right?", now_s)
        self._effects.extend(self._failover.tick(now_s))
        if self._stage is Stage.DOWN:
            return
        if self._enrolment:
            self._effects.extend(self._enrolment.ticked(now_s))
        if self._stage is Stage.PROVING:
            self._give_up_proving(now_s)
        elif self._stage is Stage.UP:
            self._see_whether_silent(now_s)

    def _see_whether_silent(self, now_s: float) -> None:
        silent_s = now_s - (self._heard_s or now_s)
        if silent_s >= RENEW_AFTER_S:
            self._fail(f"the coordinator was silent for {silent_s:.0f} s", now_s)
        elif silent_s >= PING_AFTER_S and self._is_ping_due(now_s):
            self._pinged_s = now_s
            self._effects.append(Transmit(Ping(id=self._next_id("ping"))))

    def _is_ping_due(self, now_s: float) -> bool:
        return self._pinged_s is None or now_s - self._pinged_s >= PING_AFTER_S

    def _give_up_proving(self, now_s: float) -> None:
        if self._enrolment and self._enrolment.seconds_unanswered(now_s) >= RENEW_AFTER_S:
            self._fail("the coordinator does not answer who asks to be enrolled", now_s)

    def _prove(self, now_s: float) -> None:
        assert self._enrolment
        self._stage = Stage.PROVING
        self._owes_hello = False
        self._welcome = None
        self._why = "the coordinator did not enrol this node yet"
        self._failover.proving()
        self._effects.extend(self._enrolment.begin(now_s))

    def _greet(self, now_s: float) -> None:
        self._stage = Stage.GREETING
        self._owes_hello = True
        self._welcome = None
        self._why = "the coordinator did not answer the hello yet"
        self._failover.greeted(now_s)

    def _next_id(self, kind: str) -> str:
        self._messages += 1
        return f"{kind}-{self._messages}"
