"""The election: at most one coordinator does what only one may, whatever clocks, requests and people do."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lease_world import TIMINGS, Candidate

from coordinator.lease.record import Answer, Create, Read, Record, Silence, Step, Update
from tests.lease_server import LeaseServer

LEASE_S = TIMINGS.lease_s


@pytest.fixture
def server() -> LeaseServer:
    return LeaseServer()


@pytest.fixture
def leader(server: LeaseServer) -> Candidate:
    candidate = Candidate("leader", server)
    assert candidate.attempt(100.0)
    return candidate


@pytest.fixture
def other(server: LeaseServer, leader: Candidate) -> Candidate:
    """It has seen the leader's record at 100."""
    candidate = Candidate("other", server)
    assert not candidate.attempt(100.0)
    return candidate


def test_where_there_is_no_lease_the_first_makes_it(server: LeaseServer) -> None:
    candidate = Candidate("first", server)
    assert candidate.attempt(5.0)
    assert candidate.steps == [Read, Create]
    assert server.record == Record("first", LEASE_S, "stamp 5.0", "stamp 5.0", 0)


def test_of_two_that_start_at_once_one_leads(server: LeaseServer) -> None:
    first, second = Candidate("first", server), Candidate("second", server)
    steps = {each: each.election.begin(0.0, "now") for each in (first, second)}
    creates = {each: each.election.took(server.take(step), 0.0) for each, step in steps.items()}
    assert [type(step) for step in creates.values()] == [Create, Create]
    assert [each.take(step, 0.0) for each, step in creates.items()] == [True, False]
    assert [each.attempt(2.0) for each in (first, second)] == [True, False]


def test_the_leader_renews_with_one_request_and_keeps_when_it_has_begun(
    server: LeaseServer, leader: Candidate
) -> None:
    assert leader.attempt(102.0)
    assert leader.steps == [Update]
    assert server.record == Record("leader", LEASE_S, "stamp 100.0", "stamp 102.0", 0)


def test_a_leader_that_falls_silent_is_followed_when_its_record_was_not_seen_to_change_for_long_enough(
    server: LeaseServer, leader: Candidate, other: Candidate
) -> None:
    leader.attempt(102.0)
    assert not other.attempt(104.0)
    assert not other.attempt(104.0 + LEASE_S - 0.1)
    assert other.attempt(104.0 + LEASE_S)
    assert server.record
    assert (server.record.holder, server.record.transitions) == ("other", 1)
    assert not leader.attempt(104.0 + LEASE_S + 1)
    assert leader.steps == [Update, Read]


@pytest.mark.parametrize("ahead_s", [3600.0, -3600.0])
def test_a_clock_that_is_an_hour_off_changes_nothing(
    server: LeaseServer, leader: Candidate, ahead_s: float
) -> None:
    other = Candidate("other", server, ahead_s)
    assert not other.attempt(100.0)
    assert not other.attempt(100.0 + LEASE_S - 0.1)
    assert other.attempt(100.0 + LEASE_S)
    assert not leader.attempt(116.0)
    assert not leader.attempt(116.0 + LEASE_S - 0.1)
    assert leader.attempt(116.0 + LEASE_S)


def test_a_leader_that_nobody_answers_leads_on_and_does_nothing_more_that_only_one_may(
    server: LeaseServer, leader: Candidate
) -> None:
    server.is_away = True
    assert leader.attempt(100.0 + 10 * LEASE_S)
    assert leader.is_valid(100.0 + TIMINGS.renew_s - 0.1)
    assert not leader.is_valid(100.0 + TIMINGS.renew_s)
    server.is_away = False
    assert leader.attempt(500.0)
    assert leader.election.terms == 1
    assert leader.is_valid(500.0)


def test_a_lease_that_was_deleted_is_made_again_by_its_leader(
    server: LeaseServer, leader: Candidate, other: Candidate
) -> None:
    server.delete()
    assert not other.attempt(101.0)
    assert server.record is None
    assert leader.attempt(102.0)
    assert leader.steps == [Update, Create]
    assert leader.election.terms == 1
    assert not other.attempt(103.0)


def test_a_lease_that_was_deleted_and_that_nobody_makes_again_is_taken_when_a_record_would_have_expired(
    server: LeaseServer, other: Candidate
) -> None:
    server.delete()
    assert not other.attempt(200.0)
    assert not other.attempt(200.0 + LEASE_S - 0.1)
    assert other.attempt(200.0 + LEASE_S)


def test_a_leader_that_may_have_been_followed_leaves_a_lease_that_is_gone_to_whoever_has_followed(
    server: LeaseServer, leader: Candidate, other: Candidate
) -> None:
    assert other.attempt(100.0 + LEASE_S)
    server.delete()
    assert leader.attempt(116.0)
    assert server.record is None
    assert other.attempt(117.0)
    assert not leader.attempt(118.0)


def test_a_lease_that_somebody_has_emptied_stays_its_leaders(server: LeaseServer, leader: Candidate) -> None:
    assert server.record
    server.write(replace(server.record, holder=""))
    assert leader.attempt(102.0)
    assert leader.election.terms == 1
    assert server.record.holder == "leader"


def test_a_leader_that_finds_that_another_has_led_meanwhile_begins_another_term(
    server: LeaseServer, leader: Candidate, other: Candidate
) -> None:
    assert other.attempt(100.0 + LEASE_S)
    other.release(116.0)
    assert server.record
    assert server.record.holder == ""
    assert leader.attempt(117.0)
    assert leader.election.terms == 2


def test_a_lease_that_is_given_up_is_taken_at_once(
    server: LeaseServer, leader: Candidate, other: Candidate
) -> None:
    leader.release(101.0)
    assert leader.steps == [Update]
    assert not leader.election.is_leading
    assert other.attempt(101.0)


def test_a_lease_is_given_up_although_somebody_has_written_on_it(server: LeaseServer, leader: Candidate) -> None:
    assert server.record
    server.write(server.record)
    leader.release(101.0)
    assert leader.steps == [Update, Read, Update]
    assert server.record.holder == ""


def test_what_is_given_up_is_our_own_alone(server: LeaseServer, leader: Candidate, other: Candidate) -> None:
    other.attempt(100.0 + LEASE_S)
    leader.release(116.0)
    other.release(116.0)
    other.release(116.0)
    assert server.record
    assert (server.record.holder, server.version) == ("", 3)


def test_a_taking_whose_answer_was_lost_is_found_and_counts_from_when_it_is_written_again(
    server: LeaseServer,
) -> None:
    candidate = Candidate("first", server)
    create = candidate.election.took(server.take(candidate.election.begin(0.0, "now")), 0.0)
    assert isinstance(create, Create)
    server.take(create)
    assert candidate.election.took(Silence("no reply in time"), 8.0) is None
    assert not candidate.election.is_leading
    assert candidate.attempt(9.0)
    assert candidate.steps == [Read, Update]
    assert candidate.election.renewed_at_s == 9.0


class Elections(RuleBasedStateMachine):
    """Requests are sent, carried out and answered each in its own time, or are lost on either way."""

    @initialize(ahead_s=st.floats(-3600, 3600))
    def begin(self, ahead_s: float) -> None:
        self.now_s = 0.0
        self.server = LeaseServer()
        self.candidates = [Candidate("a", self.server), Candidate("b", self.server, ahead_s)]
        self.sent: dict[int, Step] = {}
        self.carried_out: dict[int, Answer] = {}
        self.late: list[Step] = []

    @rule(seconds=st.floats(0, 20))
    def passes(self, seconds: float) -> None:
        self.now_s += seconds

    @rule(which=st.integers(0, 1))
    def proceeds(self, which: int) -> None:
        election = self.candidates[which].election
        if which in self.carried_out:
            step = election.took(self.carried_out.pop(which), self.now_s)
            if step is not None:
                self.sent[which] = step
        elif which in self.sent:
            self.carried_out[which] = self.server.take(self.sent.pop(which))
        else:
            self.sent[which] = election.begin(self.now_s, self.candidates[which].stamp(self.now_s))

    @rule(which=st.integers(0, 1))
    def attempts(self, which: int) -> None:
        if which not in self.sent and which not in self.carried_out:
            self.candidates[which].attempt(self.now_s)

    @rule(which=st.integers(0, 1))
    def is_not_answered(self, which: int) -> None:
        if which in self.sent or which in self.carried_out:
            self.late += [step for step in [self.sent.pop(which, None)] if step]
            self.carried_out.pop(which, None)
            assert self.candidates[which].election.took(Silence("no reply in time"), self.now_s) is None

    @precondition(lambda self: self.late)
    @rule()
    def is_carried_out_late(self) -> None:
        self.server.take(self.late.pop())

    @rule(which=st.integers(0, 1))
    def ends_orderly(self, which: int) -> None:
        # A newcomer takes a Lease that is missing for one that never was: a named limit.
        if self.server.record and which not in self.sent and which not in self.carried_out:
            self.candidates[which].release(self.now_s)
            self.candidates[which] = Candidate(f"{self.candidates[which].name}'", self.server)

    @precondition(lambda self: all(each.election.seen for each in self.candidates))
    @precondition(lambda self: not (self.sent or self.carried_out or self.late))
    # Deleted again before all have seen that it was made again: a named limit.
    @precondition(lambda self: all(each.election._absent_since_s is None for each in self.candidates))
    @rule()
    def is_deleted(self) -> None:
        self.server.delete()

    @invariant()
    def at_most_one_does_what_only_one_may(self) -> None:
        assert sum(each.is_valid(self.now_s) for each in self.candidates) <= 1


Elections.TestCase.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
TestElections = Elections.TestCase
