"""How the agent proves which node it is: literal events in, literal commands out."""

from __future__ import annotations

from agent_builders import BOOT, JOURNAL, NOW_S

from nodeagent.commands import AskForTicket, Command, KeepTicket, LowerLink, Note, RenewSocket, Transmit
from nodeagent.enrolment import RETRY_S_MAX, Enrolment
from nodeagent.events import Handshaken, KeysChanged, Received, Ticked, TokenMissing
from nodeagent.link_machine import Link
from protocol.messages import Declined, EnrolFirst, Enrolled, Hello, Ping, Pong, ShowTicket, ToAgent, Welcome

NODE = "node-1"


def a_link(ticket: str | None = None) -> Link:
    return Link(1, BOOT, JOURNAL, "0.1", list, Enrolment(NODE, BOOT, ticket))


def by_token(number: int = 1) -> AskForTicket:
    return AskForTicket(f"enrol-{number}", NODE, BOOT)


def shown(ticket: str, number: int = 1) -> Transmit:
    return Transmit(ShowTicket(id=f"ticket-{number}", node=NODE, boot_id=BOOT, ticket=ticket))


def connected(link: Link, now_s: float = NOW_S) -> list[Command]:
    return link.handle(Handshaken(now_s, spread_s=0.0))


def hear(link: Link, message: ToAgent, now_s: float = NOW_S) -> list[Command]:
    return link.handle(Received(now_s, message))


def declined(message_id: str, kind: str = "refused") -> Declined:
    return Declined.model_validate({"id": message_id, "kind": kind, "code": 11, "msg": "no", "details": "do it"})


def is_hello(command: Command) -> bool:
    return isinstance(command, Transmit) and isinstance(command.message, Hello)


def raised(link: Link, valid_ms: int | None = 100_000) -> None:
    connected(link)
    hear(link, Enrolled(id="enrol-1", node=NODE, ticket="t1", valid_ms=valid_ms))
    hear(link, Welcome(id="hello-1-0"))
    assert link.is_up


def test_without_a_ticket_it_asks_for_one_and_says_hello_when_it_has_it() -> None:
    link = a_link()

    assert connected(link) == [by_token()]
    commands = hear(link, Enrolled(id="enrol-1", node=NODE, ticket="t1", valid_ms=1000))
    assert commands[:2] == [KeepTicket("t1"), Note("enrolled", fields={"node": NODE})]
    assert is_hello(commands[2])


def test_a_ticket_is_shown_and_needs_no_token() -> None:
    link = a_link("t1")

    assert connected(link) == [shown("t1")]
    commands = hear(link, Enrolled(id="ticket-1", node=NODE, valid_ms=1000))
    assert [is_hello(command) for command in commands] == [True]


def test_a_refused_ticket_leads_to_the_token() -> None:
    link = a_link("t1")
    connected(link)

    commands = hear(link, declined("ticket-1"))
    assert commands[:2] == [Note("ticket_refused", level="warning", fields={"why": "no"}), by_token(2)]


def test_a_ticket_that_cannot_serve_for_now_is_shown_again() -> None:
    link = a_link("t1")
    connected(link)
    hear(link, declined("ticket-1", "try_again"))

    assert link.handle(Ticked(NOW_S + 1)) == []
    assert link.handle(Ticked(NOW_S + 2)) == [shown("t1", 2)]


def test_it_tries_ever_more_rarely_on_the_same_connection_and_says_why_it_is_down() -> None:
    link = a_link()
    connected(link)
    now_s, pauses = NOW_S, []
    for number in range(1, 9):
        hear(link, declined(f"enrol-{number}", "try_again"), now_s)
        assert link.trouble == "the coordinator does not enrol this node: no"
        since_s = now_s
        while link.handle(Ticked(now_s)) != [by_token(number + 1)]:
            now_s += 1
        pauses.append(now_s - since_s)

    assert pauses == [2, 4, 8, 16, 32, RETRY_S_MAX, RETRY_S_MAX, RETRY_S_MAX]


def test_a_missing_token_is_told_and_looked_for_again() -> None:
    link = a_link()
    connected(link)

    commands = link.handle(TokenMissing(NOW_S, "no file"))
    assert commands[-1] == LowerLink("no file")
    assert link.trouble == "no file"
    assert link.handle(Ticked(NOW_S + 2)) == [by_token(2)]


def test_no_answer_to_the_proof_ends_in_a_fresh_socket_without_pings() -> None:
    link = a_link()
    connected(link)

    assert link.handle(Ticked(NOW_S + 29)) == []
    assert link.handle(Ticked(NOW_S + 30))[-1] == RenewSocket(0)


def test_the_ticket_is_renewed_at_half_of_its_time_while_requests_go_on() -> None:
    link = a_link()
    raised(link, valid_ms=8_000)

    assert link.handle(Ticked(NOW_S + 3)) == []
    assert link.handle(Ticked(NOW_S + 4)) == [by_token(2)]
    assert hear(link, Enrolled(id="enrol-2", node=NODE, ticket="t2", valid_ms=8_000), NOW_S + 4)[0] == KeepTicket(
        "t2"
    )
    assert link.is_up


def test_a_renewal_that_fails_leaves_the_connection_up() -> None:
    link = a_link()
    raised(link, valid_ms=8_000)
    link.handle(Ticked(NOW_S + 4))

    commands = hear(link, declined("enrol-2", "try_again"), NOW_S + 4)
    assert [type(command) for command in commands] == [Note]
    assert link.is_up
    assert link.handle(Ticked(NOW_S + 6)) == [by_token(3)]


def is_ping(command: Command) -> bool:
    return isinstance(command, Transmit) and isinstance(command.message, Ping)


def test_an_unanswered_renewal_is_repeated() -> None:
    link = a_link()
    raised(link, valid_ms=8_000)
    link.handle(Ticked(NOW_S + 4))
    commands: list[Command] = []
    for after_s in range(5, 5 + int(RETRY_S_MAX)):
        hear(link, Pong(id="ping"), NOW_S + after_s)
        commands += link.handle(Ticked(NOW_S + after_s))
    assert [each for each in commands if not is_ping(each)] == [by_token(3)]


def test_a_coordinator_that_forgot_the_key_is_shown_the_ticket() -> None:
    link = a_link()
    raised(link)

    commands = hear(link, EnrolFirst(id="r-1"))
    assert commands == [LowerLink("the coordinator does not know this node's key any more"), shown("t1", 2)]
    assert hear(link, EnrolFirst(id="r-2")) == []


def test_a_node_without_a_token_is_told_that_its_key_is_unknown() -> None:
    link = Link(1, BOOT, JOURNAL, "0.1", list)
    connected(link)

    hear(link, EnrolFirst(id="hello-1-0"))
    assert "--enrol-token" in str(link.trouble)
    assert link.handle(Ticked(NOW_S + 5)) == [RenewSocket(0)]


def test_an_authorized_key_needs_no_ticket_and_no_renewal() -> None:
    link = a_link()
    raised(link, valid_ms=None)
    commands = [command for after_s in range(1, 9) for command in link.handle(Ticked(NOW_S + after_s))]
    assert commands == []


def test_changed_keys_make_a_fresh_socket_at_once() -> None:
    link = a_link()
    raised(link)

    assert link.handle(KeysChanged(NOW_S + 1))[-1] == RenewSocket(0)
    assert connected(link, NOW_S + 2) == [shown("t1", 2)]


def test_an_enrolled_node_pings_in_silence_as_any_other() -> None:
    link = a_link()
    raised(link)
    assert link.handle(Ticked(NOW_S + 10)) == [Transmit(Ping(id="ping-2"))]
