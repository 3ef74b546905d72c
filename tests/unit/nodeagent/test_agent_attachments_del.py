"""The course of a release: literal events in, literal commands out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from agent_builders import BOOT, MAC, NOW_S, Machine, a_check, a_declined, a_del, a_record, an_add, an_allocated
from request_builders import C1

from nodeagent import errors
from nodeagent.commands import Forget, Note, Persist, RememberReached, Reply, StartRelease
from nodeagent.domain.attachment import Network
from nodeagent.domain.outcomes import Done, Failure, NotDurable
from nodeagent.events import (
    Answered,
    LinkLost,
    LinkRaised,
    MacRead,
    Persisted,
    PersistFailed,
    ReleaseConfirmed,
    StatusAsked,
    Ticked,
)
from nodeagent.journal_records import Record, State
from protocol.messages import ReleaseReason

RELEASING = a_record(State.RELEASING)


def test_a_del_is_answered_when_its_release_is_durable_not_later() -> None:
    machine = Machine().held()

    assert machine.handle(a_del()) == [Persist(3, RELEASING)]
    assert machine.handle(Persisted(NOW_S, 3)) == [Reply(9, Done()), StartRelease(RELEASING)]


@pytest.mark.parametrize(
    ("reached", "served", "unanswered_ask_ms"),
    [(True, True, None), (False, False, None), (False, True, 1_000_000)],
)
def test_a_del_of_something_unknown_tells_the_coordinator_whether_the_journal_before_is_lost(
    reached: bool, served: bool, unanswered_ask_ms: int | None
) -> None:
    unknown = Record(
        attachment=C1,
        state=State.RELEASING,
        seq=1,
        attempt=1,
        since_ms=1_000_000,
        boot_id=BOOT,
        request_id="r-9",
        reason=ReleaseReason.DEL,
        unanswered_ask_ms=unanswered_ask_ms,
    )
    machine = Machine(reached=reached, served=served)

    assert machine.handle(a_del()) == [Persist(1, unknown)]
    assert machine.handle(Persisted(NOW_S, 1)) == [Reply(9, Done()), StartRelease(unknown)]


def test_a_repeated_del_is_answered_at_once_without_another_release() -> None:
    for state in (State.RELEASING, State.RELEASED):
        assert Machine(a_record(state)).handle(a_del(8)) == [Reply(8, Done())]


def test_a_second_del_joins_one_that_is_not_durable_yet() -> None:
    machine = Machine().held()
    machine.handle(a_del(8))

    assert machine.handle(a_del(9)) == []
    assert machine.handle(Persisted(NOW_S, 3))[:2] == [Reply(8, Done()), Reply(9, Done())]


def test_a_del_withdraws_the_add_in_flight_and_tells_of_the_unanswered_ask() -> None:
    machine = Machine().sent()

    releasing = replace(
        RELEASING,
        view=None,
        subnet=None,
        addresses=(),
        reason=ReleaseReason.WITHDRAWN,
        unanswered_ask_ms=1_000_000,
    )
    assert machine.handle(a_del()) == [
        Reply(1, Failure.of(errors.WithdrawnByDelete())),
        Persist(2, releasing),
    ]
    assert [type(command) for command in machine.handle(an_allocated())] == [Note]


def test_a_del_overtakes_an_add_whose_ask_is_not_durable_yet() -> None:
    machine = Machine()
    machine.handle(an_add())
    machine.handle(MacRead(NOW_S, 1, MAC))
    machine.handle(a_del())

    assert machine.handle(Persisted(NOW_S, 1)) == []
    assert [type(command) for command in machine.handle(Persisted(NOW_S, 2))] == [Reply, StartRelease]


def test_a_del_overtakes_an_add_that_was_just_allocated() -> None:
    machine = Machine().sent()
    machine.handle(an_allocated())
    machine.handle(a_del())

    assert machine.handle(Persisted(NOW_S, 2)) == []


def test_a_confirmed_release_leaves_a_tombstone_for_ten_minutes() -> None:
    machine = Machine(RELEASING)
    tombstone = a_record(State.RELEASED, attempt=2, released_ms=RELEASING.since_ms)

    commands = machine.handle(ReleaseConfirmed(NOW_S, C1, 2))
    assert commands[0] == Persist(1, tombstone)
    machine.handle(Persisted(NOW_S, 1))
    assert machine.handle(Ticked(NOW_S + 599)) == []
    assert machine.handle(Ticked(NOW_S + 600)) == [Forget(C1)]


def test_a_confirmation_of_another_seq_is_ignored() -> None:
    assert Machine(RELEASING).handle(ReleaseConfirmed(NOW_S, C1, 1)) == []


def test_a_del_that_cannot_be_made_durable_is_left_to_the_plugin() -> None:
    machine = Machine().held()
    machine.handle(a_del(8))

    assert machine.handle(PersistFailed(NOW_S, "/j", "disk full"))[0] == Reply(8, NotDurable())
    assert machine.handle(a_del(9)) == [Reply(9, NotDurable())]


def test_after_a_restart_releases_are_taken_up_and_asked_attachments_are_unclaimed() -> None:
    machine = Machine(RELEASING, connected=False)
    assert machine.started == [StartRelease(replace(RELEASING, attempt=2))]

    machine = Machine(a_record(State.ASKED))
    assert machine.started == machine.raised == []
    commands = machine.handle(Ticked(NOW_S + 600))
    assert [type(command) for command in commands] == [Note, Persist]


def test_attachments_of_an_earlier_boot_are_released_without_a_del() -> None:
    machine = Machine(a_record(State.HELD, boot_id="boot-0"), last_seq=5)

    releasing = a_record(State.RELEASING, seq=6, request_id="r-boot-1", reason=ReleaseReason.BOOT)
    assert [type(command) for command in machine.started] == [Note, Persist]
    assert machine.started[1] == Persist(1, releasing)
    assert machine.handle(Persisted(NOW_S, 1)) == [StartRelease(releasing)]


def test_a_release_that_an_earlier_boot_has_sent_counts_as_sent_before() -> None:
    machine = Machine(a_record(State.RELEASING, boot_id="boot-0", attempt=1))
    (persist,) = (each for each in machine.started if isinstance(each, Persist))
    assert persist.record.attempt == 2


def test_an_ask_of_an_earlier_boot_is_as_old_as_the_boot() -> None:
    machine = Machine(a_record(State.ASKED, boot_id="boot-0"))

    persist = machine.started[1]
    assert isinstance(persist, Persist)
    assert (persist.record.unanswered_ask_ms, persist.record.boot_id) == (0, BOOT)


def test_a_tombstone_of_an_earlier_boot_is_kept_as_a_deletion_may_still_come() -> None:
    machine = Machine(a_record(State.RELEASED, boot_id="boot-0", released_ms=7_000))
    record = a_record(State.RELEASED, boot_id="boot-1", released_ms=0)
    assert machine.started == [Persist(1, replace(record, since_ms=0))]


def test_check_compares_journal_and_previous_result() -> None:
    machine = Machine().held()

    assert machine.handle(a_check()) == [Reply(7, Done())]
    assert machine.handle(a_check(("10.55.0.2/24",))) == [Reply(7, Done())]
    differs = Failure.of(errors.CheckDiffers(address="10.55.0.2/24"))
    assert machine.handle(a_check(("10.55.0.3/24",))) == [Reply(7, differs)]


def test_check_knows_only_what_is_held_in_that_network() -> None:
    unknown = Failure.of(errors.AttachmentUnknown())
    for machine in (Machine(), Machine().sent(), Machine(RELEASING)):
        assert machine.handle(a_check()) == [Reply(7, unknown)]

    elsewhere = Failure.of(errors.AttachmentUnknown(cause="It belongs to network pods"))
    assert Machine().held().handle(a_check(network=Network("storage"))) == [Reply(7, elsewhere)]


def test_status_fails_until_the_coordinator_was_reached_once_in_this_boot() -> None:
    machine = Machine(connected=False, reached=False)
    failure = Failure.of(errors.CoordinatorNeverReached(cause="no connection was tried yet"))

    assert machine.handle(StatusAsked(NOW_S, 3)) == [Reply(3, failure)]
    assert machine.handle(LinkRaised(NOW_S)) == [RememberReached()]
    machine.handle(LinkLost(NOW_S, "gone"))
    assert machine.handle(StatusAsked(NOW_S, 3)) == [Reply(3, Done())]


def test_status_remembers_over_a_restart() -> None:
    assert Machine(connected=False, reached=True).handle(StatusAsked(NOW_S, 3)) == [Reply(3, Done())]


def test_only_held_attachments_are_listed_in_a_hello() -> None:
    assert [holding.seq for holding in Machine().held().machine.holdings()] == [1]
    assert Machine().sent().machine.holdings() == []
    assert Machine(RELEASING).machine.holdings() == []


@pytest.mark.parametrize(("settled", "unanswered_ms"), [(True, None), (False, 1_000_000)])
def test_a_decline_ends_an_ask_only_where_nothing_of_it_can_come_later(
    settled: bool, unanswered_ms: int | None
) -> None:
    machine = Machine().sent()
    machine.handle(a_declined(settled=settled))

    (persist,) = machine.handle(a_del())

    assert isinstance(persist, Persist)
    assert persist.record.unanswered_ask_ms == unanswered_ms


@pytest.mark.parametrize("answer", [an_allocated(), a_declined()])
def test_the_answer_to_a_repeated_ask_says_nothing_of_the_earlier_one(answer: Answered) -> None:
    machine = Machine().sent()
    machine.handle(LinkLost(NOW_S + 1, "gone"))
    machine.handle(LinkRaised(NOW_S + 2))
    machine.handle(Persisted(NOW_S + 2, 2))
    machine.handle(answer)

    *_, last = (command.record for command in machine.handle(a_del()) if isinstance(command, Persist))

    assert (last.state, last.unanswered_ask_ms) == (State.RELEASING, 1_002_000)
