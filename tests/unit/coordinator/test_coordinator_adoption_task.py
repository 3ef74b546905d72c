"""An id is written once, in whatever order two commands and the grid come to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from hypothesis import example, given
from hypothesis import strategies as st

from coordinator.admin.adoption.homes import Seen
from coordinator.admin.adoption.task import Adopted, AdoptionTask, NotAdopted
from coordinator.admin.bare_object import read
from coordinator.grid.calls import Answered, Call, Form, Refused
from coordinator.grid.exchange import RefusedError, perform
from coordinator.grid.operations import is_write
from coordinator.grid.refusals import classify
from coordinator.grid.writer import Writer
from gridsim.database import calls
from gridsim.legacy import LegacyCluster, LegacyPod, create_legacy
from gridsim.model import Grid
from protocol.wire.values import Interface

CLUSTER = "c0ffee000000"
POD = f"{7:064x}"
STEPS_MAX = 60
WRITER = Writer(CLUSTER, "blue")
HOME = Seen("node-1", Interface(namespace="/run/netns/a", inode=7, ifname="eth0", addresses=["10.55.0.2"]))


class Commands:
    """Two commands at one object, and writes that the grid commits later."""

    def __init__(self, comment: str) -> None:
        self.grid = Grid()
        create_legacy(
            self.grid, LegacyCluster("10.55.0.0/24", "10.55.0.1", tenant="blue", pods=(LegacyPod("w", POD),))
        )
        if comment:
            self.grid.update(self.hit()["_ref"], {"comment": comment})
        found = read(WRITER, self.hit())
        self.tasks = [
            AdoptionTask(WRITER, "pods", self.id_of(number), found=found, home=HOME, mark=f"adopt-{number}")
            for number in (0, 1)
        ]
        self.outcomes: list[object] = [None, None]
        self.late: list[Callable[[], object]] = []
        self.seen: list[str] = []

    @staticmethod
    def id_of(number: int) -> str:
        return f"{CLUSTER}-{'1' * 16}-{'2' * 8}-{'3' * 8}-{'4' * 4}-{'0' * 8}-{number:012x}"

    def hit(self) -> dict[str, Any]:
        query = [("ipv4addr", "10.55.0.2"), ("_return_fields", ",".join(WRITER.kind.fields))]
        (hit,) = self.grid.call(calls.Call("GET", WRITER.kind.fixed, query, None)).body
        return dict(hit)

    def step(self, number: int, fate: str) -> None:
        """One call of one command; its reply may be lost, or the grid may carry it out later."""
        task = self.tasks[number]
        if self.outcomes[number] is not None:
            return
        operations = task.operations()
        call = Call(1, operations, Form.REQUEST, 10.0)
        if fate == "late" and any(is_write(each) for each in operations):
            self.late.append(lambda: self.perform(call))
            self.outcomes[number] = task.unknown(0.0)
            return
        landing = self.perform(call)
        if fate != "answered":
            self.outcomes[number] = task.unknown(0.0)
        elif isinstance(landing, Answered):
            self.outcomes[number] = task.answered(landing.replies, 0.0)
        elif isinstance(landing, Refused):
            self.outcomes[number] = task.refused(landing.refusal, 0.0)

    def commit_late(self) -> None:
        if self.late:
            self.late.pop(0)()

    def perform(self, call: Call) -> object:
        landing = perform(call, self.transport, lambda: 0.0)
        allocation = self.hit()["extattrs"].get("Allocation ID", {}).get("value")
        if allocation and allocation not in self.seen:
            self.seen.append(allocation)
        return landing

    def transport(self, http: Any, read_timeout_s: float) -> Any:
        reply = self.grid.call(
            calls.Call(http.method, unquote(http.path), calls.parse_query(http.query), http.body)
        )
        if reply.status >= 400:
            raise RefusedError(classify(reply.status, reply.body))
        return reply.body


STEPS = st.lists(
    st.one_of(
        st.tuples(st.sampled_from((0, 1)), st.sampled_from(("answered", "answered", "lost", "late"))),
        st.just(None),
    ),
    max_size=30,
)


@given(STEPS, st.sampled_from(("", "somebody's")))
@example([(0, "answered"), (0, "late"), *[(0, "answered")] * 3, (1, "answered")], "")
def test_an_object_gets_one_id_and_keeps_it(steps: list[tuple[int, str] | None], comment: str) -> None:
    commands = Commands(comment)
    for step in steps:
        if step is None:
            commands.commit_late()
        else:
            commands.step(*step)
    for _ in range(STEPS_MAX):
        commands.step(0, "answered")
        commands.commit_late()
        commands.step(1, "answered")
    assert len(commands.seen) <= 1
    for number, outcome in enumerate(commands.outcomes):
        if isinstance(outcome, Adopted):
            assert commands.seen == [commands.id_of(number)]
            assert outcome.object.allocation == commands.id_of(number)
        else:
            assert outcome is not None


def test_the_one_that_comes_too_late_is_told() -> None:
    commands = Commands("")
    for _ in range(5):
        commands.step(0, "answered")
    commands.step(1, "answered")
    assert isinstance(commands.outcomes[0], Adopted)
    assert commands.outcomes[1] == NotAdopted("somebody else has adopted it")
