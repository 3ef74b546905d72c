"""Which connections have to go: crowds stay within their limits, whoever gets on is never kept out."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coordinator.nodes.connection_book import (
    CONDEMNED_MAX,
    HANDSHAKE_S,
    KEYLESS_BYTES_MAX,
    MISREAD_MAX,
    RECEIVED_WITH_HELLO,
    SENT_WHEN_THROUGH,
    Closing,
    ConnectionBook,
    Limits,
    Standing,
)

LIMITS = Limits(in_all=60, keyless=20, keyless_per_origin=10, unknown=30, per_node=2)
DONE = SENT_WHEN_THROUGH + 1
GREETED, WELCOMED = 64, 234
NOW_S = 100.0


def a_book(limits: Limits = LIMITS) -> ConnectionBook:
    return ConnectionBook(limits)


def crowd(book: ConnectionBook, count: int, first: int = 100, address: str = "10.0.0.1") -> None:
    """So many connections that have said nothing."""
    for number in range(count):
        book.accepted(first + number, (address, 1000 + number), NOW_S)


def closed(book: ConnectionBook, now_s: float = NOW_S) -> list[int]:
    return [closing.descriptor for closing in book.excess(now_s)]


def test_connections_of_an_address_that_makes_too_many_have_to_go_and_no_others() -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.9", 1), NOW_S)
    crowd(book, 11)
    assert book.is_crowded
    gone = closed(book)
    assert len(gone) == 2
    assert 1 not in gone
    assert closed(book) == []


def test_those_who_got_least_far_make_room_first() -> None:
    book = a_book()
    crowd(book, 12)
    for number in range(12):
        sent, received = (WELCOMED, RECEIVED_WITH_HELLO) if number % 2 else (GREETED, 64)
        book.progressed(100 + number, sent, received, NOW_S)
    gone = closed(book)
    assert len(gone) == 3
    assert all(descriptor % 2 == 0 for descriptor in gone)


def test_of_a_full_house_the_address_with_most_of_its_kind_makes_room() -> None:
    book = a_book(Limits(in_all=60, keyless=20, keyless_per_origin=20, unknown=30, per_node=2))
    crowd(book, 15)
    for number in range(6):
        book.accepted(number, (f"10.0.1.{number}", 1), NOW_S)
    assert all(descriptor >= 100 for descriptor in closed(book))


@pytest.mark.parametrize(
    ("sent", "received", "is_closed"),
    [
        (10, 0, True),
        (GREETED, 64, True),
        (GREETED, RECEIVED_WITH_HELLO - 1, True),
        (GREETED, RECEIVED_WITH_HELLO, False),  # its HELLO waits for us
        (WELCOMED, RECEIVED_WITH_HELLO, True),
        (WELCOMED, 567, False),  # its INITIATE waits for us
        (DONE, 567, False),
    ],
)
def test_who_is_silent_in_its_turn_has_to_go_after_a_while(sent: int, received: int, *, is_closed: bool) -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.1", 1), NOW_S - 3 * HANDSHAKE_S)
    book.progressed(1, sent, received, NOW_S - 2 * HANDSHAKE_S)
    assert closed(book, NOW_S - 2 * HANDSHAKE_S) == ([1] if is_closed and sent < WELCOMED else [])
    book = a_book()
    book.accepted(1, ("10.0.0.1", 1), NOW_S)
    book.progressed(1, sent, received, NOW_S)
    assert closed(book, NOW_S + HANDSHAKE_S - 0.1) == []
    assert closed(book, NOW_S + HANDSHAKE_S) == ([1] if is_closed else [])


def test_a_welcome_that_came_late_begins_the_peers_time_anew() -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.1", 1), NOW_S)
    book.progressed(1, GREETED, RECEIVED_WITH_HELLO, NOW_S + HANDSHAKE_S)
    book.progressed(1, WELCOMED, RECEIVED_WITH_HELLO, NOW_S + 2 * HANDSHAKE_S)
    assert closed(book, NOW_S + 3 * HANDSHAKE_S - 0.1) == []
    assert closed(book, NOW_S + 3 * HANDSHAKE_S) == [1]


def test_who_sends_more_than_a_handshake_has_to_go() -> None:
    book = a_book()
    crowd(book, 2)
    book.progressed(100, GREETED, KEYLESS_BYTES_MAX, NOW_S)
    book.progressed(101, GREETED, KEYLESS_BYTES_MAX + 1, NOW_S)
    (gone,) = book.excess(NOW_S)
    assert (gone.descriptor, gone.bound) == (101, "bytes_without_key")


def test_whose_handshake_is_done_is_none_of_those_without_a_key() -> None:
    book = a_book()
    crowd(book, 10)
    book.progressed(100, DONE, 567, NOW_S)
    crowd(book, 1, first=200)
    assert closed(book) == []
    assert book.counts() == {"keyless": 10, "unknown": 1, "known": 0}


def test_ipv6_addresses_count_by_their_site() -> None:
    book = a_book()
    for number in range(11):
        book.accepted(100 + number, (f"2001:db8:0:1::{number:x}", 1), NOW_S)
    assert len(closed(book)) == 2
    book = a_book()
    for number in range(11):
        book.accepted(100 + number, (f"2001:db8:0:{number:x}::1", 1), NOW_S)
    assert closed(book) == []


def test_unknown_keys_make_room_for_newer_ones() -> None:
    book = a_book()
    for number in range(31):
        book.accepted(number, (f"10.0.0.{number}", 1), NOW_S)
        assert book.heard(b"r%d" % number, number, f"10.0.0.{number}", None) == []
    assert closed(book) == [0, 1, 2, 3]


def test_an_older_connection_of_a_node_makes_room_for_a_newer_one() -> None:
    book = a_book()
    gone = []
    for number in range(3):
        book.accepted(number, ("10.0.0.1", number), NOW_S)
        gone += book.heard(b"r%d" % number, number, "10.0.0.1", "n1")
    assert [each.descriptor for each in gone] == [0]
    book.ended(1)
    book.accepted(3, ("10.0.0.1", 3), NOW_S)
    assert book.heard(b"r3", 3, "10.0.0.1", "n1") == []


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2"])
def test_a_late_message_tells_nothing_about_who_has_the_descriptor_now(address: str) -> None:
    book = a_book()
    book.accepted(7, ("10.0.0.1", 1), NOW_S)
    book.heard(b"old", 7, "10.0.0.1", "n1")
    book.ended(7)
    book.accepted(7, (address, 2), NOW_S)
    book.heard(b"new", 7, address, "n2")
    book.heard(b"old", 7, "10.0.0.1", "n1")
    assert book.condemn(b"old", "unreadable_messages") == []
    assert [each.peer for each in book.condemn(b"new", "unreadable_messages")] == [(address, 2)]


def test_where_descriptors_are_short_known_nodes_go_last_and_the_newest_of_them_first() -> None:
    book = a_book(Limits(in_all=5, keyless=20, keyless_per_origin=20, unknown=30, per_node=2))
    for number in range(5):
        book.accepted(number, ("10.0.0.1", number), NOW_S)
        book.heard(b"r%d" % number, number, "10.0.0.1", f"n{number}")
    book.accepted(50, ("10.0.0.1", 50), NOW_S)
    assert closed(book) == [50, 4]


def test_many_messages_that_cannot_be_read_end_a_connection() -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.1", 1), NOW_S)
    book.heard(b"r1", 1, "10.0.0.1", "n1")
    assert [book.misread(b"r1") for _ in range(MISREAD_MAX)] == [[]] * MISREAD_MAX
    (gone,) = book.misread(b"r1")
    assert (gone.descriptor, gone.bound) == (1, "unreadable_messages")
    assert book.is_condemned(b"r1")


def test_of_condemned_connections_the_newest_are_remembered() -> None:
    book = a_book()
    for number in range(CONDEMNED_MAX + 1):
        book.condemn(b"%d" % number, "x")
    assert not book.is_condemned(b"0")
    assert book.is_condemned(b"1")


class Crowds(RuleBasedStateMachine):
    """Anything may connect, get on, speak and leave; a driver that closes what it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.book = a_book()
        self.open: dict[int, tuple[str, int]] = {}
        self.next = 0
        self.now_s = NOW_S

    @rule(host=st.integers(1, 4), count=st.integers(1, 15))
    def connect(self, host: int, count: int) -> None:
        for _ in range(count):
            self.next += 1
            peer = (f"10.0.0.{host}", self.next)
            self.open[self.next] = peer
            self.book.accepted(self.next, peer, self.now_s)

    @rule(
        data=st.data(),
        sent=st.sampled_from([10, 64, 234, DONE]),
        received=st.sampled_from([0, 64, 266, 567, 9999]),
    )
    def get_on(self, data: st.DataObject, sent: int, received: int) -> None:
        if self.open:
            self.book.progressed(data.draw(st.sampled_from(sorted(self.open))), sent, received, self.now_s)

    @rule(pause_s=st.sampled_from([0.5, 2.0, HANDSHAKE_S]))
    def wait(self, pause_s: float) -> None:
        self.now_s += pause_s

    @rule(data=st.data(), node=st.none() | st.sampled_from(["n1", "n2", "n3"]))
    def speak(self, data: st.DataObject, node: str | None) -> None:
        if self.open:
            descriptor = data.draw(st.sampled_from(sorted(self.open)))
            self._close(self.book.heard(b"%d" % descriptor, descriptor, self.open[descriptor][0], node))

    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        if self.open:
            descriptor = data.draw(st.sampled_from(sorted(self.open)))
            del self.open[descriptor]
            self.book.ended(descriptor)

    def _close(self, closings: list[Closing]) -> None:
        for closing in closings:
            assert self.open[closing.descriptor] == closing.peer

    @invariant()
    def crowds_are_bounded(self) -> None:
        gone = self.book.excess(self.now_s)
        self._close(gone)
        counts = self.book.counts()
        assert counts[Standing.KEYLESS] <= LIMITS.keyless
        assert counts[Standing.UNKNOWN] <= LIMITS.unknown
        assert sum(counts.values()) <= LIMITS.in_all
        keyless = [peer[0] for _, peer in self.book.keyless()]
        assert all(keyless.count(address) <= LIMITS.keyless_per_origin for address in keyless)
        assert not self.book.is_crowded


TestCrowds = Crowds.TestCase
TestCrowds.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_connection_that_was_heard_before_the_monitor_told_of_it_is_met_once() -> None:
    book, peer = a_book(), ("10.0.0.1", 1000)
    book.accepted(7, ("10.0.0.1", 999), NOW_S)
    book.heard(b"before", 7, "10.0.0.1", "node-1")
    assert book.heard(b"now", 7, "10.0.0.1", "node-1") == []
    assert not book.has_met(b"now", "node-1")
    book.accepted(7, peer, NOW_S)
    book.heard(b"now", 7, "10.0.0.1", "node-1")
    book.accepted(7, peer, NOW_S + 1)
    assert book.has_met(b"now", "node-1")
    assert [each.peer for each in book.condemn(b"now", "bound")] == [peer]
