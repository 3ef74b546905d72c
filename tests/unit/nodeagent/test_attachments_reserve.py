"""The reserve: literal events in, literal effects out."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from core_builders import (
    C2,
    IDENTITY,
    MAC,
    NOW_S,
    PODS,
    WELCOME,
    Core,
    a_declined,
    a_refill,
    an_add,
    an_allocated,
    an_allocation,
    an_id,
    granted,
    never_used,
)

from nodeagent.attachments.reserve import (
    NETWORKS_MAX,
    REFILL_AGAIN_S,
    REFILL_ANSWER_S,
    REFILL_SOON_S,
    REFILLS_MAX,
    UNUSED_S,
)
from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import AttachmentId, Network
from nodeagent.domain.effects import Effect, OnceCommitted, Transmit
from nodeagent.domain.events import MacRead, ReserveClosed, SessionEnded, Ticked
from protocol.wire.messages import Allocate, DeclineKind, LetGo, PleaseLetGo, Unknown

READY = an_allocation(1, State.READY)
READY_TWO = an_allocation(2, State.READY)
HELD = an_allocation(9)
AGAIN_S = NOW_S + REFILL_AGAIN_S


def refills(effects: list[Effect]) -> list[str]:
    """The ids under which refills are asked for."""
    messages = [each.message for each in effects if isinstance(each, Transmit)]
    return [each.wants[0].allocation for each in messages if isinstance(each, Allocate) and each.for_reserve]


def let_go(core: Core) -> list[str]:
    return [row.id for row in core.rows.in_state(State.LET_GO)]


def test_after_the_first_answer_for_a_network_its_reserve_is_asked_for() -> None:
    core = Core(reserve=2).asked()

    effects = core.receive(an_allocated())

    assert effects == [OnceCommitted(1, granted(wapi_calls=1)), a_refill(101), a_refill(103)]
    core.commit()
    assert core.receive(an_allocated(101)) == []
    assert core.commit().allocations == {
        an_id(101): an_allocation(101, State.READY),
    }


def test_what_an_add_took_from_the_reserve_is_asked_for_again_after_its_answer() -> None:
    core = Core(READY, READY_TWO, reserve=2)

    assert refills(core.handle(an_add())) == []

    effects = core.handle(MacRead(1, MAC))
    assert refills(effects) == [an_id(100)]
    assert a_refill(100, ready=1) in effects
    assert refills(core.handle(Ticked())) == []


def test_an_add_does_not_wait_for_a_refill_and_gets_what_it_asked_for_itself() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add())
    core.handle(MacRead(1, None))
    core.commit()
    core.handle(an_add(2, C2))
    core.handle(MacRead(2, None))

    core.receive(an_allocated(100))
    assert core.rows.allocations[an_id(100)].state is State.READY
    assert core.receive(an_allocated(102))[0] == OnceCommitted(2, granted(102, wapi_calls=1))


def test_a_refill_without_an_answer_keeps_its_place_in_the_reserve_for_two_minutes_only() -> None:
    core = Core(HELD, reserve=1)
    late_s = NOW_S + REFILL_ANSWER_S

    core.handle(Ticked(), late_s - 1)
    assert core.handle(Ticked(), late_s) == never_used(100, draw=102)
    assert refills(core.handle(Ticked(), late_s + 2 * REFILL_SOON_S)) == [an_id(103)]
    assert core.receive(an_allocated(100)) == never_used(100, draw=105)


def test_a_network_that_nobody_has_asked_for_yet_has_no_reserve() -> None:
    assert refills(Core(reserve=2).handle(Ticked())) == []


def test_after_a_restart_the_networks_of_the_journal_have_their_reserve() -> None:
    core = Core(HELD, reserve=2)

    assert refills(core.at_welcome) == [an_id(100), an_id(102)]


def test_without_a_session_nothing_is_asked_for_and_a_new_session_asks_anew() -> None:
    core = Core(HELD, reserve=2)
    core.handle(SessionEnded("gone"))
    assert refills(core.handle(Ticked())) == []

    assert refills(core.handle(replace(WELCOME, reserve=2))) == [an_id(104), an_id(106)]
    assert core.receive(an_allocated(100)) == never_used(100, draw=108)


def test_a_refill_that_is_not_granted_is_asked_for_again_after_a_minute() -> None:
    core = Core(HELD, reserve=1)

    assert core.receive(a_declined(100, kind=DeclineKind.NO_RESERVE)) == []
    assert refills(core.handle(Ticked(), AGAIN_S - 1)) == []
    assert refills(core.handle(Ticked(), AGAIN_S)) == [an_id(102)]


def fail(core: Core, asked: list[str], now_s: float) -> tuple[list[str], float]:
    """Decline these refills; what is asked for next, and when."""
    for allocation in asked:
        number = int(allocation.rpartition("-")[2], 16)
        assert core.receive(a_declined(number, kind=DeclineKind.TRY_AGAIN), now_s) == []
    again: list[str] = []
    while not again:
        now_s += 0.125
        again = refills(core.handle(Ticked(), now_s))
    assert len(again) == len(asked)
    return again, now_s


def rests(core: Core, tries: int) -> list[float]:
    """How long the reserve is left alone each time, while all of its refills fail."""
    times_s, asked = [NOW_S], refills(core.at_welcome)
    for _ in range(tries):
        asked, now_s = fail(core, asked, times_s[-1])
        times_s.append(now_s)
    return [later_s - each_s for each_s, later_s in itertools.pairwise(times_s)]


@pytest.mark.parametrize("reserve", [1, 3])
def test_a_refill_that_fails_is_asked_for_again_soon_and_then_less_and_less_often(reserve: int) -> None:
    waited = rests(Core(HELD, reserve=reserve), tries=9)

    assert REFILL_SOON_S <= waited[0] <= 2 * REFILL_SOON_S
    assert all(later <= 2 * each for each, later in itertools.pairwise(waited))
    assert waited[5] > 32 * REFILL_SOON_S
    assert waited[7:] == [REFILL_AGAIN_S] * 2


def test_nodes_whose_refills_fail_at_one_moment_do_not_ask_again_at_one_moment() -> None:
    journals = [f"{number:08x}" for number in range(0, 2**32, 2**28)]
    cores = [Core(HELD, reserve=1, identity=replace(IDENTITY, journal=each)) for each in journals]

    assert len({rests(core, tries=1)[0] for core in cores}) >= 8


def test_after_a_success_the_next_failure_is_a_first_one() -> None:
    core, now_s = Core(HELD, reserve=1), NOW_S
    asked = refills(core.at_welcome)
    for _ in range(5):
        asked, now_s = fail(core, asked, now_s)
    core.receive(an_allocated(int(asked[0].rpartition("-")[2], 16)), now_s)
    core.commit()

    core.handle(an_add(2, C2), now_s)
    asked = refills(core.handle(MacRead(2, None), now_s))
    assert fail(core, asked, now_s)[1] - now_s <= 2 * REFILL_SOON_S


def test_whoever_welcomes_this_node_is_asked_at_once() -> None:
    core = Core(HELD, reserve=1)
    core.receive(a_declined(100, kind=DeclineKind.NO_RESERVE))
    core.handle(SessionEnded("gone"))

    assert refills(core.handle(replace(WELCOME, reserve=1))) == [an_id(102)]


def test_a_refill_whose_outcome_cannot_be_known_is_let_go_and_asked_for_again_soon() -> None:
    core = Core(HELD, reserve=1)

    assert core.receive(Unknown(id="x", allocation=an_id(100), family=4)) == never_used(100, draw=102)
    assert refills(core.handle(Ticked(), NOW_S + REFILL_SOON_S - 0.1)) == []
    assert refills(core.handle(Ticked(), NOW_S + 2 * REFILL_SOON_S)) != []


def test_a_refill_that_cannot_be_recorded_is_let_go_and_not_asked_for_again_at_once() -> None:
    core = Core(HELD, reserve=1)
    core.receive(an_allocated(100))

    assert core.drop() == never_used(100, draw=102)
    assert refills(core.handle(Ticked(), AGAIN_S - 1)) == []
    assert core.rows.count(State.READY) == 0


def test_what_nobody_used_for_an_hour_is_let_go_and_was_never_held() -> None:
    core = Core(READY, reserve=1)
    core.handle(Ticked(), NOW_S + UNUSED_S - 1)
    assert let_go(core) == []

    assert refills(core.handle(Ticked(), NOW_S + UNUSED_S)) == []
    assert core.rows.in_state(State.LET_GO) == [
        replace(READY, state=State.LET_GO, let_go_s=NOW_S + UNUSED_S, was_held=False)
    ]


def test_an_add_keeps_the_reserve_of_its_network_alive() -> None:
    core = Core(READY, reserve=1)
    core.handle(an_add(), NOW_S + 3000)
    core.handle(MacRead(1, None), NOW_S + 3000)
    core.receive(an_allocated(100))

    core.handle(Ticked(), NOW_S + UNUSED_S + 2999)
    assert core.rows.count(State.READY) == 1


def test_more_than_is_wanted_is_let_go_the_newest_first() -> None:
    core = Core(READY, READY_TWO, reserve=1)

    assert let_go(core) == [READY_TWO.id]
    core.handle(replace(WELCOME, reserve=0))
    assert let_go(core) == [READY_TWO.id, READY.id]


def test_before_anybody_has_said_how_many_are_wanted_all_stay() -> None:
    core = Core(READY, READY_TWO, is_connected=False)
    core.handle(Ticked())

    assert let_go(core) == []


def test_an_agent_that_is_to_be_removed_keeps_nothing_ready() -> None:
    core = Core(READY, READY_TWO, reserve=2)

    core.handle(ReserveClosed())
    assert let_go(core) == [READY.id, READY_TWO.id]
    assert refills(core.handle(an_add())) == []


def please(count: int, subnet: str = "10.55.0.0/24") -> PleaseLetGo:
    return PleaseLetGo(id="p-1", view="default", subnet=subnet, count=count)


def test_asked_back_are_as_many_as_wanted_and_the_network_is_left_alone_for_a_minute() -> None:
    core = Core(READY, READY_TWO, reserve=2)

    assert core.receive(please(1)) == []
    assert let_go(core) == [READY.id]
    assert refills(core.handle(Ticked(), AGAIN_S - 1)) == []
    assert refills(core.handle(Ticked(), AGAIN_S)) == [an_id(100)]


def test_who_has_nothing_ready_says_so_at_once() -> None:
    empty = [Transmit(LetGo(id="p-1", allocations=[]))]

    assert Core(HELD).receive(please(3)) == empty
    assert Core(READY, reserve=1).receive(please(3, "10.99.0.0/16")) == empty


def test_at_the_limit_of_the_node_nothing_is_asked_for_the_reserve() -> None:
    assert len(refills(Core(HELD, reserve=5, allocations_max=3).at_welcome)) == 2


def test_of_a_large_reserve_a_bounded_number_is_asked_for_at_a_time() -> None:
    core = Core(HELD, reserve=1000)

    assert len(refills(core.at_welcome)) == REFILLS_MAX
    assert len(refills(core.receive(an_allocated(100)))) == 1


def test_only_so_many_networks_have_a_reserve() -> None:
    many = [
        an_allocation(1, id=an_id(number), network=Network(f"n{number}"), label=replace(LABEL_OF, attachment=each))
        for number, each in enumerate(AttachmentId(f"c{n}", "eth0") for n in range(NETWORKS_MAX + 3))
    ]

    assert len(refills(Core(*many, reserve=1).at_welcome)) == NETWORKS_MAX


LABEL_OF = HELD.label
assert LABEL_OF


def test_for_people_it_says_how_many_are_wanted_and_ready() -> None:
    core = Core(READY, reserve=2)

    assert core.machine.count_reserve() == {PODS: (2, 1)}
