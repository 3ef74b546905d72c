"""DEL, CHECK and STATUS: literal events in, literal effects out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from core_builders import (
    C1,
    C2,
    LABEL,
    MAC,
    NOW_S,
    OTHER_NAMESPACE,
    UNNAMED,
    Core,
    an_add,
    an_allocated,
    an_allocation,
    an_id,
    never_used,
)

from nodeagent import errors
from nodeagent.domain.allocation import State
from nodeagent.domain.effects import OnceCommitted, Reply
from nodeagent.domain.events import CheckAsked, DelAsked, MacRead, SessionEnded, StatusAsked
from nodeagent.domain.outcomes import Done, Failure, NotDurable
from nodeagent.journal.contents import Changes

HELD = an_allocation(1)
ADOPTED = an_allocation(2, State.ADOPTED, id=an_id(2, "0b0b0b0b"))
DELETED = OnceCommitted(9, Done(), NotDurable())
WITHDRAWN = Failure.of(errors.WithdrawnByDelete())


def test_a_del_is_answered_when_it_is_in_the_journal_that_the_address_is_let_go() -> None:
    core = Core(HELD)

    assert core.handle(DelAsked(9, C1)) == [DELETED]
    assert core.commit() == Changes(
        allocations={HELD.id: replace(HELD, state=State.LET_GO, let_go_s=NOW_S)},
        attachments={C1: None},
        deletes={C1: 1},
    )


def test_a_repeated_del_and_one_of_something_unknown_succeed() -> None:
    core = Core(HELD)
    core.handle(DelAsked(1, C1))
    core.commit()

    assert core.handle(DelAsked(9, C1), NOW_S + 5) == [DELETED]
    assert not core.commit()
    assert core.handle(DelAsked(9, C2)) == [DELETED]
    assert core.commit() == Changes(deletes={C2: 2})


def test_a_del_lets_adopted_and_lost_addresses_of_the_attachment_go_as_well() -> None:
    core = Core(HELD, ADOPTED, an_allocation(3, State.LOST), an_allocation(4, label=replace(LABEL, attachment=C2)))

    core.handle(DelAsked(9, C1))

    assert {row.id for row in core.rows.in_state(State.LET_GO)} == {HELD.id, ADOPTED.id, an_id(3)}
    assert core.commit().adopted_let_go == {ADOPTED.id: ADOPTED.id}


def test_a_del_of_one_interface_leaves_the_other() -> None:
    net1 = replace(C1, ifname="net1")
    core = Core(HELD, an_allocation(2, label=replace(LABEL, attachment=net1)))

    core.handle(DelAsked(9, net1))

    assert core.rows.of(C1) == [HELD]


def test_a_del_withdraws_the_add_in_flight_whatever_comes_of_its_ask() -> None:
    core = Core().asked()

    assert core.handle(DelAsked(9, C1)) == [Reply(1, WITHDRAWN), *never_used(100, draw=101), DELETED]
    core.commit()
    assert core.receive(an_allocated()) == never_used(100, draw=102)
    assert not core.commit()


def test_a_del_withdraws_an_add_before_its_ask() -> None:
    core = Core()
    core.handle(an_add())

    assert core.handle(DelAsked(9, C1)) == [Reply(1, WITHDRAWN), DELETED]
    assert core.handle(MacRead(1, MAC)) == []


def test_a_del_withdraws_what_waits_behind_the_add_and_lets_a_check_go_on() -> None:
    core = Core().asked()
    core.handle(an_add(2, namespace=OTHER_NAMESPACE))
    core.handle(CheckAsked(3, C1, "pods"))

    effects = core.handle(DelAsked(9, C1))

    assert [each for each in effects if isinstance(each, Reply)] == [
        Reply(1, WITHDRAWN),
        Reply(2, WITHDRAWN),
        Reply(3, Failure.of(errors.AttachmentUnknown())),
    ]
    assert core.machine.is_quiet()


def test_a_del_that_cannot_be_recorded_leaves_all_as_it_was() -> None:
    core = Core(HELD)
    core.handle(DelAsked(9, C1))

    assert core.drop() == []
    assert core.rows.of(C1) == [HELD]
    assert C1 not in core.rows.deletes


def test_check_compares_journal_and_previous_result() -> None:
    core = Core(HELD)

    for previous in (None, ("10.55.0.2/24",), ("10.55.0.2/24", "fd00::2/64")):
        assert core.handle(CheckAsked(7, C1, "pods", previous)) == [Reply(7, Done())]
    differs = Failure.of(errors.CheckDiffers(address="10.55.0.2/24"))
    assert core.handle(CheckAsked(7, C1, "pods", ("10.55.0.3/24",))) == [Reply(7, differs)]


def test_check_knows_only_what_is_in_use_in_that_network() -> None:
    unknown = Failure.of(errors.AttachmentUnknown())
    for core in (Core(), Core(an_allocation(1, State.LET_GO)), Core(an_allocation(1, State.READY))):
        assert core.handle(CheckAsked(7, C1, "pods")) == [Reply(7, unknown)]

    elsewhere = Failure.of(errors.AttachmentUnknown(cause="It belongs to network pods"))
    assert Core(HELD).handle(CheckAsked(7, C1, "storage")) == [Reply(7, elsewhere)]


def test_check_of_a_lost_address_fails_and_says_who_has_it() -> None:
    lost = Failure.of(errors.AddressLost(address="10.55.0.2", holder="printer"))

    core = Core(replace(HELD, state=State.LOST, lost_to="printer"))

    assert core.handle(CheckAsked(7, C1, "pods")) == [Reply(7, lost)]


def test_check_works_on_what_another_journal_has_left() -> None:
    core = Core(ADOPTED)

    assert core.handle(CheckAsked(7, C1, "pods", ("10.55.0.3/24",))) == [Reply(7, Done())]
    differs = Failure.of(errors.CheckDiffers(address="10.55.0.3/24"))
    assert core.handle(CheckAsked(7, C1, "pods", ("10.55.0.9/24",))) == [Reply(7, differs)]


def test_check_knows_the_answer_before_the_journal_was_lost_though_a_repeated_add_had_another() -> None:
    core = Core(HELD, ADOPTED)

    for previous in ("10.55.0.2/24", "10.55.0.3/24"):
        assert core.handle(CheckAsked(7, C1, "pods", (previous,))) == [Reply(7, Done())]
    differs = Failure.of(errors.CheckDiffers(address="10.55.0.2/24"))
    assert core.handle(CheckAsked(7, C1, "pods", ("10.55.0.9/24",))) == [Reply(7, differs)]


def test_status_fails_until_the_coordinator_was_reached_once_in_this_boot() -> None:
    core = Core(identity=UNNAMED, is_connected=False)
    core.handle(SessionEnded("refused"))
    failure = Failure.of(errors.CoordinatorNeverReached(cause="refused"))

    assert core.handle(StatusAsked(3)) == [Reply(3, failure)]
    core.rows.name_cluster("c0c0c0c0c0c0")
    assert core.handle(StatusAsked(3)) == [Reply(3, Done())]


@pytest.mark.parametrize(
    "core", [Core(is_connected=False), Core(identity=UNNAMED, was_served=True, is_connected=False)]
)
def test_status_succeeds_without_a_coordinator_where_one_was_reached_before(core: Core) -> None:
    assert core.handle(StatusAsked(3)) == [Reply(3, Done())]
