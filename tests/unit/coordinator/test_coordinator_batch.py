"""Whatever waits: which of it goes into the next call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from math import inf
from typing import Any

import hypothesis.strategies as st
from hypothesis import given, settings

from coordinator.grid.operations import Create, DeleteFound, Operation, Reply, Search
from coordinator.grid.refusals import Refusal
from coordinator.lane.batch import Limits, plan
from coordinator.lane.task import Priority, Task
from coordinator.lane.turns import Turns

NOW_S = 1000.0
OPERATIONS: dict[type, Operation] = {
    kind: kind("fixedaddress", {}, ("name",)) for kind in (Create, DeleteFound, Search)
}


class Waiting(Task[Any]):
    """A task that only waits."""

    def __init__(
        self, kind: type, network: str | None, is_apart: object, companions: int | None, age_s: float
    ) -> None:
        super().__init__()
        self._operation = OPERATIONS[kind]
        self._network = network if kind is Create else None
        self.priority = Priority.RELEASE if kind is DeleteFound else Priority.ALLOCATE
        self.apart = bool(is_apart)
        self.companions_max = companions
        self.submitted_at_s = self.ready_at_s = NOW_S - age_s

    @property
    def network_key(self) -> str | None:
        return self._network

    def operations(self) -> tuple[Operation, ...]:
        return (self._operation,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        return None

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        return None

    def doubtful(self, now_s: float) -> object | None:
        return None

    def unknown(self, now_s: float) -> object | None:
        return None


waiting = st.builds(
    Waiting,
    st.sampled_from(list(OPERATIONS)),
    st.sampled_from(["short", "ample"]),
    st.sampled_from([*[False] * 9, True]),
    st.sampled_from([*[None] * 6, 1, 2]),
    st.sampled_from([0.0, 5.0, 100.0]),
)
limits = st.builds(Limits, st.integers(1, 12), st.sampled_from([{}, {"short": 1}, {"short": 2}]))


@settings(max_examples=300, deadline=None)
@given(ready=st.lists(waiting, max_size=20), limits=limits)
def test_a_batch_makes_progress_within_every_limit(ready: list[Waiting], limits: Limits) -> None:
    batch = plan(ready, limits, Turns(), NOW_S)
    assert bool(batch) == bool(ready)
    assert len(set(batch)) == len(batch)
    assert set(batch) <= set(ready)
    assert len(batch) == 1 or sum(task.cost() for task in batch) <= limits.operations_max
    assert len(batch) == 1 or not any(task.apart for task in batch)
    creates = Counter(task.network_key for task in batch if task.network_key)
    assert all(count <= limits.creates_max.get(key, inf) for key, count in creates.items())


@settings(max_examples=300, deadline=None)
@given(ready=st.lists(waiting, max_size=20), limits=limits)
def test_what_may_be_a_culprit_shares_a_call_with_its_like_only(ready: list[Waiting], limits: Limits) -> None:
    batch = plan(ready, limits, Turns(), NOW_S)
    suspects = [task for task in batch if task.companions_max is not None]
    if suspects and not batch[0].apart:
        assert suspects == batch
        assert len(batch) <= min(task.companions_max or 1 for task in batch)
