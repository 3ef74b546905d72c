"""Which connections have to go: crowds stay within their limits, whoever gets on is never kept out."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from coordinator.connection_book import (
    CONDEMNED_MAX,
    HANDSHAKE_BYTES,
    MISREAD_MAX,
    Closing,
    ConnectionBook,
    Limits,
    Standing,
)

LIMITS = Limits(in_all=60, keyless=20, keyless_per_origin=10, unknown=30, per_node=2)
DONE = HANDSHAKE_BYTES + 1


def a_book(limits: Limits = LIMITS) -> ConnectionBook:
    return ConnectionBook(limits)


def crowd(book: ConnectionBook, count: int, first: int = 100, address: str = "10.0.0.1") -> None:
    """So many connections that have said nothing."""
    for number in range(count):
        book.accepted(first + number, (address, 1000 + number))


def closed(book: ConnectionBook) -> list[int]:
    return [closing.descriptor for closing in book.excess()]


def test_the_oldest_of_an_address_that_sends_too_many_make_room() -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.9", 1))
    crowd(book, 11)
    assert book.is_crowded
    assert closed(book) == [100, 101]
    assert closed(book) == []


def test_those_who_got_least_far_make_room_first() -> None:
    book = a_book()
    crowd(book, 12)
    for number in range(12):
        book.progressed(100 + number, 234 if number % 2 else 64)
    gone = closed(book)
    assert gone == [100, 102, 104]


def test_whose_handshake_is_done_is_none_of_those_without_a_key() -> None:
    book = a_book()
    crowd(book, 10)
    book.progressed(100, DONE)
    crowd(book, 1, first=200)
    assert closed(book) == []
    assert book.counts() == {"keyless": 10, "unknown": 1, "known": 0}


def test_ipv6_addresses_count_by_their_site_and_mapped_ones_as_ipv4() -> None:
    book = a_book()
    for number in range(11):
        book.accepted(100 + number, (f"2001:db8:0:1::{number:x}", 1))
    assert len(closed(book)) == 2
    book = a_book()
    for number in range(11):
        book.accepted(100 + number, (f"::ffff:10.0.0.{number}", 1))
    assert closed(book) == []


def test_unknown_keys_make_room_for_newer_ones() -> None:
    book = a_book()
    for number in range(31):
        book.accepted(number, (f"10.0.0.{number}", 1))
        assert book.heard(b"r%d" % number, number, f"10.0.0.{number}", None) == []
    assert closed(book) == [0, 1, 2, 3]


def test_an_older_connection_of_a_node_makes_room_for_a_newer_one() -> None:
    book = a_book()
    gone = []
    for number in range(3):
        book.accepted(number, ("10.0.0.1", number))
        gone += book.heard(b"r%d" % number, number, "10.0.0.1", "n1")
    assert [each.descriptor for each in gone] == [0]
    book.ended(1)
    book.accepted(3, ("10.0.0.1", 3))
    assert book.heard(b"r3", 3, "10.0.0.1", "n1") == []


@pytest.mark.parametrize("address", ["10.0.0.1", "10.0.0.2"])
def test_a_late_message_tells_nothing_about_who_has_the_descriptor_now(address: str) -> None:
    book = a_book()
    book.accepted(7, ("10.0.0.1", 1))
    book.heard(b"old", 7, "10.0.0.1", "n1")
    book.ended(7)
    book.accepted(7, (address, 2))
    book.heard(b"new", 7, address, "n2")
    book.heard(b"old", 7, "10.0.0.1", "n1")
    assert book.condemn(b"old", "unreadable_messages") == []
    assert [each.peer for each in book.condemn(b"new", "unreadable_messages")] == [(address, 2)]


def test_where_descriptors_are_short_known_nodes_go_last_and_the_newest_of_them_first() -> None:
    book = a_book(Limits(in_all=5, keyless=20, keyless_per_origin=20, unknown=30, per_node=2))
    for number in range(5):
        book.accepted(number, ("10.0.0.1", number))
        book.heard(b"r%d" % number, number, "10.0.0.1", f"n{number}")
    book.accepted(50, ("10.0.0.1", 50))
    assert closed(book) == [50, 4]


def test_many_messages_that_cannot_be_read_end_a_connection() -> None:
    book = a_book()
    book.accepted(1, ("10.0.0.1", 1))
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

    @rule(host=st.integers(1, 4), count=st.integers(1, 15))
    def connect(self, host: int, count: int) -> None:
        for _ in range(count):
            self.next += 1
            peer = (f"10.0.0.{host}", self.next)
            self.open[self.next] = peer
            self.book.accepted(self.next, peer)

    @rule(data=st.data(), sent_bytes=st.sampled_from([10, 64, 234, DONE]))
    def get_on(self, data: st.DataObject, sent_bytes: int) -> None:
        if self.open:
            self.book.progressed(data.draw(st.sampled_from(sorted(self.open))), sent_bytes)

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
        newest = max(self.open, default=None)
        gone = self.book.excess()
        self._close(gone)
        counts = self.book.counts()
        assert counts[Standing.KEYLESS] <= LIMITS.keyless
        assert counts[Standing.UNKNOWN] <= LIMITS.unknown
        assert sum(counts.values()) <= LIMITS.in_all
        keyless = [peer[0] for _, peer in self.book.keyless()]
        assert all(keyless.count(address) <= LIMITS.keyless_per_origin for address in keyless)
        assert not self.book.is_crowded
        if newest in {each.descriptor for each in gone}:
            assert len(gone) > 1 or counts[Standing.KNOWN]


TestCrowds = Crowds.TestCase
TestCrowds.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
