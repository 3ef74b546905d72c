"""Which of the waiting tasks go into the next call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any, Final

from coordinator.lane.task import Priority, Task
from coordinator.lane.turns import Lead, Turns

OVERDUE_S: Final = 30.0
"""No label and no deletion waits longer than this past its time for others to go first."""

LABELS_SHARE_MAX: Final = 0.25
"""While ADDs wait, labels take no more of a call."""


@dataclass(frozen=True)
class Limits:
    """What bounds a batch: operations in all, creates for each network that was short of addresses."""

    operations_max: int
    creates_max: Mapping[str, int]


def plan(ready: Iterable[Task[Any]], limits: Limits, turns: Turns, now_s: float) -> list[Task[Any]]:
    """The tasks for one call, most urgent first, by turns among nodes; empty when nothing is ready.

    A task that is `apart` goes alone. What was in a refused batch goes with its like only, ever fewer at a time,
    until the culprit stands alone. After such a call one follows that others share, if another node waits for it.
    What is overdue goes first in every other call, and leaves half of it to others.
    """
    queue = _queue(ready, limits, turns, now_s)
    if not queue:
        return []
    first, batch = queue[0], _Batch(limits)
    if first.apart:
        return [first]
    if _is_suspect(first):
        suspects = [task for task in queue if _is_suspect(task) and not task.apart]
        batch.fill(suspects[: min(task.companions_max or 1 for task in suspects)], limits.operations_max)
        return batch.tasks
    if turns.is_blamed(first.node, now_s):
        together = [task for task in queue if task.node == first.node and not (task.apart or _is_suspect(task))]
    else:
        together = [task for task in queue if not is_alone(task, turns, now_s)]
    overdue = [task for task in together if _is_overdue(task, now_s)]
    others = [task for task in together if not _is_overdue(task, now_s)]
    leading, following = (others, overdue) if turns.overdue_led else (overdue, others)
    if any(task.priority is Priority.ALLOCATE for task in together):
        batch.bound_labels(int(limits.operations_max * LABELS_SHARE_MAX))
    batch.fill(leading, limits.operations_max // 2 if following else limits.operations_max)
    batch.fill(following, limits.operations_max)
    return batch.tasks


def lead_of(tasks: Sequence[Task[Any]], turns: Turns, now_s: float) -> Lead:
    """What has the first place in a call with these tasks."""
    if is_alone(tasks[0], turns, now_s):
        return Lead.ALONE
    return Lead.OVERDUE if _is_overdue(tasks[0], now_s) else Lead.SHARED


def is_alone(task: Task[Any], turns: Turns, now_s: float) -> bool:
    """Whether the task's next call is none that just anybody can share."""
    return task.apart or _is_suspect(task) or turns.is_blamed(task.node, now_s)


def _queue(ready: Iterable[Task[Any]], limits: Limits, turns: Turns, now_s: float) -> list[Task[Any]]:
    by_rank: dict[int, list[Task[Any]]] = {}
    for task in ready:
        by_rank.setdefault(rank(task, now_s), []).append(task)
    queue = []
    for each in sorted(by_rank):
        # Creates where addresses are short go with their like only, so they leave the first place to others.
        queue += turns.in_turn(by_rank[each], lambda task: task.network_key in limits.creates_max)
    if not turns.alone_last or not queue or queue[0].priority is Priority.START:
        return queue
    together = [task for task in queue if not is_alone(task, turns, now_s)]
    urgent = (task for task in together if rank(task, now_s) <= Priority.ALLOCATE)
    return together if any(task.node not in turns.alone_last for task in urgent) else queue


def rank(task: Task[Any], now_s: float) -> int:
    """How urgent the task is by now; less is more."""
    return Priority.PREPARE if _is_overdue(task, now_s) else task.priority


def _is_overdue(task: Task[Any], now_s: float) -> bool:
    if task.priority not in (Priority.LABEL, Priority.RELEASE):
        return False
    return now_s > task.ready_at_s + OVERDUE_S


def _is_suspect(task: Task[Any]) -> bool:
    return task.companions_max is not None


class _Batch:
    """Grows by tasks that fit: within the limits, with no company that would share another's refusal."""

    def __init__(self, limits: Limits) -> None:
        self.tasks: list[Task[Any]] = []
        self._limits = limits
        self._operations = 0
        self._labels = 0
        self._labels_max = inf
        self._creates: Counter[str | None] = Counter()
        self._subjects: set[str] = set()
        self._company: str | None = None
        self._sets_mac = False

    def bound_labels(self, operations_max: int) -> None:
        """Take no more operations for labels than these, but always one label."""
        self._labels_max = operations_max

    def fill(self, queue: Iterable[Task[Any]], operations_max: int) -> None:
        """Add what fits, in order, until there are so many operations."""
        for task in queue:
            company, cost = self._company_of(task), task.cost()
            if self._is_short(task) or (company and self._company and company != self._company):
                continue
            if task.subject in self._subjects:
                continue
            if self._would_share_refusal(task) or self._is_label_too_many(task, cost):
                continue
            if self.tasks and self._operations + cost > operations_max:
                break
            self.tasks.append(task)
            self._operations += cost
            self._labels += cost if task.priority is Priority.LABEL else 0
            self._creates[task.network_key] += 1
            self._subjects |= {task.subject} - {""}
            self._company = self._company or company
            self._sets_mac = self._sets_mac or task.sets_mac

    def _would_share_refusal(self, task: Task[Any]) -> bool:
        """A MAC that another object bears would refuse the creates in the call, too."""
        has_creates = self._creates.total() > self._creates[None]
        return (task.sets_mac and has_creates) or (self._sets_mac and task.network_key is not None)

    def _is_label_too_many(self, task: Task[Any], cost: int) -> bool:
        return task.priority is Priority.LABEL and self._labels > 0 and self._labels + cost > self._labels_max

    def _is_short(self, task: Task[Any]) -> bool:
        key = task.network_key
        return key is not None and self._creates[key] >= self._limits.creates_max.get(key, inf)

    def _company_of(self, task: Task[Any]) -> str | None:
        """Creates in a network that is short of addresses go with their like; only deletions go with them."""
        if task.network_key in self._limits.creates_max:
            return task.network_key
        return None if task.network_key is None and not task.only_reads() else "others"
