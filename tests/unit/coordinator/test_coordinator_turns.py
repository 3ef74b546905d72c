"""Whatever one node wants of the grid, another one's first ADD is delayed by no more than one call."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from lane_world import PROVIDER, a_lane, a_removal, an_add, an_answer

from coordinator.core.networks import Network
from coordinator.core.outbox import Note
from coordinator.grid.calls import Answered, Call, Landing, Refused
from coordinator.grid.operations import Create
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.commands import WakeAt
from coordinator.lane.events import Submitted
from coordinator.lane.task import Task
from coordinator.lane.turns import BLAMED_S, NODES_MAX, Lead, Turns
from coordinator.provision.network_task import NetworkTask

SHORT = Network("default", "10.56.0.0/24", None, "short")
POISON = "poison"
GATHERING_S = 0.1


def a_new_network(name: str, node: str) -> NetworkTask:
    network = Network(f"view-{name}", "10.57.0.0/24", "10.57.0.1", "pods")
    task = NetworkTask(PROVIDER, "admin", network, may_create=True, objection=lambda: None)
    task.node = node
    return task


WANTS: dict[str, Callable[[str, str], Task[Any]]] = {
    "add": an_add,
    "poison": lambda name, node: an_add(f"{POISON}-{name}", node),
    "short": lambda name, node: an_add(name, node, SHORT),
    "network": a_new_network,
    "removal": lambda name, node: a_removal(name, -100.0, node),
}


class Grid:
    """Refuses calls with poison in them, and more than one address of the short network at once."""

    def land(self, call: Call, now_s: float) -> Landing:
        creates = [each for each in call.operations if isinstance(each, Create)]
        if any(POISON in str(each.data) for each in creates):
            return Refused(call.id, Refusal(Kind.OTHER, "no"), now_s)
        if sum(SHORT.subnet in str(each) for each in creates) > 1:
            return Refused(call.id, Refusal(Kind.EXHAUSTED, "Cannot find 2 available IP"), now_s)
        return Answered(call.id, [an_answer(each) for each in call.operations], now_s)


class Wait:
    """A lane full of what hostile nodes want, in which a node asks for one address."""

    def __init__(self, operations_max: int) -> None:
        self.lane = a_lane()
        self.lane._pace.limit = operations_max  # what a slow grid leads to
        self.grid = Grid()
        self.now_s = 100.0
        self.call: Call | None = None
        self.notes: list[Note] = []

    def submit(self, tasks: list[Task[Any]]) -> None:
        self.lane.handle(Submitted(tuple(tasks), self.now_s))
        self._proceed()

    def go_on(self) -> None:
        """The call under way ends, another one begins."""
        assert self.call
        self.now_s += 0.1
        done = self.lane.handle(self.grid.land(self.call, self.now_s))
        self.notes += [each for each in done if isinstance(each, Note)]
        self.call = None
        self._proceed()

    def has(self, name: str) -> bool:
        """Whether the call under way is for the ADD of this name."""
        assert self.call
        return any(f"'{name}'" in str(each) for each in self.call.operations)

    def _proceed(self) -> None:
        for command in self.lane.proceed(self.now_s):
            if isinstance(command, Call):
                self.call = command
            elif isinstance(command, WakeAt) and command.at_s - self.now_s < GATHERING_S and self.call is None:
                # It waits a moment for those who have just been answered, whoever asks.
                self.now_s = command.at_s
                self._proceed()


wants = st.lists(
    st.tuples(st.sampled_from(sorted(WANTS)), st.sampled_from(["evil-1", "evil-1", "evil-2"]), st.integers(1, 12)),
    min_size=1,
    max_size=6,
)


@settings(max_examples=200, deadline=None)
@given(hostile=wants, operations_max=st.sampled_from([1, 2, 8, 64]), calls_before=st.integers(0, 25))
def test_a_nodes_add_waits_for_one_call_of_others_at_most(
    hostile: list[tuple[str, str, int]], operations_max: int, calls_before: int
) -> None:
    wait, numbers = Wait(operations_max), itertools.count()
    tasks = [WANTS[kind](f"w{next(numbers)}", node) for kind, node, count in hostile for _ in range(count)]
    wait.submit(tasks)
    for _ in range(calls_before):
        if wait.call is None:
            break
        wait.go_on()
    is_idle = wait.call is None
    wait.submit([an_add("good", "good")])
    if is_idle:
        assert wait.has("good")
        return
    wait.go_on()
    # Where a call has room for next to nothing, overdue task and a new network may have their turns first.
    patience = 1 if operations_max >= 8 else 3
    for _ in range(patience):
        if not wait.has("good"):
            wait.go_on()
    assert wait.has("good")


def test_six_hundred_new_networks_of_a_node_let_the_adds_of_others_through() -> None:
    wait = Wait(64)
    wait.submit([a_new_network(f"v{number}", "evil") for number in range(600)])
    delays = []
    for number in range(20):
        name = f"good{number}"
        wait.submit([an_add(name, "good")])
        delays.append(0)
        while not wait.has(name):
            wait.go_on()
            delays[-1] += 1
    assert max(delays) <= 2  # the call that was under way, and one more


def test_new_networks_of_two_nodes_are_made_by_turns() -> None:
    wait = Wait(64)
    wait.submit([a_new_network(f"evil{number}", "evil") for number in range(50)])
    wait.submit([a_new_network("good", "good")])
    served = []
    while len(served) < 8:
        wait.go_on()
        served.append("good" if wait.has("view-good") or wait.has("good") else "evil")
    assert served == ["good", "evil"] * 4 or served == ["evil", "good"] * 4


def test_a_node_whose_work_spoils_calls_shares_none_with_others_for_a_while() -> None:
    wait = Wait(64)
    wait.submit([an_add(f"{POISON}-1", "evil"), *(an_add(f"a{number}", "good") for number in range(7))])
    while wait.call is not None:
        wait.go_on()
    (alarm,) = (note for note in wait.notes if note.event == "node_goes_apart")
    assert alarm.is_alarm
    assert alarm.fields["node"] == "evil"
    wait.submit([an_add("first", "good")])
    wait.submit([an_add(f"{POISON}-2", "evil"), an_add("second", "good")])
    wait.go_on()
    assert wait.has("second") != wait.has(f"{POISON}-2")
    wait.now_s += BLAMED_S
    while wait.call is not None:
        wait.go_on()
    wait.submit([an_add("third", "good")])
    wait.submit([an_add("fourth", "good"), an_add("harmless", "evil")])
    wait.go_on()
    assert wait.has("fourth")
    assert wait.has("harmless")


@pytest.mark.parametrize("count", [NODES_MAX + 5])
def test_what_is_remembered_of_nodes_is_bounded(count: int) -> None:
    turns = Turns()
    for number in range(count):
        turns.took([an_add("x", f"n{number}")], Lead.SHARED)
    first, last = an_add("x", "n0"), an_add("x", f"n{count - 1}")
    assert turns.in_turn([last, first], lambda task: False) == [first, last]
