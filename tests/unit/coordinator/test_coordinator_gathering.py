"""Clients that ask again as soon as they are answered share whole calls; nobody else waits for anybody."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable
from random import Random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from lane_world import a_lane, a_removal, an_add, answered

from coordinator.grid.calls import Call
from coordinator.lane.commands import Finished, WakeAt
from coordinator.lane.events import Submitted
from coordinator.lane.gathering import WAIT_SHARE_MAX, Gathering
from coordinator.lane.task import Task
from coordinator.tasks.create_task import CreateTask

FIXED_S = 0.15
OPERATION_S = 0.005
FULL = 256


class Loop:
    """Clients of a lane in a time of its own. Each asks again at some time after its answer, or never (None)."""

    def __init__(self, again_after_s: Callable[[float], float | None]) -> None:
        self._again_after_s = again_after_s
        self._lane = a_lane()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._asked_at_s: dict[Task[Any], float] = {}
        self._landed_at_s = 0.0
        self._took_s = 0.0
        self.now_s = 1.0
        self.answers: list[float] = []
        self.sizes: list[int] = []
        self.waits: list[tuple[float, float]] = []
        """For each call: how long it was held back with task at hand, how long the call before had taken."""

    def ask(self, at_s: float) -> None:
        self._at(at_s, lambda: self._submit(an_add(f"a{next(self._numbers)}")))

    def release(self, at_s: float) -> None:
        self._at(at_s, lambda: self._submit(a_removal(f"r{next(self._numbers)}")))

    def run(self, answers: int = 2**31) -> Loop:
        """Until there were so many answers, or nothing happens any more."""
        while self._agenda and len(self.answers) < answers:
            self.now_s = self._agenda[0][0]
            while self._agenda and self._agenda[0][0] == self.now_s:
                heapq.heappop(self._agenda)[2]()
            for command in self._lane.proceed(self.now_s):
                if isinstance(command, Call):
                    self._send(command)
                elif isinstance(command, WakeAt):
                    self._at(command.at_s, lambda: None)
        return self

    def _at(self, at_s: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (at_s, next(self._numbers), act))

    def _submit(self, task: Task[Any]) -> None:
        self._asked_at_s[task] = self.now_s
        self._lane.handle(Submitted((task,), self.now_s))

    def _send(self, call: Call) -> None:
        self.sizes.append(len(call.operations))
        self.waits.append((self.now_s - max(self._landed_at_s, min(self._asked_at_s.values())), self._took_s))
        self._took_s = FIXED_S + len(call.operations) * OPERATION_S
        self._at(self.now_s + self._took_s, lambda: self._land(call))

    def _land(self, call: Call) -> None:
        self._landed_at_s = self.now_s
        for command in self._lane.handle(answered(call, self.now_s)):
            if isinstance(command, Finished):
                self.answers.append(self.now_s - self._asked_at_s.pop(command.task))
                again_after_s = self._again_after_s(self.now_s)
                if isinstance(command.task, CreateTask) and again_after_s is not None:
                    self.ask(self.now_s + again_after_s)


def a_crowd(clients: int, again_after_s: Callable[[float], float | None]) -> Loop:
    """So many clients that begin together."""
    loop = Loop(again_after_s)
    for _ in range(clients):
        loop.ask(1.0)
    return loop


@pytest.mark.parametrize("clients", [3, 10, 50, 200])
def test_those_who_ask_again_at_once_soon_share_whole_calls(clients: int) -> None:
    loop = a_crowd(clients, lambda _: 0.01).run(answers=10 * clients)
    assert loop.sizes[5:] == [clients] * len(loop.sizes[5:])
    assert len(loop.sizes) <= 13


def test_they_get_nearly_all_that_one_lane_can_give() -> None:
    random = Random(1)
    loop = a_crowd(200, lambda _: random.uniform(0.005, 0.04)).run(answers=4000)
    most = 200 / (FIXED_S + 200 * OPERATION_S)
    assert len(loop.answers) / (loop.now_s - 1.0) > 0.93 * most


def test_pods_that_come_one_after_the_other_never_wait() -> None:
    loop = a_crowd(1, lambda _: 0.01)
    for number in range(20):
        loop.release(1.1 + number / 10)
    loop.run(answers=50)
    assert max(held_s for held_s, _ in loop.waits) == 0.0


def test_nobody_waits_for_clients_that_come_back_late() -> None:
    random = Random(2)
    loop = a_crowd(100, lambda _: random.uniform(0.2, 2.0)).run(answers=2000)
    assert max(held_s for held_s, _ in loop.waits) == 0.0


@pytest.mark.parametrize(("saved_s", "waits_s"), [(0.0, None), (0.04, 0.04), (5.0, 0.1)])
def test_the_wait_is_worth_what_a_call_less_saves(saved_s: float, waits_s: float | None) -> None:
    gathering = Gathering()
    gathering.answered(50, 1.0, 0.1, 0.0)
    for _ in range(50):
        gathering.came(0.05)
    gathering.answered(50, 1.0, saved_s, 2.0)
    assert gathering.waits_until_s(2.0) == (None if waits_s is None else 2.0 + waits_s)


def test_clients_that_stay_away_cost_the_others_one_wait() -> None:
    loop = a_crowd(50, lambda now_s: 0.01 if now_s < 5.0 else None)
    for _ in range(3):
        loop.ask(5.5)
    loop.run()
    held_s = [held_s for held_s, _ in loop.waits[-3:]]
    assert sum(each > 0.0101 for each in held_s) <= 1


def test_a_call_that_is_full_goes_at_once() -> None:
    loop = a_crowd(3 * FULL, lambda _: 0.01).run(answers=20 * FULL)
    assert loop.sizes[-10:] == [FULL] * 10
    assert max(held_s for held_s, _ in loop.waits) == 0.0


@settings(max_examples=60, deadline=None)
@given(
    asks_ms=st.lists(st.integers(0, 3000), min_size=1, max_size=60),
    releases_ms=st.lists(st.integers(0, 3000), max_size=20),
    pauses_ms=st.lists(st.none() | st.integers(0, 300), min_size=1, max_size=20),
)
def test_no_call_is_held_longer_than_a_tenth_of_the_one_before(
    asks_ms: list[int], releases_ms: list[int], pauses_ms: list[int | None]
) -> None:
    pauses = itertools.cycle(None if pause is None else pause / 1000 for pause in pauses_ms)
    loop = Loop(lambda _: next(pauses))
    for at_ms in asks_ms:
        loop.ask(1.0 + at_ms / 1000)
    for at_ms in releases_ms:
        loop.release(1.0 + at_ms / 1000)
    loop.run(answers=200)
    for held_s, took_s in loop.waits:
        assert held_s <= WAIT_SHARE_MAX * took_s + 1e-9


@given(
    rounds=st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), max_size=10),
    clients=st.integers(0, 20),
)
def test_nobody_is_waited_for_where_fewer_than_half_have_come_back(
    rounds: list[tuple[int, int]], clients: int
) -> None:
    gathering, now_s = Gathering(), 0.0
    for served, came in rounds:
        gathering.answered(served, 1.0, 1.0, now_s)
        for _ in range(min(came, (served - 1) // 2)):
            gathering.came(now_s)
        now_s += 1.0
    gathering.answered(clients, 1.0, 1.0, now_s)
    assert gathering.waits_until_s(now_s) is None
