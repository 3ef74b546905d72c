"""An ADD of a dual-stack network: one address of each family, both or none."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from core_builders import (
    C1,
    C2,
    LABEL,
    MAC,
    NAMESPACE,
    NOW_S,
    OTHER_NAMESPACE,
    WELCOME,
    Core,
    a_declined,
    an_add,
    an_allocated,
    an_allocation,
    an_id,
)

from nodeagent import errors
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.attachment import Network, Want
from nodeagent.domain.effects import Effect, OnceCommitted, Reply, Transmit
from nodeagent.domain.events import (
    AddAsked,
    CheckAsked,
    DelAsked,
    Delivered,
    GcAsked,
    HungUp,
    MacRead,
    NamespacesSeen,
    SessionEnded,
    Ticked,
)
from nodeagent.domain.outcomes import Done, Failure, Granted
from nodeagent.domain.presence import Directory, Sight
from nodeagent.domain.wire import let_go_row
from protocol.family import Family
from protocol.wire.messages import Allocate, Allocated, Answer, LetGo, Unknown, Whose

V4 = Network("pods", subnet="10.55.0.0/24")
V6 = Network("pods", subnet="fd00:55::/64")
PAIR = (Want(V4), Want(V6))
ADDRESSES = ("10.55.0.101/24", "fd00:55::65/64")
READY4 = an_allocation(1, State.READY, network=V4)
READY6 = an_allocation(
    2, State.READY, network=V6, subnet="fd00:55::/64", address="fd00:55::3", gateway="fd00:55::1"
)
HELD4 = replace(READY4, state=State.HELD, label=LABEL, is_labelled=True, was_held=True)
HELD6 = replace(READY6, state=State.HELD, label=LABEL, is_labelled=True, was_held=True)


def a_pair(caller: int = 1, **changes: Any) -> AddAsked:
    return an_add(caller, **{"wants": PAIR, **changes})


def allocated6(number: int = 101, **changes: Any) -> Allocated:
    fields = {"subnet": "fd00:55::/64", "address": f"fd00:55::{number:x}", "gateway": "fd00:55::1"}
    return an_allocated(number, **{**fields, **changes})


def asked(**changes: Any) -> Core:
    """An ADD of a pair for which the coordinator has been asked, under the ids 100 (IPv4) and 101."""
    core = Core(**changes)
    core.handle(a_pair())
    core.handle(MacRead(1, MAC))
    core.commit()
    return core


def held() -> Core:
    core = asked()
    core.receive(an_allocated())
    core.receive(allocated6())
    core.commit()
    return core


def asks(effects: list[Effect]) -> list[list[tuple[str, str | None]]]:
    """Of each message that asks for an attachment: the ids with their subnets."""
    return [
        [(want.allocation, want.network.subnet) for want in each.wants]
        for each in allocates(effects)
        if not each.for_reserve
    ]


def refilled(effects: list[Effect]) -> list[str | None]:
    """The subnets for whose reserve is asked."""
    return [want.network.subnet for each in allocates(effects) if each.for_reserve for want in each.wants]


def allocates(effects: list[Effect]) -> list[Allocate]:
    messages = [each.message for each in effects if isinstance(each, Transmit)]
    return [each for each in messages if isinstance(each, Allocate)]


def unused(effects: list[Effect]) -> list[list[tuple[str, Family]]]:
    """Of each message that lets go: the ids with their families."""
    messages = [each.message for each in effects if isinstance(each, Transmit)]
    return [
        [(row.allocation, row.family) for row in each.allocations] for each in messages if isinstance(each, LetGo)
    ]


def answers(effects: list[Effect]) -> dict[int, tuple[str, ...]]:
    """What each caller is told, as addresses."""
    told = [each for each in effects if isinstance(each, OnceCommitted) and isinstance(each.outcome, Granted)]
    return {each.caller: tuple(address.address for address in each.outcome.addresses) for each in told}


def failures(effects: list[Effect]) -> dict[int, int]:
    return {
        each.caller: each.outcome.code
        for each in effects
        if isinstance(each, Reply) and isinstance(each.outcome, Failure)
    }


def test_both_are_asked_for_in_one_message_and_told_together() -> None:
    core = Core()
    core.handle(a_pair())

    assert asks(core.handle(MacRead(1, MAC))) == [[(an_id(100), "10.55.0.0/24"), (an_id(101), "fd00:55::/64")]]
    assert core.receive(allocated6()) == []
    assert not core.commit(), "half of a pair is in no journal"
    assert answers(core.receive(an_allocated())) == {1: ADDRESSES}, "IPv4 first, whatever came first"
    changes = core.commit()
    assert set(changes.allocations) == {an_id(100), an_id(101)}
    assert core.rows.attachments[C1].allocations == (an_id(100), an_id(101))
    assert all(row.label == LABEL and row.is_labelled for row in core.rows.of(C1))


def test_a_repeated_add_gets_both_in_the_same_order() -> None:
    core = held()

    assert answers(core.handle(a_pair(2))) == {2: ADDRESSES}
    assert not core.commit()


@pytest.mark.parametrize("first", [an_allocated(), None], ids=["one came", "none came"])
def test_when_one_is_declined_the_other_is_let_go(first: Allocated | None) -> None:
    core = asked()
    if first:
        core.receive(first)
        core.commit()

    effects = core.receive(a_declined(101))

    assert (failures(effects), unused(effects)) == ({1: 11}, [[(an_id(100), Family.IPV4)]])
    assert core.machine.is_quiet()
    assert not core.commit()
    if not first:
        # The other one comes after all, and goes.
        assert unused(core.receive(an_allocated())) == [[(an_id(100), Family.IPV4)]]


def test_one_of_unknown_outcome_is_let_go_and_asked_for_anew_when_the_other_is_answered() -> None:
    core = asked()

    unknown = Unknown(id="r-1", allocation=an_id(101), family=Family.IPV6)
    assert unused(core.receive(unknown)) == [[(an_id(101), Family.IPV6)]]
    assert asks(core.receive(an_allocated())) == [[(an_id(103), "fd00:55::/64")]]
    assert answers(core.receive(allocated6(103))) == {1: ("10.55.0.101/24", "fd00:55::67/64")}
    core.commit()
    assert core.rows.attachments[C1].allocations == (an_id(100), an_id(103))


def test_what_has_come_alone_is_still_this_journals() -> None:
    core = asked()
    core.receive(an_allocated())

    (effect,) = core.receive(Whose(id="w", allocations=[an_id(100), an_id(101)]))

    assert isinstance(effect, Transmit)
    assert isinstance(effect.message, Answer)
    assert (effect.message.mine, effect.message.disowned) == ([an_id(100), an_id(101)], [])


def test_a_session_that_ends_between_the_two_takes_the_first_along() -> None:
    core = asked()
    core.receive(an_allocated())
    core.handle(SessionEnded("gone"))

    effects = core.handle(WELCOME)

    assert asks(effects) == [[(an_id(102), "10.55.0.0/24"), (an_id(103), "fd00:55::/64")]]
    (answer,) = core.receive(Whose(id="w", allocations=[an_id(100)]))
    assert isinstance(answer, Transmit)
    assert isinstance(answer.message, Answer)
    assert answer.message.disowned == [an_id(100)]


@pytest.mark.parametrize("event", [HungUp(1), DelAsked(9, C1), Ticked()], ids=["hung up", "deleted", "late"])
@pytest.mark.parametrize("came", [0, 1])
def test_an_add_that_ends_unanswered_lets_both_go_in_one_message(event: Any, came: int) -> None:
    core = asked()
    if came:
        core.receive(an_allocated())

    effects = core.handle(event, NOW_S + 60)

    assert list(map(sorted, unused(effects))) == [[(an_id(100), Family.IPV4), (an_id(101), Family.IPV6)]]
    assert core.machine.is_quiet()


def test_two_callers_of_one_add_get_the_same_pair() -> None:
    core = asked()
    assert core.handle(a_pair(2)) == []
    core.receive(an_allocated())

    assert answers(core.receive(allocated6())) == {1: ADDRESSES, 2: ADDRESSES}


def test_the_reserve_answers_where_it_has_both() -> None:
    core = Core(READY4, READY6, reserve=1)

    effects = core.handle(a_pair())

    assert answers(effects) == {1: ("10.55.0.2/24", "fd00:55::3/64")}
    assert core.machine.incomplete_labels() == {READY4.id, READY6.id}
    core.commit()
    core.handle(MacRead(1, MAC))
    changes = core.commit()
    assert {row.label.mac for row in changes.allocations.values() if row and row.label} == {MAC}
    assert set(changes.allocations) == {READY4.id, READY6.id}, "both labels get their MAC"
    assert core.machine.incomplete_labels() == set()


def test_where_the_reserve_has_one_the_other_alone_is_asked_for() -> None:
    core = Core(READY6, reserve=1)
    core.handle(a_pair())

    assert asks(core.handle(MacRead(1, MAC))) == [[(an_id(100), "10.55.0.0/24")]]
    assert core.rows.count(State.READY) == 1, "what is ready stays so until the other has come"
    assert answers(core.receive(an_allocated())) == {1: ("10.55.0.101/24", "fd00:55::3/64")}
    core.commit()
    assert core.rows.attachments[C1].allocations == (an_id(100), READY6.id)


def test_what_another_add_took_from_the_reserve_meanwhile_is_asked_for() -> None:
    core = Core(READY6, reserve=1)
    core.handle(a_pair())
    core.handle(MacRead(1, MAC))
    other = core.handle(an_add(2, C2, wants=(Want(V6),)))
    assert answers(other) == {2: ("fd00:55::3/64",)}
    core.commit()

    assert asks(core.receive(an_allocated())) == [[(an_id(101), "fd00:55::/64")]]
    assert answers(core.receive(allocated6())) == {1: ADDRESSES}


def test_an_address_that_people_name_never_comes_from_the_reserve() -> None:
    named = (Want(V4, "10.55.0.77"), Want(V6))
    core = Core(READY4, READY6, reserve=1)
    core.handle(a_pair(wants=named))

    (message,) = allocates(core.handle(MacRead(1, MAC)))

    assert [(want.network.subnet, want.address) for want in message.wants] == [("10.55.0.0/24", "10.55.0.77")]
    told = an_allocated(address="10.55.0.77")
    assert answers(core.receive(told)) == {1: ("10.55.0.77/24", "fd00:55::3/64")}


@pytest.mark.parametrize(
    ("wants", "agrees"),
    [
        (PAIR, True),
        ((Want(V4, "10.55.0.101"), Want(V6)), True),
        ((Want(V4, "10.55.0.9"), Want(V6)), False),
        ((Want(V4), Want(V6, "fd00:55::65")), True),
        ((Want(V4),), False),
        ((Want(V6),), False),
        ((Want(V6), Want(V4)), False),
        ((Want(V4), Want(Network("pods", subnet="fd00:56::/64"))), False),
    ],
)
def test_a_repeated_add_that_wants_others_is_refused(wants: tuple[Want, ...], agrees: bool) -> None:
    core = held()

    effects = core.handle(a_pair(2, wants=wants))

    assert (2 in answers(effects), failures(effects)) == (agrees, {} if agrees else {2: 7})
    assert not core.commit()


def test_an_add_in_another_namespace_lets_both_go_and_asks_for_both() -> None:
    core = held()
    core.handle(Delivered(1))

    core.handle(a_pair(2, namespace=OTHER_NAMESPACE))

    assert {row.state for row in core.rows.allocations.rows().values()} == {State.LET_GO}
    core.commit()
    assert asks(core.handle(MacRead(2, MAC))) == [[(an_id(102), "10.55.0.0/24"), (an_id(103), "fd00:55::/64")]]


def test_when_one_of_a_pair_is_lost_the_next_add_gets_two_new_ones() -> None:
    core = held()
    core.rows.lose(an_id(101), "printer")
    core.commit()
    core.handle(a_pair(2))
    core.commit()

    assert {row.state for row in core.rows.allocations.rows().values()} == {State.LET_GO}
    assert len(asks(core.handle(MacRead(2, MAC)))[0]) == 2


def test_a_pair_that_cannot_be_recorded_is_not_told_and_both_are_let_go() -> None:
    core = asked()
    core.receive(an_allocated())
    core.commit()
    core.receive(allocated6())

    assert unused(core.drop()) == [[(an_id(100), Family.IPV4), (an_id(101), Family.IPV6)]]
    assert not core.rows.allocations.rows()


def test_a_pair_that_nobody_has_read_is_let_go() -> None:
    core = held()
    core.handle(HungUp(1))
    core.commit()

    assert {row.state for row in core.rows.allocations.rows().values()} == {State.LET_GO}


@pytest.mark.parametrize("event", [DelAsked(9, C1), GcAsked(9, "pods", frozenset())])
def test_del_and_gc_let_both_go(event: Any) -> None:
    core = held()
    directory = Directory(1, 1)
    for effect in core.handle(event):
        if look := getattr(effect, "look", None):
            # Seen at its place before, and gone now.
            core.handle(NamespacesSeen(1, (Sight(NAMESPACE, directory, NAMESPACE.inode),)))
            core.handle(NamespacesSeen(look, (Sight(NAMESPACE, directory),)))
    core.commit()

    assert {row.state for row in core.rows.allocations.rows().values()} == {State.LET_GO}
    assert C1 not in core.rows.attachments


@pytest.mark.parametrize("reserve", [0, 2])
def test_a_pair_counts_twice_for_the_limit_of_the_node(reserve: int) -> None:
    core = Core(allocations_max=1, reserve=reserve)
    core.handle(a_pair())

    effects = core.handle(MacRead(1, MAC))

    assert failures(effects) == {1: errors.AllocationsAtLimit.code}


def test_each_network_has_a_reserve_of_its_own() -> None:
    core = asked(reserve=1)

    assert refilled(core.receive(an_allocated())) == ["10.55.0.0/24"]
    assert refilled(core.receive(allocated6())) == ["fd00:55::/64"]


def test_a_network_of_which_people_name_addresses_only_gets_no_reserve() -> None:
    core = Core(reserve=1)
    core.handle(a_pair(wants=(Want(V6, "fd00:55::65"),)))
    core.handle(MacRead(1, MAC))

    assert allocates(core.receive(allocated6(100, address="fd00:55::65"))) == []


def test_check_wants_both() -> None:
    core = held()

    def check(*previous: str) -> Any:
        (reply,) = core.handle(CheckAsked(7, C1, "pods", previous))
        assert isinstance(reply, Reply)
        return reply.outcome

    assert check(*ADDRESSES) == Done()
    assert check("10.55.0.101/24") == Failure.of(errors.CheckDiffers(address="fd00:55::65/64"))
    assert check("fd00:55::65/64") == Failure.of(errors.CheckDiffers(address="10.55.0.101/24"))


def test_check_of_a_pair_that_another_journal_has_left_wants_both() -> None:
    left = [
        replace(row, id=an_id(place, "0b0b0b0b"), state=State.ADOPTED) for place, row in enumerate((HELD4, HELD6))
    ]
    core = Core(*left)

    def check(*previous: str) -> Any:
        (reply,) = core.handle(CheckAsked(7, C1, "pods", previous))
        assert isinstance(reply, Reply)
        return reply.outcome

    assert check("10.55.0.2/24", "fd00:55::3/64") == Done()
    assert check("10.55.0.2/24") == Failure.of(errors.CheckDiffers(address="fd00:55::3/64"))


def test_a_pair_is_let_go_in_rows_that_say_their_families() -> None:
    rows: list[Allocation] = [replace(each, state=State.LET_GO) for each in (HELD4, HELD6)]
    assert [let_go_row(each, NOW_S).family for each in rows] == [Family.IPV4, Family.IPV6]
