"""The session's life: literal events in, literal effects out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core_builders import (
    CLUSTER,
    IDENTITY,
    JOURNAL,
    MACHINE,
    NOW_S,
    UNNAMED,
    an_allocated,
    an_allocation,
    an_id,
    drawing,
    some_rows,
)

from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.effects import (
    AskForTicket,
    Effect,
    KeepTicket,
    LookUpEndpoint,
    Note,
    RenewSocket,
    Tell,
    Transmit,
)
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
from nodeagent.journal.contents import Identity
from nodeagent.link.enrolment import RETRY_S, RETRY_S_MAX, Enrolment
from nodeagent.link.failover import ANSWER_S, FIRST_REST_S, HANDSHAKE_S, JITTER_S, REST_S, Failover
from nodeagent.link.session import PING_AFTER_S, RENEW_AFTER_S, TOLD_MAX, Session
from protocol.wire.allocation_id import hash_boot
from protocol.wire.messages import (
    Claims,
    Declined,
    DeclineKind,
    EnrolFirst,
    Enrolled,
    Hello,
    HelloFirst,
    Notice,
    NoticeKind,
    NotLeader,
    Ping,
    Pong,
    Probe,
    ProbeAnswer,
    ShowTicket,
    ToAgent,
    Welcome,
    WrongCluster,
)
from protocol.wire.values import LetGoRow

OTHER_CLUSTER = "dddddddddddd"
ADDRESSES = ("tcp://10.0.0.1:5510", "tcp://10.0.0.2:5510")
FIRST, SECOND = (RenewSocket(number, address) for number, address in enumerate(ADDRESSES))
REACHED = Note("coordinator_reached", fields={"coordinator": ADDRESSES[0], "coordinator_release": "2"})
NEVER_LUCKY = 0.999
NO_CLAIMS = Transmit(Claims(id="claims-7-0", welcome=7, page=0, last=True))
BEGAN = Tell(SessionBegan(2, 512, frozenset({CLUSTER})))


class Link:
    """A session over rows, one event a turn; every turn is committed. Names are looked up at once."""

    def __init__(
        self, *rows: Allocation, endpoints: int = 1, identity: Identity = IDENTITY, ticket: str | None = ""
    ) -> None:
        self.rows = some_rows(*rows, identity=identity)
        enrolment = None if ticket == "" else Enrolment("node-1", ticket)
        self.greeting = ""
        failover = Failover(endpoints, lambda: NEVER_LUCKY)
        self.session = Session(self.rows, failover, "0.1", drawing(0xF00000000000), enrolment)
        self.is_tried = False

    def handle(self, event: Event, now_s: float = NOW_S) -> list[Effect]:
        """What is done about the event, the hello included."""
        effects = self.session.handle(event, now_s)
        self.rows.commit()
        self.session.committed()
        said = [*self.session.say_claims(now_s), *effects, *self.session.say_hello()]
        for each in [each for each in said if isinstance(each, LookUpEndpoint)]:
            said.remove(each)
            said += self.handle(EndpointLookedUp(each.endpoint, (ADDRESSES[each.endpoint],)), now_s)
        self.is_tried |= any(isinstance(each, RenewSocket) for each in said)
        hellos = [each.message.id for each in said if isinstance(each, Transmit) and each.message.type == "hello"]
        self.greeting = next(iter(hellos), self.greeting)
        return said

    def receive(self, message: ToAgent, now_s: float = NOW_S) -> list[Effect]:
        if isinstance(message, Welcome):
            message = message.model_copy(update={"id": self.greeting})
        return self.handle(Received(message), now_s)

    def connected(self, now_s: float = NOW_S) -> list[Effect]:
        if not self.is_tried:
            assert self.handle(Ticked(), now_s) == [FIRST]
        return self.handle(Connected(), now_s)

    def claims(self) -> list[Claims]:
        """What is said at the welcome."""
        self.connected()
        said = [each.message for each in self.receive(a_welcome()) if isinstance(each, Transmit)]
        return [message for message in said if isinstance(message, Claims)]

    def up(self) -> Link:
        self.connected()
        self.receive(a_welcome())
        assert self.session.is_up
        return self


def a_welcome(cluster: str = CLUSTER, *former: str) -> Welcome:
    return Welcome(
        id="hello-1", number=7, cluster=cluster, former=list(former), reserve=2, allocations_max=512, release="2"
    )


def a_hello(number: int = 1, **changes: Any) -> Transmit:
    fields: dict[str, Any] = {
        "id": f"hello-{number}",
        "node": "node-1",
        "machine": MACHINE,
        "boot": hash_boot("boot-1"),
        "driver": "infoblox",
        "journal": JOURNAL,
        "release": "0.1",
        **changes,
    }
    return Transmit(Hello(**fields))


def lost(why: str) -> list[Effect]:
    return [Note("coordinator_lost", "warning", {"why": why}), Tell(SessionEnded(why))]


def not_reached(why: str) -> list[Effect]:
    return [Note("coordinator_not_reached", "warning", {"why": why}), Tell(SessionEnded(why))]


def test_hello_is_said_at_once_and_claims_follow_the_welcome_before_requests() -> None:
    link = Link()

    assert link.connected() == [a_hello()]
    assert link.session.trouble == "the coordinator did not answer the hello yet"
    assert link.receive(a_welcome()) == [NO_CLAIMS, REACHED, BEGAN]
    assert link.session.trouble is None


def test_claims_and_what_is_let_go_are_told_lost_ones_are_not() -> None:
    rows = [an_allocation(number, state) for number, state in enumerate(State, 1)]
    rows[-1] = replace(rows[-1], let_go_s=NOW_S - 2.5)

    (claims,) = Link(*rows).claims()

    assert [(row.allocation, row.state.value, row.seal) for row in claims.claims] == [
        (row.id, row.state.value, row.seal) for row in rows[:3]
    ]
    assert claims.let_go == [LetGoRow(allocation=an_id(5), family=4, age_ms=2500, was_held=True)]


def test_a_large_journal_is_told_in_pages() -> None:
    claims = [an_allocation(1, State.READY, id=an_id(number)) for number in range(1000, 1150)]
    released = [an_allocation(1, State.LET_GO, id=an_id(number)) for number in range(2000, 2100)]

    pages = Link(*claims, *released).claims()

    assert [(page.welcome, page.page, page.last) for page in pages] == [(7, 0, False), (7, 1, False), (7, 2, True)]
    assert [(len(page.claims), len(page.let_go)) for page in pages] == [(100, 0), (50, 50), (0, 50)]


def test_a_welcome_that_nobody_waits_for_begins_nothing() -> None:
    link = Link()
    assert link.receive(a_welcome()) == []
    link.connected()
    assert link.handle(Received(a_welcome().model_copy(update={"id": "hello-0"}))) == []
    assert link.up().receive(a_welcome()) == []


def test_the_first_welcome_names_the_cluster() -> None:
    link = Link(identity=UNNAMED)
    link.connected()
    link.receive(a_welcome())

    assert link.rows.identity == IDENTITY


def test_a_cluster_that_has_another_id_now_is_the_same_and_its_former_ids_stay_known() -> None:
    link = Link(an_allocation(1))
    link.connected()

    assert link.receive(a_welcome(OTHER_CLUSTER, CLUSTER))[-1] == Tell(
        SessionBegan(2, 512, frozenset({OTHER_CLUSTER, CLUSTER}))
    )
    assert link.rows.identity == replace(IDENTITY, cluster=OTHER_CLUSTER)
    assert link.rows.count(State.HELD) == 1


@pytest.mark.parametrize("state", [State.HELD, State.ADOPTED, State.LOST])
def test_a_coordinator_of_another_cluster_is_declined_while_pods_may_live(state: State) -> None:
    link = Link(an_allocation(1, state))
    link.connected()

    effects = link.receive(a_welcome(OTHER_CLUSTER))

    assert effects[0] == Transmit(WrongCluster(id="cluster-2", cluster=CLUSTER))
    assert effects[1] == Note("wrong_cluster", "error", {"known": CLUSTER, "coordinator": OTHER_CLUSTER})
    assert link.session.trouble
    assert "--former-cluster-id" in link.session.trouble
    assert link.receive(an_allocated()) == []
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]
    link.connected(NOW_S + REST_S)
    again = link.receive(a_welcome(OTHER_CLUSTER), NOW_S + REST_S)
    assert not any(isinstance(each, Note) for each in again), "told once"
    assert link.rows.identity.cluster == CLUSTER


def test_for_another_cluster_the_journal_begins_anew_where_no_pod_lives() -> None:
    link = Link(an_allocation(1, State.READY), an_allocation(2, State.LET_GO))
    link.connected()

    effects = link.receive(a_welcome(OTHER_CLUSTER))

    assert effects[-1] == a_hello(2, journal="f0000000")
    assert link.rows.identity == replace(IDENTITY, cluster=OTHER_CLUSTER, journal="f0000000")
    assert link.rows.count(*State) == 0
    assert isinstance(link.receive(a_welcome(OTHER_CLUSTER))[-1], Tell)


def test_a_welcome_that_cannot_be_recorded_is_none() -> None:
    link = Link(identity=UNNAMED)
    link.connected()
    link.session.handle(Received(a_welcome().model_copy(update={"id": link.greeting})), NOW_S)
    link.rows.drop()

    assert link.session.dropped(NOW_S) == lost("the journal cannot be written")
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]
    assert Link().up().session.dropped(NOW_S) == []


def test_a_lost_connection_is_told_with_its_reason() -> None:
    link = Link().up()

    assert link.handle(ConnectionLost("gone")) == lost("gone")
    assert link.session.trouble == "gone"


def test_a_reason_is_logged_once_until_a_coordinator_welcomes() -> None:
    link = Link(endpoints=2)
    link.handle(Ticked())

    assert link.handle(ConnectionLost("refused")) == [*not_reached("refused"), SECOND]
    assert link.handle(ConnectionLost("gone")) == not_reached("gone")
    for now_s in (NOW_S + REST_S, NOW_S + 2 * REST_S):
        link.handle(Ticked(), now_s)
        assert link.handle(ConnectionLost("refused"), now_s)[0] == Tell(SessionEnded("refused"))
        assert link.handle(ConnectionLost("gone"), now_s) == [Tell(SessionEnded("gone"))]


def test_reasons_that_were_logged_are_remembered_in_bounded_number() -> None:
    link, now_s = Link(), NOW_S
    for number in range(TOLD_MAX + 2):
        link.handle(Ticked(), now_s)
        assert link.handle(ConnectionLost(f"reason {number}"), now_s) == not_reached(f"reason {number}")
        now_s += 10 * REST_S
    link.handle(Ticked(), now_s)
    assert link.handle(ConnectionLost("reason 0"), now_s) == not_reached("reason 0")


def test_hello_first_repeats_the_hello_before_anything_else() -> None:
    link = Link().up()

    assert link.receive(HelloFirst(id="r-1")) == [
        Tell(SessionEnded("the coordinator asked for a new hello")),
        a_hello(2),
    ]
    assert link.session.is_up is False
    assert link.receive(a_welcome())[-1] == BEGAN


def test_messages_are_passed_on_in_a_session_only() -> None:
    link = Link()
    link.connected()
    assert link.receive(an_allocated()) == []
    link.receive(a_welcome())

    assert link.receive(an_allocated()) == [Tell(Received(an_allocated()))]


def test_who_does_not_lead_is_left_at_once_for_the_next_but_not_in_circles() -> None:
    link = Link(endpoints=2)
    link.connected()

    assert link.receive(NotLeader(id="hello-1")) == [*not_reached(f"{ADDRESSES[0]} does not lead"), SECOND]
    assert link.connected() == [a_hello(2)]
    assert link.receive(NotLeader(id="hello-2")) == not_reached(f"{ADDRESSES[1]} does not lead")
    assert link.handle(Ticked(), NOW_S + FIRST_REST_S / 2) == []
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]


def test_a_leader_that_leads_no_more_is_left_for_the_next_within_a_second() -> None:
    link = Link(endpoints=2).up()

    assert link.receive(NotLeader(id="x")) == lost(f"{ADDRESSES[0]} does not lead")
    assert link.session.due_s <= NOW_S + JITTER_S
    assert link.handle(Ticked(), NOW_S + JITTER_S) == [SECOND]


def test_a_leader_that_leads_no_more_is_left_for_whoever_answers_at_its_only_address() -> None:
    link = Link().up()

    link.receive(NotLeader(id="x"))
    assert link.handle(Ticked(), NOW_S + JITTER_S) == [FIRST]


def test_the_death_of_one_leads_to_the_next_within_a_second_and_back() -> None:
    link = Link(endpoints=2).up()

    assert link.handle(ConnectionLost("gone")) == lost("gone")
    assert link.handle(Ticked(), NOW_S + JITTER_S) == [SECOND]
    assert link.handle(ConnectionLost("refused"), NOW_S + JITTER_S) == [*not_reached("refused"), FIRST]


def test_who_neither_connects_nor_shakes_hands_is_left_within_a_second() -> None:
    link = Link(endpoints=2)
    link.handle(Ticked())

    assert link.session.due_s == NOW_S + HANDSHAKE_S
    silent = f"{ADDRESSES[0]} does not answer: is its machine up, the address right?"
    assert link.handle(Ticked(), NOW_S + HANDSHAKE_S) == [*not_reached(silent), SECOND]


def test_who_does_not_answer_a_hello_is_left() -> None:
    link = Link(endpoints=2)
    link.connected()

    assert link.handle(Ticked(), NOW_S + ANSWER_S - 0.1) == []
    assert link.handle(Ticked(), NOW_S + ANSWER_S)[-1] == SECOND


def test_a_name_that_does_not_resolve_is_told() -> None:
    link = Link()
    link.session.handle(Ticked(), NOW_S)

    assert link.handle(EndpointLookedUp(0, why="no such name")) == not_reached("no such name")
    assert link.session.trouble == "no such name"
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]


def test_what_a_connection_said_is_nothing_to_the_next_one() -> None:
    """Both come in one turn: the socket was thrown away in it, and its end is not the end of the next one."""
    link = Link(endpoints=2)
    link.connected()

    assert link.session.handle(Received(NotLeader(id="hello-1")), NOW_S)[-1] == SECOND
    assert link.session.handle(ConnectionLost("gone"), NOW_S) == []
    link.session.committed()
    assert link.connected() == [a_hello(2)]


def test_a_connection_that_ends_after_it_was_left_changes_nothing() -> None:
    link = Link()
    link.connected()
    link.receive(NotLeader(id="hello-1"))

    assert link.handle(ConnectionLost("gone")) == []


def test_the_coordinator_that_serves_is_named() -> None:
    link = Link(endpoints=2)
    assert link.session.coordinator is None
    link.up()
    assert link.session.coordinator == ADDRESSES[0]
    link.handle(ConnectionLost("gone"))
    assert link.session.coordinator is None


def test_silence_is_answered_by_a_ping_every_ten_seconds() -> None:
    link = Link().up()

    assert link.handle(Ticked(), NOW_S + PING_AFTER_S - 1) == []
    assert link.handle(Ticked(), NOW_S + PING_AFTER_S) == [Transmit(Ping(id="ping-2"))]
    assert link.handle(Ticked(), NOW_S + 11) == []
    assert link.handle(Ticked(), NOW_S + 20) == [Transmit(Ping(id="ping-3"))]
    assert link.receive(Pong(id="ping-3"), NOW_S + 20) == []
    assert link.handle(Ticked(), NOW_S + 29) == []
    assert link.session.seconds_silent(NOW_S + 29) == 9


def test_longer_silence_makes_a_fresh_socket() -> None:
    link = Link(endpoints=2).up()

    assert link.handle(Ticked(), NOW_S + RENEW_AFTER_S) == lost("the coordinator was silent for 30 s")
    assert link.handle(Ticked(), NOW_S + RENEW_AFTER_S + JITTER_S) == [SECOND]


def test_changed_keys_make_a_fresh_socket_to_the_same_coordinator() -> None:
    link = Link(endpoints=2).up()

    assert link.handle(ConnectionUnfit("the keys have changed")) == lost("the keys have changed")
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]


def test_a_declined_hello_is_told_as_the_reason_and_tried_again() -> None:
    link = Link()
    link.connected()
    declined = Declined(id="hello-1", kind=DeclineKind.REFUSED, code=100, msg="too many", details="Upgrade")

    assert link.receive(declined) == not_reached("the coordinator declined the hello: too many")
    assert link.session.trouble == "the coordinator declined the hello: too many"
    assert link.handle(Ticked(), NOW_S + REST_S) == [FIRST]


def test_a_probe_is_answered_at_once() -> None:
    link = Link()
    link.connected()

    assert link.receive(Probe(id="p-1", nonce="n-1")) == [Transmit(ProbeAnswer(id="p-1", nonce="n-1"))]


def test_a_notice_is_logged_and_kept_for_people() -> None:
    link = Link().up()
    notice = Notice(id="n-1", kind=NoticeKind.TWO_MACHINES, text="another machine is called node-1")

    assert link.receive(notice) == [Note("two_machines", "error", {"why": "another machine is called node-1"})]
    assert link.session.notices == {"two_machines": "another machine is called node-1"}


TICKET = Transmit(ShowTicket(id="ticket-1", node="node-1", ticket="t-1"))
TOKEN = AskForTicket("enrol-1", "node-1")


def a_refusal(message_id: str, kind: DeclineKind = DeclineKind.REFUSED) -> Declined:
    return Declined(id=message_id, kind=kind, code=104, msg="not accepted", details="Enrol")


def test_a_node_that_enrols_shows_its_ticket_before_the_hello() -> None:
    link = Link(ticket="t-1")

    assert link.connected() == [TICKET]
    assert link.receive(Enrolled(id="ticket-1", node="node-1")) == [a_hello()]
    assert link.receive(a_welcome())[-1] == BEGAN


def test_without_a_ticket_it_asks_for_one_and_keeps_it() -> None:
    link = Link(ticket=None)

    assert link.connected() == [TOKEN]
    enrolled = link.receive(Enrolled(id="enrol-1", node="node-1", ticket="t-2", valid_ms=3_600_000))
    assert enrolled == [KeepTicket("t-2"), Note("enrolled", fields={"node": "node-1"}), a_hello()]
    link.receive(a_welcome())
    assert AskForTicket("enrol-2", "node-1") in link.handle(Ticked(), NOW_S + 1800)


def test_a_refused_ticket_leads_to_the_token() -> None:
    link = Link(ticket="t-1")
    link.connected()

    effects = link.receive(a_refusal("ticket-1"))

    assert AskForTicket("enrol-2", "node-1") in effects
    assert link.session.trouble == "the coordinator does not enrol this node: not accepted"


def test_a_missing_token_is_looked_for_again_ever_later() -> None:
    link = Link(ticket=None)
    link.connected()
    now_s = NOW_S
    for number in range(2, 10):
        link.handle(TokenMissing("no file"), now_s)
        wait_s = min(RETRY_S_MAX, RETRY_S * 2 ** (number - 2))
        assert link.handle(Ticked(), now_s + wait_s - 0.5) == []
        now_s += wait_s
        assert link.handle(Ticked(), now_s) == [AskForTicket(f"enrol-{number}", "node-1")]
    assert link.session.trouble == "no file"


def test_a_coordinator_that_knows_the_key_no_more_has_the_node_prove_itself_again() -> None:
    link = Link(ticket="t-1")
    link.connected()
    link.receive(Enrolled(id="ticket-1", node="node-1"))
    link.receive(a_welcome())

    effects = link.receive(EnrolFirst(id="r-1"))

    assert isinstance(effects[0], Tell)
    assert effects[-1] == Transmit(ShowTicket(id="ticket-2", node="node-1", ticket="t-1"))


def test_a_coordinator_that_does_not_know_the_key_of_a_node_that_cannot_enrol_is_tried_again() -> None:
    link = Link().up()

    link.receive(EnrolFirst(id="r-1"))

    assert link.session.trouble
    assert "authorize it" in link.session.trouble
    assert link.handle(Ticked(), NOW_S + JITTER_S) == [FIRST]


def test_who_is_asked_to_enrol_and_is_not_answered_takes_another_socket() -> None:
    link = Link(ticket="t-1")
    link.connected()

    link.handle(Ticked(), NOW_S + RENEW_AFTER_S)
    assert link.handle(Ticked(), NOW_S + RENEW_AFTER_S + REST_S) == [FIRST]
