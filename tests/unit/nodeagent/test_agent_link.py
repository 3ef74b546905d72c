"""The connection's life: literal events in, literal commands out."""

from __future__ import annotations

from agent_builders import BOOT, JOURNAL, NOW_S, a_record, an_allocated

from nodeagent import wire_messages
from nodeagent.commands import Command, Deliver, Die, LowerLink, Note, RaiseLink, RenewSocket, Transmit
from nodeagent.events import ConnectionLost, Handshaken, Received, Ticked
from nodeagent.journal_records import State
from nodeagent.link_machine import END_AFTER_S, Link
from protocol.messages import Declined, Hello, HelloFirst, Holding, Ping, Pong, Welcome

REACHED = Note("coordinator_reached", fields={"coordinator_release": "1"})


def a_holding() -> Holding:
    record = a_record(State.HELD)
    assert record.network
    return wire_messages.holding(record, record.network)


def a_link(holdings: int = 0, endpoints: int = 1) -> Link:
    return Link(endpoints, BOOT, JOURNAL, "0.1", lambda: [a_holding()] * holdings)


def a_hello(number: int = 1, page: int = 0, *, last: bool = True, holdings: int = 0) -> Transmit:
    return Transmit(
        Hello(
            id=f"hello-{number}-{page}",
            boot_id=BOOT,
            journal_id=JOURNAL,
            page=page,
            last=last,
            holdings=[a_holding()] * holdings,
            release="0.1",
        )
    )


def welcomed(link: Link, now_s: float = NOW_S) -> list[Command]:
    link.handle(Handshaken(now_s, spread_s=3.0))
    return link.handle(Received(now_s, Welcome(id="hello-1-0", release="1")))


def test_hello_is_said_at_once_and_requests_follow_the_welcome() -> None:
    link = a_link()

    assert link.handle(Handshaken(NOW_S, spread_s=3.0)) == [a_hello()]
    assert link.is_up is False
    assert link.handle(Received(NOW_S, Welcome(id="hello-1-0", release="1"))) == [REACHED, RaiseLink()]
    assert link.is_up is True


def test_a_large_journal_is_told_in_pages() -> None:
    assert a_link(holdings=201).handle(Handshaken(NOW_S, spread_s=0.0)) == [
        a_hello(1, 0, last=False, holdings=100),
        a_hello(1, 1, last=False, holdings=100),
        a_hello(1, 2, last=True, holdings=1),
    ]


def test_a_welcome_that_nobody_waits_for_raises_nothing() -> None:
    assert a_link().handle(Received(NOW_S, Welcome(id="x"))) == []


def test_a_lost_connection_is_told_with_its_reason() -> None:
    link = a_link()
    welcomed(link)

    assert link.handle(ConnectionLost(NOW_S, "gone")) == [
        Note("coordinator_lost", level="warning", fields={"why": "gone"}),
        LowerLink("gone"),
    ]
    assert link.trouble == "gone"


def test_a_reason_is_logged_once_until_it_changes() -> None:
    link = a_link()
    note = Note("coordinator_not_reached", level="warning", fields={"why": "refused"})

    assert link.handle(ConnectionLost(NOW_S, "refused")) == [note, LowerLink("refused")]
    assert link.handle(ConnectionLost(NOW_S, "refused")) == [LowerLink("refused")]


def test_hello_first_repeats_the_hello_before_anything_else() -> None:
    link = a_link()
    welcomed(link)

    assert link.handle(Received(NOW_S, HelloFirst(id="r-1"))) == [
        LowerLink("the coordinator asked for a new hello"),
        a_hello(2),
    ]
    assert link.is_up is False


def test_answers_are_delivered() -> None:
    link = a_link()
    welcomed(link)
    message = an_allocated().message

    assert link.handle(Received(NOW_S, message)) == [Deliver(message)]


def test_a_ping_leaves_every_ten_seconds() -> None:
    link = a_link()
    welcomed(link)

    assert link.handle(Ticked(NOW_S + 9)) == []
    assert link.handle(Ticked(NOW_S + 10)) == [Transmit(Ping(id="ping-2"))]
    assert link.handle(Ticked(NOW_S + 11)) == []
    assert link.handle(Ticked(NOW_S + 20)) == [Transmit(Ping(id="ping-3"))]


def test_a_pong_ends_the_silence() -> None:
    link = a_link()
    welcomed(link)
    link.handle(Ticked(NOW_S + 10))
    link.handle(Received(NOW_S + 10, Pong(id="ping-2")))

    assert link.handle(Ticked(NOW_S + 19)) == []
    assert link.handle(Ticked(NOW_S + 35)) == [Transmit(Ping(id="ping-3"))]


def test_a_coordinator_that_talks_without_end_still_hears_of_the_node() -> None:
    link = a_link()
    welcomed(link)
    for second in range(1, 10):
        link.handle(Received(NOW_S + second, an_allocated().message))

    assert link.handle(Ticked(NOW_S + 10)) == [Transmit(Ping(id="ping-2"))]


def test_silence_of_thirty_seconds_makes_a_fresh_socket_whose_hello_is_spread() -> None:
    link = a_link()
    welcomed(link)

    commands = link.handle(Ticked(NOW_S + 30))
    assert commands[1:] == [LowerLink("the coordinator was silent for 30 s"), RenewSocket(0)]
    assert link.handle(Handshaken(NOW_S + 31, spread_s=3.0)) == []
    assert link.handle(Ticked(NOW_S + 33)) == []
    assert link.handle(Ticked(NOW_S + 34)) == [a_hello(2)]


def test_a_coordinator_that_does_not_welcome_is_left_after_thirty_seconds() -> None:
    link = a_link(endpoints=2)
    link.handle(Handshaken(NOW_S, spread_s=0.0))

    assert link.handle(Ticked(NOW_S + 30))[-1] == RenewSocket(1)


def test_endpoints_take_turns_while_none_answers() -> None:
    link = a_link(endpoints=2)
    link.handle(ConnectionLost(NOW_S, "refused"))

    assert link.handle(Ticked(NOW_S + 4)) == []
    assert link.handle(Ticked(NOW_S + 5)) == [RenewSocket(1)]
    assert link.handle(Ticked(NOW_S + 9)) == []
    assert link.handle(Ticked(NOW_S + 10)) == [RenewSocket(0)]


def test_an_address_from_which_nothing_comes_is_told_as_that() -> None:
    link = a_link()
    assert link.handle(Ticked(NOW_S)) == []
    assert link.trouble == "no connection was tried yet"

    why = "no connection came about within 30 s: do packets get to --coordinator?"
    told = Note("coordinator_not_reached", level="warning", fields={"why": why})
    assert link.handle(Ticked(NOW_S + 30)) == [told, LowerLink(why), RenewSocket(0)]
    assert link.trouble == why
    assert link.handle(Ticked(NOW_S + 60)) == [RenewSocket(0)]


def unanswered_until(link: Link, seconds: float) -> list[Command]:
    """Nobody answers, second after second; what is done about it in the end."""
    commands: list[Command] = []
    for second in range(1, int(seconds) + 1):
        link.handle(ConnectionLost(NOW_S + second, "refused"))
        commands = link.handle(Ticked(NOW_S + second))
    return [command for command in commands if not isinstance(command, RenewSocket)]


def a_link_to_a_service() -> Link:
    return Link(1, BOOT, JOURNAL, "0.1", list, why_unchanging="the address is of this start")


def test_an_address_that_only_a_new_start_changes_is_given_up_after_five_minutes() -> None:
    link = a_link_to_a_service()
    link.handle(ConnectionLost(NOW_S, "refused"))

    assert unanswered_until(link, END_AFTER_S - 1) == []
    assert unanswered_until(link, END_AFTER_S) == [
        Die("no coordinator answered for 300 s: the address is of this start")
    ]


def test_whoever_was_connected_waits_five_minutes_from_then_on() -> None:
    link = a_link_to_a_service()
    link.handle(ConnectionLost(NOW_S - 200, "refused"))
    welcomed(link)

    assert unanswered_until(link, END_AFTER_S - 1) == []
    assert unanswered_until(link, END_AFTER_S) != []


def test_an_address_at_which_somebody_answers_is_not_given_up() -> None:
    link = a_link_to_a_service()
    link.handle(ConnectionLost(NOW_S, "refused"))
    link.handle(ConnectionLost(NOW_S + END_AFTER_S - 1, "another key", was_answered=True))

    assert not any(isinstance(command, Die) for command in link.handle(Ticked(NOW_S + END_AFTER_S)))


def test_an_address_of_the_settings_is_never_given_up() -> None:
    link = a_link()
    link.handle(ConnectionLost(NOW_S, "refused"))

    assert unanswered_until(link, 2 * END_AFTER_S) == []


def test_a_socket_that_gave_up_is_replaced_soon() -> None:
    link = a_link()
    link.handle(ConnectionLost(NOW_S, "key refused", is_final=True))

    assert link.handle(Ticked(NOW_S + 5)) == [RenewSocket(0)]
    assert link.handle(Ticked(NOW_S + 10)) == []


def test_a_declined_hello_is_told_as_the_reason_and_tried_again_on_a_fresh_socket() -> None:
    link = a_link()
    link.handle(Handshaken(NOW_S, spread_s=0.0))
    declined = Declined(id="hello-1-0", kind="refused", code=100, msg="version 1 is not spoken", details="Upgrade")

    assert link.handle(Received(NOW_S, declined))[-1] == RenewSocket(0)
    assert link.trouble == "the coordinator declined the hello: version 1 is not spoken"
