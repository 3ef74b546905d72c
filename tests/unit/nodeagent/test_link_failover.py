"""Which coordinator is tried, when, for how long: by example, then among coordinators of every kind."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodeagent.domain.effects import Effect, LookUpEndpoint, RenewSocket
from nodeagent.link.failover import (
    ADDRESSES_MAX,
    ANSWER_S,
    FIRST_REST_S,
    HANDSHAKE_S,
    JITTER_S,
    LOOKUP_S,
    OFTEN_FOR_S,
    PATIENCE_MAX,
    REST_LATER_S,
    REST_OF_ANSWER,
    REST_S,
    REST_S_MAX,
    STEADY_S,
    Failover,
)

NOW_S = 1000.0
A, B, C = "tcp://10.0.0.1:5510", "tcp://10.0.0.2:5510", "tcp://10.0.0.3:5510"


def always(chance: float) -> Callable[[], float]:
    return lambda: chance


def begun(*endpoints: Sequence[str], chance: float = 0.999) -> tuple[Failover, list[Effect]]:
    """A failover whose endpoints have these addresses, and what it did first."""
    failover = Failover(len(endpoints), always(chance))
    return failover, begin_round(failover, *endpoints)


def begin_round(failover: Failover, *endpoints: Sequence[str], now_s: float = NOW_S) -> list[Effect]:
    assert failover.tick(now_s) == [LookUpEndpoint(number) for number in range(len(endpoints))]
    effects = [failover.looked_up(number, addresses, now_s) for number, addresses in enumerate(endpoints)]
    return [effect for each in effects for effect in each]


def addresses_of(effects: Sequence[Effect]) -> list[str]:
    return [each.address for each in effects if isinstance(each, RenewSocket)]


def test_the_endpoints_are_tried_in_order_each_once_then_all_rest() -> None:
    failover, effects = begun([A], [B, C])

    assert effects == [RenewSocket(0, A)]
    assert failover.failed(NOW_S) == [RenewSocket(1, B)]
    assert failover.failed(NOW_S) == [RenewSocket(1, C)]
    assert failover.failed(NOW_S) == []
    assert FIRST_REST_S / 2 <= failover.due_s - NOW_S <= FIRST_REST_S


@pytest.mark.parametrize(("chance", "part"), [(0.0, 0.5), (0.5, 0.75), (1.0, 1.0)])
def test_nodes_that_rest_do_not_end_their_rest_together(chance: float, part: float) -> None:
    failover, _ = begun([A], chance=chance)
    failover.failed(NOW_S)
    assert failover.due_s == NOW_S + part * FIRST_REST_S


def test_an_address_of_two_endpoints_is_tried_once() -> None:
    failover, _ = begun([A], [A, B])
    assert failover.failed(NOW_S) == [RenewSocket(1, B)]


def test_who_welcomed_last_is_the_first_of_each_round_unless_it_has_just_failed() -> None:
    failover, _ = begun([A], [B], [C])
    failover.failed(NOW_S)
    failover.greeted(NOW_S)
    failover.welcomed(NOW_S)

    failover.begin_anew(NOW_S)
    assert begin_round(failover, [A], [B], [C], now_s=NOW_S + 2) == [RenewSocket(1, B)]
    failover.welcomed(NOW_S)
    assert failover.failed(NOW_S + 3) == []
    assert begin_round(failover, [A], [B], [C], now_s=NOW_S + 6) == [RenewSocket(0, A)]
    assert failover.failed(NOW_S + 4) == [RenewSocket(2, C)]
    assert failover.failed(NOW_S + 4) == [RenewSocket(1, B)]


def test_of_one_name_too_who_welcomed_last_is_first_wherever_it_stands_now() -> None:
    failover, _ = begun([A, B])
    failover.failed(NOW_S)
    failover.welcomed(NOW_S)

    failover.begin_anew(NOW_S)
    assert begin_round(failover, [C, A, B], now_s=NOW_S + 2) == [RenewSocket(0, B)]
    failover.welcomed(NOW_S)
    failover.failed(NOW_S + 3)
    assert begin_round(failover, [B, C], now_s=NOW_S + 6) == [RenewSocket(0, C)]


@pytest.mark.parametrize(("chance", "after_s"), [(0.0, 0.0), (0.5, JITTER_S / 2), (1.0, JITTER_S)])
def test_nodes_that_lose_one_coordinator_together_come_to_the_next_one_spread_over_less_than_a_second(
    chance: float, after_s: float
) -> None:
    failover, _ = begun([A], [B], chance=chance)
    failover.welcomed(NOW_S - STEADY_S)

    failover.failed(NOW_S)

    assert JITTER_S < 1
    assert failover.due_s == NOW_S + after_s


def test_one_that_welcomes_and_hangs_up_again_and_again_is_asked_less_often() -> None:
    failover, now_s, rests_s = Failover(1, always(1.0)), NOW_S, []
    for _ in range(5):
        begin_round(failover, [A], now_s=now_s)
        failover.welcomed(now_s)
        failover.failed(now_s + 0.1)
        rests_s.append(failover.due_s - now_s - 0.1)
        now_s = failover.due_s
    assert rests_s == pytest.approx([FIRST_REST_S, 1.0, REST_S, REST_S, REST_S])


def test_a_silent_name_server_delays_by_a_second_then_the_addresses_known_before_are_used() -> None:
    failover, _ = begun([A, B])
    failover.welcomed(NOW_S)
    failover.failed(NOW_S)

    assert failover.tick(NOW_S + 1) == [LookUpEndpoint(0)]
    assert failover.due_s == NOW_S + 1 + LOOKUP_S
    assert failover.tick(NOW_S + 1 + LOOKUP_S) == [RenewSocket(0, B)]


def test_a_name_that_does_not_resolve_any_more_has_the_addresses_used_that_were_known_before() -> None:
    failover, _ = begun([A])
    failover.failed(NOW_S)

    assert begin_round(failover, [], now_s=NOW_S + 1) == [RenewSocket(0, A)]


def test_a_silent_name_server_keeps_no_other_endpoint_away_and_its_late_answer_counts_in_the_next_round() -> None:
    failover = Failover(2, always(0.5))
    failover.tick(NOW_S)
    assert failover.looked_up(1, [B], NOW_S) == []
    assert failover.tick(NOW_S + LOOKUP_S) == [RenewSocket(1, B)]
    assert failover.failed(NOW_S + 1.5) == []
    failover.looked_up(0, [A], NOW_S + 1.7)

    failover.tick(NOW_S + 3)
    assert failover.looked_up(1, [B], NOW_S + 3) == []
    assert failover.tick(NOW_S + 3 + LOOKUP_S) == [RenewSocket(0, A)]


def test_a_name_with_very_many_addresses_is_not_tried_without_end() -> None:
    failover, _ = begun([f"tcp://10.0.1.{number}:5510" for number in range(200)])
    tries = 1
    while failover.failed(NOW_S):
        tries += 1
    assert tries == ADDRESSES_MAX


def patience_s(failover: Failover, rounds: int, fail_after_s: Callable[[float], float]) -> list[float]:
    """How long the only coordinator is given to shake hands in each of these rounds."""
    given_s, now_s = [], NOW_S
    for _ in range(rounds):
        begin_round(failover, [A], now_s=now_s)
        given_s.append(failover.due_s - now_s)
        failover.failed(now_s + fail_after_s(given_s[-1]))
        now_s = failover.due_s
    return given_s


def test_a_round_in_which_somebody_was_too_slow_gives_all_more_time_in_the_next_until_a_welcome() -> None:
    failover = Failover(1, always(0.5))
    slow = patience_s(failover, 6, lambda given_s: given_s)
    assert slow == pytest.approx([HANDSHAKE_S * times for times in (1, 2, 4, 8, 8, PATIENCE_MAX)])

    begin_round(failover, [A], now_s=NOW_S + 100)
    failover.greeted(NOW_S + 100)
    assert failover.due_s == NOW_S + 100 + PATIENCE_MAX * ANSWER_S
    failover.welcomed(NOW_S)
    failover.failed(NOW_S + 200)
    begin_round(failover, [A], now_s=NOW_S + 201)
    assert failover.due_s == NOW_S + 201 + HANDSHAKE_S


def test_who_refuses_at_once_gives_nobody_more_time() -> None:
    assert patience_s(Failover(1, always(0.5)), 5, lambda _: 0.01) == pytest.approx([HANDSHAKE_S] * 5)


def test_who_is_slow_to_say_that_it_does_not_lead_is_asked_less_often() -> None:
    failover, _ = begun([A], chance=1.0)
    failover.greeted(NOW_S)
    failover.answered(NOW_S + 3)
    failover.failed(NOW_S + 3)
    assert failover.due_s == NOW_S + 3 + 3 * REST_OF_ANSWER


def test_a_node_that_finds_no_coordinator_asks_again_within_a_second_then_ever_less_often() -> None:
    failover, now_s, rests_s = Failover(1, always(1.0)), NOW_S, []
    while now_s < NOW_S + OFTEN_FOR_S + 3 * REST_LATER_S:
        begin_round(failover, [A], now_s=now_s)
        failover.failed(now_s)
        rests_s.append(failover.due_s - now_s)
        now_s = failover.due_s
    assert rests_s[:4] == [FIRST_REST_S, 1.0, REST_S, REST_S]
    assert rests_s[-2:] == [REST_LATER_S] * 2
    assert rests_s == sorted(rests_s)


def test_a_node_that_proves_itself_may_take_its_time() -> None:
    failover, _ = begun([A])
    failover.proving()
    assert failover.due_s == math.inf


KINDS = ("refuses", "swallows", "stalls", "mute", "follows", "leads")
"""Connections are refused; vanish; are accepted, and nothing follows; hellos are not answered; are answered so."""
DELAY_S: Final = {"refuses": 0.001, "swallows": HANDSHAKE_S, "follows": 0.02, "leads": 0.02}


@dataclass
class Network:
    """Coordinators that are what they are, and an agent that looks for the one that leads."""

    endpoints: list[list[str]]
    kinds: dict[str, str]
    random: Random
    now_s: float = NOW_S
    tries: list[tuple[float, str]] = field(default_factory=list)
    served_by: str | None = None

    def __post_init__(self) -> None:
        self.failover = Failover(len(self.endpoints), self.random.random)
        self.answer: tuple[float, str] = (math.inf, "")

    def run_until(self, end_s: float) -> None:
        while self.served_by is None:
            self.now_s = max(self.now_s, min(self.failover.due_s, self.answer[0]))
            if self.now_s >= end_s:
                self.now_s = end_s
                return
            if self.answer[0] <= self.now_s:
                self.take_answer()
            elif self.failover.is_overdue(self.now_s):
                self.do(self.failover.failed(self.now_s))
            else:
                self.do(self.failover.tick(self.now_s))

    def take_answer(self) -> None:
        _, kind = self.answer
        self.answer = (math.inf, "")
        if kind == "leads":
            self.failover.greeted(self.now_s)
            self.failover.welcomed(self.now_s)
            self.served_by = self.failover.address
        elif kind == "mute":
            self.failover.greeted(self.now_s)
        else:
            if kind == "follows":
                self.failover.greeted(self.now_s)
                self.failover.answered(self.now_s)
            self.do(self.failover.failed(self.now_s))

    def do(self, effects: Sequence[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, LookUpEndpoint):
                self.do(self.failover.looked_up(effect.endpoint, self.endpoints[effect.endpoint], self.now_s))
            elif isinstance(effect, RenewSocket):
                self.tries.append((self.now_s, effect.address))
                kind = self.kinds[effect.address]
                self.answer = (self.now_s + DELAY_S.get(kind, 0.02), kind)
                if kind == "stalls":
                    self.answer = (math.inf, "")


@st.composite
def networks(draw: st.DrawFn) -> Network:
    """Without one that leads."""
    kinds = draw(st.lists(st.sampled_from(KINDS[:-1]), min_size=1, max_size=4))
    of = {f"tcp://10.0.0.{number}:5510": kind for number, kind in enumerate(kinds)}
    split = draw(st.integers(0, len(of)))
    endpoints = [list(of)[:split], *([each] for each in list(of)[split:])]
    return Network(endpoints, of, Random(draw(st.integers(0, 1000))))


def round_s(network: Network) -> float:
    """The longest that a round takes, with the rest after it."""
    each_s = {
        "stalls": HANDSHAKE_S * PATIENCE_MAX,
        "mute": ANSWER_S * PATIENCE_MAX + 1,
        "swallows": HANDSHAKE_S,
    }
    return sum(each_s.get(kind, 0.1) for kind in network.kinds.values()) + LOOKUP_S + REST_LATER_S


@given(networks())
def test_every_address_is_tried_again_and_again_and_nobody_is_asked_in_a_hurry(network: Network) -> None:
    network.run_until(NOW_S + 300)

    for address in network.kinds:
        times = [at_s for at_s, tried in network.tries if tried == address]
        gaps = [after - before for before, after in zip([NOW_S, *times], [*times, NOW_S + 300], strict=True)]
        assert max(gaps) <= 2 * round_s(network)
        assert min(gaps[1:-1], default=REST_S) >= FIRST_REST_S / 2


@given(networks(), st.data())
def test_who_begins_to_lead_is_found_within_two_rounds(network: Network, data: st.DataObject) -> None:
    begins_s, limit_s = NOW_S + data.draw(st.floats(0, 100)), 2 * round_s(network)
    network.run_until(begins_s)
    leader = data.draw(st.sampled_from(sorted(network.kinds)))
    network.kinds[leader] = "leads"

    network.run_until(begins_s + limit_s)

    assert network.served_by == leader


@given(networks().filter(lambda each: set(each.kinds.values()) <= {"refuses", "swallows", "follows"}), st.data())
def test_a_leader_that_is_replaced_as_a_lease_is_is_found_within_three_seconds_and_one_for_each_that_is_gone(
    network: Network, data: st.DataObject
) -> None:
    begins_s = NOW_S + data.draw(st.floats(0, 20))
    network.run_until(begins_s)
    leader = data.draw(st.sampled_from(sorted(network.kinds)))
    network.kinds[leader] = "leads"
    gone = sum(kind == "swallows" for kind in network.kinds.values())

    network.run_until(begins_s + REST_S + (gone + 1) * HANDSHAKE_S)

    assert network.served_by == leader


@pytest.mark.parametrize("kind", ["follows", "refuses"])
def test_five_thousand_nodes_that_find_no_leader_come_spread_out(kind: str) -> None:
    """Each asks two: no tenth of a second has more than a third of that."""
    tenths: Counter[int] = Counter()
    for number in range(500):
        network = Network([[A], [B]], {A: kind, B: kind}, Random(number))
        network.failover.tick(NOW_S)
        network.do([LookUpEndpoint(0), LookUpEndpoint(1)])
        network.failover.welcomed(NOW_S - STEADY_S)
        network.answer = (math.inf, "")
        network.tries.clear()
        network.failover.failed(NOW_S)
        network.run_until(NOW_S + 20)
        for at_s, _ in network.tries:
            tenths[int(10 * (at_s - NOW_S))] += 1
    assert max(tenths.values()) <= 2 * 500 / 3


def test_the_longest_rest_is_bounded() -> None:
    failover, _ = begun([A], chance=1.0)
    failover.greeted(NOW_S)
    failover.answered(NOW_S + 1000)
    failover.failed(NOW_S + 1000)
    assert failover.due_s == NOW_S + 1000 + REST_S_MAX
