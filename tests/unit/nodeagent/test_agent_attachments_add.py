"""The course of an ADD: literal events in, literal commands out."""

from __future__ import annotations

from dataclasses import replace

from agent_builders import (
    ASK,
    ASKED,
    DROP,
    GRANTED,
    GRANTED_FROM_JOURNAL,
    HELD,
    MAC,
    NOW_S,
    READ_MAC,
    REPLY,
    Machine,
    a_declined,
    a_del,
    a_record,
    an_add,
    an_allocate,
    an_allocated,
)
from request_builders import C1, PODS

from nodeagent import errors
from nodeagent.adding import ADD_ANSWER_S, CONNECTION_WAIT_S
from nodeagent.commands import Die, Note, Persist, Reply, Transmit
from nodeagent.domain.attachment import Network
from nodeagent.domain.outcomes import Done, Failure
from nodeagent.events import (
    Delivered,
    HungUp,
    LinkLost,
    LinkRaised,
    MacRead,
    MacUnread,
    Persisted,
    PersistFailed,
    ReleaseConfirmed,
    Ticked,
)
from nodeagent.journal_records import State

OTHER = Network("pods", subnet="10.99.0.0/16")


def test_an_add_reads_the_mac_then_journals_then_asks_then_journals_then_answers() -> None:
    machine = Machine()

    assert machine.handle(an_add()) == [READ_MAC]
    assert machine.handle(MacRead(NOW_S, 1, MAC)) == [ASKED]
    assert machine.handle(Persisted(NOW_S, 1)) == [ASK]
    assert machine.handle(an_allocated()) == [HELD]
    assert machine.handle(Persisted(NOW_S, 2)) == [REPLY]


def test_an_interface_without_a_mac_is_asked_for_without_one() -> None:
    machine = Machine()
    machine.handle(an_add())

    assert machine.handle(MacRead(NOW_S, 1, None)) == [Persist(1, a_record(mac=None))]
    assert machine.handle(Persisted(NOW_S, 1)) == [Transmit(an_allocate(mac=None))]


def test_an_unreadable_namespace_fails_the_add_before_anything_is_asked() -> None:
    machine = Machine()
    machine.handle(an_add())
    failure = Failure.of(errors.NotANamespace())

    assert machine.handle(MacUnread(NOW_S, 1, failure)) == [Reply(1, failure)]
    assert machine.machine.count_by_state()["asked"] == 0


def test_a_repeated_add_of_a_held_attachment_is_answered_at_once_from_the_journal() -> None:
    machine = Machine().held()

    assert machine.handle(an_add(2)) == [Reply(2, GRANTED_FROM_JOURNAL)]


def test_a_second_add_joins_the_first_and_both_get_the_same_answer() -> None:
    machine = Machine().sent()

    assert machine.handle(an_add(2)) == []
    assert machine.handle(an_allocated()) == [HELD]
    assert machine.handle(Persisted(NOW_S, 2)) == [REPLY, Reply(2, GRANTED)]


def test_an_add_with_another_subnet_is_refused_while_held_asked_or_in_flight() -> None:
    failure = Failure.of(errors.AttachmentDiffers(asked=OTHER, has=PODS))

    for machine in (Machine().held(), Machine().sent(), Machine(a_record(State.ASKED))):
        assert machine.handle(an_add(2, network=OTHER)) == [Reply(2, failure)]


def test_after_a_del_another_subnet_is_fine() -> None:
    machine = Machine(a_record(State.RELEASED))

    assert machine.handle(an_add(2, network=OTHER)) != []
    assert machine.machine.is_quiet() is False


def test_an_add_while_not_connected_waits_then_fails_naming_why() -> None:
    machine = Machine(connected=False)
    machine.handle(LinkLost(NOW_S, "tcp://c:1 accepts no connection"))
    machine.handle(an_add())
    assert machine.handle(MacRead(NOW_S, 1, MAC)) == []
    assert machine.handle(Ticked(NOW_S + CONNECTION_WAIT_S - 1)) == []

    failure = Failure.of(errors.CoordinatorNotConnected(cause="tcp://c:1 accepts no connection"))
    assert machine.handle(Ticked(NOW_S + CONNECTION_WAIT_S)) == [Reply(1, failure)]
    assert machine.handle(LinkRaised(NOW_S + 30)) == []


def test_an_add_that_waits_for_a_connection_goes_on_when_there_is_one() -> None:
    machine = Machine(connected=False)
    machine.handle(an_add())
    machine.handle(MacRead(NOW_S, 1, MAC))

    assert machine.handle(LinkRaised(NOW_S)) == [ASKED]


def test_what_a_lost_connection_left_unanswered_is_journaled_as_another_attempt_before_it_is_sent() -> None:
    machine = Machine().sent()
    machine.handle(LinkLost(NOW_S + 1, "gone"))

    again = a_record(attempt=2, unanswered_ask_ms=1_002_000)
    assert machine.handle(LinkRaised(NOW_S + 2)) == [Persist(2, again)]
    ask = an_allocate(attempt=2, first_sent_ms_ago=2000, budget_ms=53_000)
    assert machine.handle(Persisted(NOW_S + 2, 2)) == [Transmit(ask)]


def test_an_unanswered_add_is_given_up_in_time_and_stays_asked() -> None:
    machine = Machine().sent()

    assert machine.handle(Ticked(NOW_S + ADD_ANSWER_S)) == [Reply(1, Failure.of(errors.CoordinatorSilent()))]
    assert machine.machine.count_by_state()["asked"] == 1


def test_an_answer_after_the_time_is_kept_unclaimed_and_claimed_by_the_next_add() -> None:
    machine = Machine().sent()
    machine.handle(Ticked(NOW_S + ADD_ANSWER_S))

    unclaimed = a_record(State.HELD, unclaimed_ms=1_060_000)
    assert machine.handle(an_allocated(now_s=NOW_S + 60)) == [Persist(2, unclaimed)]
    machine.handle(Persisted(NOW_S + 60, 2))
    assert machine.handle(an_add(2, now_s=NOW_S + 61)) == [Persist(3, a_record(State.HELD))]
    assert machine.handle(Persisted(NOW_S + 61, 3)) == [Reply(2, GRANTED_FROM_JOURNAL)]


def test_a_repeated_add_of_an_asked_attachment_is_a_resend_with_the_same_seq() -> None:
    machine = Machine(a_record(State.ASKED))
    machine.handle(an_add(2))

    again = a_record(attempt=2, request_id="r-2")
    assert machine.handle(MacRead(NOW_S, 2, MAC)) == [Persist(1, again)]
    assert machine.handle(Persisted(NOW_S, 1)) == [Transmit(an_allocate(id="r-2", attempt=2))]


def test_a_declined_add_fails_with_the_coordinators_words() -> None:
    machine = Machine().sent()

    assert machine.handle(a_declined()) == [Reply(1, Failure(11, "exhausted", "Wait for releases"))]
    assert machine.machine.count_by_state()["asked"] == 1


def test_a_plugin_that_hangs_up_before_anything_was_asked_leaves_nothing() -> None:
    machine = Machine()
    machine.handle(an_add())

    assert machine.handle(HungUp(NOW_S, 1)) == []
    assert machine.handle(MacRead(NOW_S, 1, MAC)) == []
    assert sum(machine.machine.count_by_state().values()) == 0


def test_a_plugin_that_hangs_up_after_the_ask_leaves_it_unclaimed_until_it_is_released() -> None:
    machine = Machine().sent()
    machine.handle(HungUp(NOW_S, 1))
    machine.handle(Ticked(NOW_S + 599))

    commands = machine.handle(Ticked(NOW_S + 600))

    assert [type(command) for command in commands] == [Note, Persist]
    record = commands[1].record  # type: ignore[attr-defined]
    assert (record.state, record.reason, record.seq) == (State.RELEASING, "unclaimed", 2)
    assert record.unanswered_ask_ms == int(NOW_S * 1000)


def test_one_of_two_waiting_plugins_may_hang_up() -> None:
    machine = Machine().sent()
    machine.handle(an_add(2))
    machine.handle(HungUp(NOW_S, 1))
    machine.handle(an_allocated())

    assert machine.handle(Persisted(NOW_S, 2)) == [Reply(2, GRANTED)]


def test_a_plugin_killed_before_it_read_its_answer_leaves_it_unclaimed_durably() -> None:
    machine = Machine().held()

    assert machine.handle(HungUp(NOW_S + 1, 1)) == [Persist(3, a_record(State.HELD, unclaimed_ms=1_001_000))]


def test_a_plugin_that_read_its_answer_may_go() -> None:
    machine = Machine().held()
    machine.handle(Delivered(NOW_S, 1))

    assert machine.handle(HungUp(NOW_S, 1)) == []


def test_a_repeated_add_that_dies_unread_takes_nothing_from_whoever_has_the_attachment() -> None:
    machine = Machine().held()
    machine.handle(Delivered(NOW_S, 1))
    machine.handle(an_add(2))

    assert machine.handle(HungUp(NOW_S, 2)) == []

    restarted = Machine(a_record(State.HELD))
    restarted.handle(an_add(2))
    assert restarted.handle(HungUp(NOW_S, 2)) == []


def test_of_two_answered_plugins_one_that_reads_is_enough_in_either_order() -> None:
    machine = Machine().held()
    machine.handle(an_add(2))

    assert machine.handle(HungUp(NOW_S, 1)) == []
    assert machine.handle(Delivered(NOW_S, 2)) == []
    machine.handle(an_add(3))
    assert machine.handle(HungUp(NOW_S, 3)) == []


def test_when_the_last_of_several_answered_plugins_dies_unread_the_attachment_is_unclaimed() -> None:
    machine = Machine().held()
    machine.handle(an_add(2))
    machine.handle(HungUp(NOW_S, 2))

    assert machine.handle(HungUp(NOW_S, 1)) == [Persist(3, a_record(State.HELD, unclaimed_ms=1_000_000))]


def test_an_add_behind_a_del_waits_until_the_del_is_durable() -> None:
    machine = Machine().held()
    machine.handle(a_del())

    assert machine.handle(an_add(2)) == []
    commands = machine.handle(Persisted(NOW_S, 3))
    assert commands[0] == Reply(9, Done())
    assert commands[-1] == replace(READ_MAC, caller=2)


def test_an_add_after_a_del_supersedes_the_release_and_has_the_coordinator_look_first() -> None:
    machine = Machine(a_record(State.RELEASING))
    machine.handle(an_add(2))

    asked = a_record(seq=3, attempt=2, request_id="r-2", released_ms=a_record(State.RELEASING).since_ms)
    assert machine.handle(MacRead(NOW_S, 2, MAC)) == [DROP, Persist(1, asked)]


def test_a_late_confirmation_of_a_superseded_release_changes_nothing() -> None:
    machine = Machine(a_record(State.RELEASING))
    machine.handle(an_add(2))
    machine.handle(MacRead(NOW_S, 2, MAC))

    assert machine.handle(ReleaseConfirmed(NOW_S, C1, 2)) == []


def test_an_answer_with_another_seq_is_ignored() -> None:
    machine = Machine().sent()

    assert [type(command) for command in machine.handle(an_allocated(seq=7))] == [Note]


def test_a_failed_journal_fails_what_waits_and_everything_after_it() -> None:
    machine = Machine().sent()
    failure = Failure.of(errors.JournalUnwritable(path="/j", cause="disk full"))

    assert machine.handle(PersistFailed(NOW_S, "/j", "disk full")) == [
        Reply(1, failure),
        Die("the journal /j cannot be written: disk full"),
    ]
    assert machine.handle(an_add(2)) == [Reply(2, failure)]
