"""ADD: literal events in, literal effects out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_builders import (
    C1,
    C2,
    LABEL,
    MAC,
    NAMESPACE,
    NOW_S,
    OTHER_NAMESPACE,
    PODS,
    READ_MAC,
    WELCOME,
    Core,
    a_declined,
    a_refill,
    an_add,
    an_allocate,
    an_allocated,
    an_allocation,
    an_id,
    granted,
    never_used,
)

from nodeagent import errors
from nodeagent.attachments.add import ADD_ANSWER_S
from nodeagent.attachments.asks import LET_GO_MAX
from nodeagent.domain.allocation import Attachment, State
from nodeagent.domain.attachment import Network, Want
from nodeagent.domain.effects import LookAtNamespaces, Note, OnceCommitted, ReadMac, Reply
from nodeagent.domain.events import (
    CheckAsked,
    DelAsked,
    Delivered,
    HungUp,
    MacRead,
    MacUnread,
    SessionEnded,
    Ticked,
)
from nodeagent.domain.outcomes import Done, Failure
from nodeagent.journal.contents import Changes
from protocol.wire.messages import Allocate, Unknown

LOOK = LookAtNamespaces(1, (NAMESPACE,))
LOOK_AGAIN = LookAtNamespaces(2, (NAMESPACE,))
READY = an_allocation(1, State.READY)
HELD = an_allocation(100)
OTHER = Network("pods", subnet="10.99.0.0/16")
SILENT = Reply(1, Failure.of(errors.CoordinatorSilent()))


def allocates(effects: list[object]) -> list[Allocate]:
    return [each.message for each in effects if isinstance(getattr(each, "message", None), Allocate)]


def test_an_add_reads_the_mac_then_asks_then_holds_then_answers() -> None:
    core = Core()

    assert core.handle(an_add()) == [READ_MAC, LOOK]
    assert core.handle(MacRead(1, MAC)) == [an_allocate()]
    assert not core.commit()
    assert core.receive(an_allocated()) == [OnceCommitted(1, granted(wapi_calls=1))]
    assert core.commit() == Changes(
        allocations={HELD.id: HELD}, attachments={C1: Attachment(C1, (HELD.id,), NAMESPACE)}
    )
    assert core.machine.is_quiet()


def test_an_add_takes_what_is_ready_at_once_and_reads_the_mac_for_its_label_meanwhile() -> None:
    core = Core(READY, reserve=1)

    effects = core.handle(an_add())

    assert effects[:2] == [READ_MAC, OnceCommitted(1, granted(1))]
    held = replace(an_allocation(1), label=replace(LABEL, mac=None), is_labelled=False)
    assert core.commit().allocations == {held.id: held}
    assert core.machine.incomplete_labels() == {held.id}

    core.handle(MacRead(1, MAC))
    assert core.commit().allocations == {held.id: replace(held, label=LABEL)}
    assert core.machine.incomplete_labels() == set()


@pytest.mark.parametrize("event", [MacRead(1, None), MacUnread(1, Failure.of(errors.NamespaceUnreadable()))])
def test_an_address_from_the_reserve_stands_although_there_is_no_mac(event: MacRead | MacUnread) -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.commit()

    assert core.handle(event) == [a_refill(100)]
    assert not core.commit()
    assert core.machine.incomplete_labels() == set()


def test_what_is_ready_for_another_configuration_is_not_taken() -> None:
    core = Core(replace(READY, network=OTHER), reserve=1)

    core.handle(an_add())

    assert core.handle(MacRead(1, MAC)) == [an_allocate()]


def test_an_unreadable_namespace_fails_the_add_before_anything_is_asked() -> None:
    core = Core()
    core.handle(an_add())
    failure = Failure.of(errors.NotANamespace())

    assert core.handle(MacUnread(1, failure)) == [Reply(1, failure)]
    assert core.machine.is_quiet()


def test_a_repeated_add_gets_the_same_answer_without_a_call() -> None:
    core = Core().held()

    assert core.handle(an_add(2)) == [OnceCommitted(2, granted()), LOOK_AGAIN]
    assert not core.commit()


def test_a_repeated_add_with_another_subnet_is_refused_while_held_and_in_flight() -> None:
    held = Want(PODS, "10.55.0.101")

    for core, has in ((Core().held(), held), (Core().asked(), Want(PODS))):
        failure = Failure.of(errors.AttachmentDiffers(asked=Want(OTHER), has=has))
        assert core.handle(an_add(2, network=OTHER))[0] == Reply(2, failure)
        assert not core.commit()


def test_an_add_in_another_namespace_lets_the_old_address_go_first() -> None:
    core = Core().held()
    core.handle(Delivered(1))

    effects = core.handle(an_add(2, namespace=OTHER_NAMESPACE, network=OTHER))

    assert replace(READ_MAC, caller=2) in effects
    gone = replace(HELD, state=State.LET_GO, let_go_s=NOW_S)
    assert core.commit() == Changes(allocations={HELD.id: gone}, attachments={C1: None})
    (asked,) = allocates(core.handle(MacRead(2, MAC)))
    assert (asked.wants[0].allocation, asked.wants[0].network.subnet) == (an_id(101), OTHER.subnet)


def test_an_add_whose_address_is_lost_gets_a_new_one() -> None:
    core = Core(replace(HELD, state=State.LOST, lost_to="printer"))

    core.handle(an_add())

    assert core.rows.in_state(State.LET_GO)[0].id == HELD.id
    core.commit()
    assert len(allocates(core.handle(MacRead(1, MAC)))) == 1


def test_a_second_add_shares_the_flight_and_both_get_the_same_answer() -> None:
    core = Core().asked()

    assert core.handle(an_add(2)) == []
    assert core.receive(an_allocated()) == [
        OnceCommitted(1, granted(wapi_calls=1)),
        OnceCommitted(2, granted(wapi_calls=1)),
    ]


def test_an_add_in_another_namespace_waits_for_the_one_in_flight_then_takes_its_place() -> None:
    core = Core().asked()

    assert core.handle(an_add(2, namespace=OTHER_NAMESPACE)) == []
    assert core.handle(an_add(3)) == [], "in order: behind the one before it"
    effects = core.receive(an_allocated())

    assert effects[0] == OnceCommitted(1, granted(wapi_calls=1))
    assert replace(READ_MAC, caller=2) in effects
    core.commit()
    (asked,) = allocates(core.handle(MacRead(2, MAC)))
    core.commit()
    effects = core.receive(an_allocated(int(asked.wants[0].allocation[-12:], 16)))
    assert [each.caller for each in effects if isinstance(each, OnceCommitted)] == [2]
    assert replace(READ_MAC, caller=3) in effects


def test_a_check_waits_for_the_add_in_flight() -> None:
    core = Core().asked()

    assert core.handle(CheckAsked(7, C1, "pods")) == []
    assert core.receive(an_allocated())[-1] == Reply(7, Done())


def test_adds_of_different_attachments_do_not_wait_for_each_other() -> None:
    core = Core().asked()

    core.handle(an_add(2, C2))

    assert len(allocates(core.handle(MacRead(2, None)))) == 1


def test_an_add_while_there_is_no_session_waits_for_its_whole_time_then_fails_naming_why() -> None:
    core = Core(is_connected=False)
    core.handle(SessionEnded("tcp://c:1 accepts no connection"))
    core.handle(an_add())
    assert core.handle(MacRead(1, MAC)) == []
    assert Reply not in map(type, core.handle(Ticked(), NOW_S + ADD_ANSWER_S - 1))

    failure = Failure.of(errors.CoordinatorNotConnected(cause="tcp://c:1 accepts no connection"))
    assert Reply(1, failure) in core.handle(Ticked(), NOW_S + ADD_ANSWER_S)


def test_an_ask_ends_with_its_session_and_the_next_one_has_another_id() -> None:
    core = Core().asked()

    assert core.handle(SessionEnded("gone"), NOW_S + 1) == []
    assert core.handle(WELCOME, NOW_S + 2) == [an_allocate(101, budget_ms=53_000)]
    assert core.receive(an_allocated(100)) == never_used(100, draw=102), "what the old ask made is let go"
    assert core.receive(an_allocated(101))[0] == OnceCommitted(1, granted(101, wapi_calls=1))


def test_an_outcome_that_cannot_be_known_is_let_go_and_asked_anew() -> None:
    core = Core().asked()

    effects = core.receive(Unknown(id="r-1", allocation=an_id(100), family=4), NOW_S + 1)

    assert effects == [*never_used(100, draw=101), an_allocate(102, budget_ms=54_000)]
    assert core.receive(an_allocated(100)) == never_used(100, draw=103)


def test_an_unanswered_add_is_given_up_in_time_and_its_ask_is_withdrawn() -> None:
    core = Core().asked()

    effects = core.handle(Ticked(), NOW_S + ADD_ANSWER_S)

    assert effects[:2] == [SILENT, *never_used(100, draw=101)]
    assert core.machine.is_quiet()
    assert core.receive(an_allocated()) == never_used(100, draw=102)
    assert not core.commit()


def test_of_two_waiters_the_later_one_still_gets_the_answer() -> None:
    core = Core().asked()
    core.handle(an_add(2), NOW_S + 30)

    assert core.handle(Ticked(), NOW_S + ADD_ANSWER_S)[0] == SILENT
    assert core.receive(an_allocated()) == [OnceCommitted(2, granted(wapi_calls=1))]


def test_what_waits_behind_an_add_is_answered_in_time_too() -> None:
    core = Core().asked()
    core.handle(an_add(2, namespace=OTHER_NAMESPACE), NOW_S + 1)
    core.handle(an_add(3), NOW_S + 2)
    core.handle(an_add(4, namespace=OTHER_NAMESPACE), NOW_S + 2)

    effects = core.handle(Ticked(), NOW_S + ADD_ANSWER_S + 1)

    assert {each.caller for each in effects if isinstance(each, Reply)} == {1, 2}
    assert [each.caller for each in effects if isinstance(each, ReadMac)] == [3]


def test_a_declined_add_fails_with_the_coordinators_words() -> None:
    core = Core().asked()

    assert core.receive(a_declined()) == [Reply(1, Failure(11, "exhausted", "Wait for releases"))]
    assert core.machine.is_quiet()


def test_an_ask_that_the_coordinator_cannot_read_fails_although_it_names_the_message_alone() -> None:
    core = Core().asked()

    assert core.receive(a_declined(None, id="r-9")) == []
    assert core.receive(a_declined(None))[0] == Reply(1, Failure(11, "exhausted", "Wait for releases"))


def test_a_plugin_that_hangs_up_before_the_ask_leaves_nothing() -> None:
    core = Core()
    core.handle(an_add())

    assert core.handle(HungUp(1)) == []
    assert core.handle(MacRead(1, MAC)) == []
    assert core.machine.is_quiet()


def test_a_plugin_that_hangs_up_after_the_ask_has_it_withdrawn() -> None:
    core = Core().asked()

    assert core.handle(HungUp(1)) == never_used(100, draw=101)


def test_one_of_two_waiting_plugins_may_hang_up() -> None:
    core = Core().asked()
    core.handle(an_add(2))
    core.handle(HungUp(1))

    assert core.receive(an_allocated()) == [OnceCommitted(2, granted(wapi_calls=1))]


def test_a_plugin_that_waits_behind_another_may_hang_up() -> None:
    core = Core().asked()
    core.handle(an_add(2, namespace=OTHER_NAMESPACE))
    core.handle(HungUp(2))

    assert core.receive(an_allocated()) == [OnceCommitted(1, granted(wapi_calls=1))]
    assert core.machine.is_quiet()


def is_let_go(core: Core, number: int = 100) -> bool:
    return core.rows.allocations[an_id(number)].state is State.LET_GO


@pytest.mark.parametrize("ready", [(), (an_allocation(100, State.READY),)], ids=["own ask", "from the reserve"])
def test_what_no_plugin_has_read_is_let_go(ready: tuple[object, ...]) -> None:
    core = Core(*ready, reserve=1) if ready else Core().held()  # type: ignore[arg-type]
    if ready:
        core.handle(an_add())
        core.handle(MacRead(1, None))
        core.commit()

    (note,) = core.handle(HungUp(1), NOW_S + 1)

    assert isinstance(note, Note)
    assert note.fields["why"] == "answer_unread"
    assert is_let_go(core)
    assert core.rows.allocations[an_id(100)].was_held


def test_a_plugin_that_read_its_answer_may_go() -> None:
    core = Core().held()
    core.handle(Delivered(1))

    assert core.handle(HungUp(1)) == []
    assert not is_let_go(core)


def test_a_repeated_add_that_dies_unread_takes_nothing_from_whoever_has_the_attachment() -> None:
    core = Core().held()
    core.handle(Delivered(1))
    core.handle(an_add(2))
    assert core.handle(HungUp(2)) == []

    restarted = Core(HELD)
    restarted.handle(an_add(2))
    assert restarted.handle(HungUp(2)) == []
    assert not is_let_go(restarted)


def test_of_two_answered_plugins_one_that_reads_is_enough_in_either_order() -> None:
    for first, second in ((HungUp(1), Delivered(2)), (Delivered(2), HungUp(1))):
        core = Core().held()
        core.handle(an_add(2))
        core.handle(first)
        core.handle(second)
        core.handle(an_add(3))
        core.handle(HungUp(3))
        assert not is_let_go(core)


def test_when_the_last_of_several_answered_plugins_dies_unread_the_address_is_let_go() -> None:
    core = Core().held()
    core.handle(an_add(2))
    core.handle(HungUp(2))
    assert not is_let_go(core)

    core.handle(HungUp(1))
    assert is_let_go(core)


def test_an_add_behind_a_del_gets_another_address() -> None:
    core = Core().held()
    core.handle(DelAsked(9, C1))

    assert replace(READ_MAC, caller=2) in core.handle(an_add(2))
    core.commit()
    (asked,) = allocates(core.handle(MacRead(2, MAC)))
    assert asked.wants[0].allocation == an_id(101)


def test_at_the_limit_nothing_is_asked_for_but_what_is_ready_is_given() -> None:
    failure = Failure.of(errors.AllocationsAtLimit(limit=2))
    core = Core(an_allocation(1), READY_TWO, allocations_max=2, reserve=1)

    core.handle(an_add(1, C2))
    assert core.rows.of(C2)[0].id == READY_TWO.id
    core.commit()
    core.handle(an_add(2, replace(C2, ifname="net1")))
    assert Reply(2, failure) in core.handle(MacRead(2, MAC))


READY_TWO = an_allocation(2, State.READY)


def test_asks_under_way_count_for_the_limit() -> None:
    core = Core(allocations_max=1).asked()
    core.handle(an_add(2, C2))

    assert core.handle(MacRead(2, MAC)) == [Reply(2, Failure.of(errors.AllocationsAtLimit(limit=1)))]


def test_while_too_much_waits_for_its_release_nothing_is_asked_for() -> None:
    waiting = [an_allocation(1, State.LET_GO, id=an_id(number)) for number in range(1000, 1000 + LET_GO_MAX)]
    core = Core(*waiting)
    core.handle(an_add())

    assert core.handle(MacRead(1, MAC)) == [Reply(1, Failure.of(errors.LettingGoBehind(limit=LET_GO_MAX)))]
    core.rows.forget(waiting[0].id)
    core.handle(an_add(2))
    assert len(allocates(core.handle(MacRead(2, MAC)))) == 1


def test_an_answer_that_cannot_be_recorded_is_not_given_and_its_allocation_is_let_go() -> None:
    core = Core().asked()
    core.receive(an_allocated())

    assert core.drop() == never_used(100, draw=101)
    assert core.machine.is_quiet()
    assert core.handle(HungUp(1)) == core.handle(Delivered(1)) == []
    core.handle(an_add(2))
    assert allocates(core.handle(MacRead(2, MAC)))[0].wants[0].allocation == an_id(102)


def test_what_could_not_be_given_from_the_reserve_is_ready_for_the_next_with_its_own_label() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.drop()
    core.handle(an_add(2, C2))
    core.commit()

    core.handle(MacRead(1, "02:00:00:00:00:99"))
    core.handle(HungUp(1))

    (row,) = core.rows.of(C2)
    assert (row.id, row.state, row.label and row.label.mac) == (READY.id, State.HELD, None)
    assert core.machine.incomplete_labels() == {READY.id}


def test_a_flight_whose_letting_go_cannot_be_recorded_fails_and_the_old_address_stays() -> None:
    core = Core().held()
    core.handle(Delivered(1))
    core.handle(an_add(2, namespace=OTHER_NAMESPACE))

    failure = Failure.of(errors.JournalUnwritable(path="/j", cause="full"))
    assert core.drop() == [Reply(2, failure)]
    assert core.handle(MacRead(2, MAC)) == []
    assert core.rows.of(C1) == [HELD]


def test_what_no_plugin_has_read_is_let_go_as_soon_as_that_can_be_recorded() -> None:
    core = Core().held()
    core.handle(HungUp(1))
    core.drop()
    core.handle(DelAsked(9, C2))
    core.commit()
    assert not is_let_go(core)

    core.handle(Ticked(), NOW_S + 1)
    assert is_let_go(core)
    core.commit()
    assert core.handle(Ticked(), NOW_S + 2) == []


def test_an_add_that_comes_before_that_gets_the_same_answer_and_has_to_read_it() -> None:
    for end, state in ((Delivered(2), State.HELD), (HungUp(2), State.LET_GO)):
        core = Core().held()
        core.handle(HungUp(1))
        core.drop()

        assert core.handle(an_add(2))[0] == OnceCommitted(2, granted())
        core.handle(Ticked(), NOW_S + 1)
        core.commit()
        core.handle(end)
        assert core.rows.allocations[an_id(100)].state is state


def test_where_that_answer_cannot_be_given_either_it_is_still_let_go() -> None:
    core = Core().held()
    core.handle(HungUp(1))
    core.drop()
    core.handle(an_add(2))
    core.drop()

    core.handle(Ticked(), NOW_S + 1)
    assert is_let_go(core)


def test_a_ready_address_that_was_nearly_given_to_a_plugin_that_died_stays_with_the_next_that_gets_it() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.handle(HungUp(1))
    core.drop()

    core.handle(an_add(2, C2))
    core.commit()
    core.handle(Ticked(), NOW_S + 1)

    assert [(row.id, row.state) for row in core.rows.of(C2)] == [(READY.id, State.HELD)]


def test_who_repeats_an_add_is_served_though_the_first_plugin_took_its_namespace_along() -> None:
    core = Core()
    core.handle(an_add(1))
    core.handle(an_add(2))
    core.handle(HungUp(1))
    core.commit()

    assert core.handle(MacUnread(1, NOT_A_NAMESPACE)) == [ReadMac(2, "eth0")]
    assert core.handle(MacRead(2, MAC)) == [an_allocate(caller=2)]
    assert core.receive(an_allocated(id="r-2"))[-1] == OnceCommitted(2, granted(wapi_calls=1))


def test_a_namespace_that_nobody_can_read_fails_all_who_wait() -> None:
    core = Core()
    core.handle(an_add(1))
    core.handle(an_add(2))
    core.handle(HungUp(1))
    core.handle(MacUnread(1, NOT_A_NAMESPACE))

    assert core.handle(MacUnread(2, NOT_A_NAMESPACE)) == [Reply(2, NOT_A_NAMESPACE)]


def test_a_mac_that_was_read_while_the_journal_could_not_be_written_is_written_later() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.commit()
    core.handle(MacRead(1, MAC))
    core.drop()
    core.commit()
    assert core.machine.incomplete_labels() == {READY.id}

    core.handle(Ticked(), NOW_S + 1)

    assert core.rows.allocations[READY.id].label == LABEL
    core.commit()
    assert core.machine.incomplete_labels() == set()


def test_a_mac_that_was_read_for_what_was_let_go_meanwhile_is_forgotten() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.commit()
    core.handle(MacRead(1, MAC))
    core.drop()
    core.handle(DelAsked(9, C1))
    core.commit()

    assert core.machine.incomplete_labels() == set()


NOT_A_NAMESPACE = Failure.of(errors.NotANamespace(cause="Its descriptor is gone"))
