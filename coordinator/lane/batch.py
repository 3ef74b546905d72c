"""Which of the waiting work goes into the next call."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Final

from coordinator.lane.task import Priority, Work
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


def plan(ready: Iterable[Work], limits: Limits, turns: Turns, now_s: float) -> list[Work]:
    """The work for one call, most urgent first, by turns among nodes; empty when nothing is ready.

    Work that is `apart` goes alone. What was in a refused batch goes with its like only, ever fewer at a time,
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
        suspects = [work for work in queue if _is_suspect(work) and not work.apart]
        batch.fill(suspects[: min(work.companions_max or 1 for work in suspects)], limits.operations_max)
        return batch.works
    if turns.is_blamed(first.node, now_s):
        together = [work for work in queue if work.node == first.node and not (work.apart or _is_suspect(work))]
    else:
        together = [work for work in queue if not is_alone(work, turns, now_s)]
    overdue = [work for work in together if _is_overdue(work, now_s)]
    others = [work for work in together if not _is_overdue(work, now_s)]
    leading, following = (others, overdue) if turns.overdue_led else (overdue, others)
    if any(work.priority is Priority.ALLOCATE for work in together):
        batch.bound_labels(int(limits.operations_max * LABELS_SHARE_MAX))
    batch.fill(leading, limits.operations_max // 2 if following else limits.operations_max)
    batch.fill(following, limits.operations_max)
    return batch.works


def lead_of(works: Sequence[Work], turns: Turns, now_s: float) -> Lead:
    """What has the first place in a call with this work."""
    if is_alone(works[0], turns, now_s):
        return Lead.ALONE
    return Lead.OVERDUE if _is_overdue(works[0], now_s) else Lead.SHARED


def is_alone(work: Work, turns: Turns, now_s: float) -> bool:
    """Whether the work's next call is none that just anybody can share."""
    return work.apart or _is_suspect(work) or turns.is_blamed(work.node, now_s)


def _queue(ready: Iterable[Work], limits: Limits, turns: Turns, now_s: float) -> list[Work]:
    by_rank: dict[int, list[Work]] = {}
    for work in ready:
        by_rank.setdefault(rank(work, now_s), []).append(work)
    queue = []
    for each in sorted(by_rank):
        # Creates where addresses are short go with their like only, so they leave the first place to others.
        queue += turns.in_turn(by_rank[each], lambda work: work.network_key in limits.creates_max)
    if not turns.alone_last or not queue or queue[0].priority is Priority.START:
        return queue
    together = [work for work in queue if not is_alone(work, turns, now_s)]
    urgent = (work for work in together if rank(work, now_s) <= Priority.ALLOCATE)
    return together if any(work.node not in turns.alone_last for work in urgent) else queue


def rank(work: Work, now_s: float) -> int:
    """How urgent the work is by now; less is more."""
    return Priority.PREPARE if _is_overdue(work, now_s) else work.priority


def _is_overdue(work: Work, now_s: float) -> bool:
    if work.priority not in (Priority.LABEL, Priority.RELEASE):
        return False
    return now_s > work.ready_at_s + OVERDUE_S


def _is_suspect(work: Work) -> bool:
    return work.companions_max is not None


class _Batch:
    """Grows by work that fits: within the limits, with no company that would share another's refusal."""

    def __init__(self, limits: Limits) -> None:
        self.works: list[Work] = []
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

    def fill(self, queue: Iterable[Work], operations_max: int) -> None:
        """Add what fits, in order, until there are so many operations."""
        for work in queue:
            company, cost = self._company_of(work), work.cost()
            if self._is_short(work) or (company and self._company and company != self._company):
                continue
            if work.subject in self._subjects:
                continue
            if self._would_share_refusal(work) or self._is_label_too_many(work, cost):
                continue
            if self.works and self._operations + cost > operations_max:
                break
            self.works.append(work)
            self._operations += cost
            self._labels += cost if work.priority is Priority.LABEL else 0
            self._creates[work.network_key] += 1
            self._subjects |= {work.subject} - {""}
            self._company = self._company or company
            self._sets_mac = self._sets_mac or work.sets_mac

    def _would_share_refusal(self, work: Work) -> bool:
        """A MAC that another object bears would refuse the creates in the call, too."""
        has_creates = self._creates.total() > self._creates[None]
        return (work.sets_mac and has_creates) or (self._sets_mac and work.network_key is not None)

    def _is_label_too_many(self, work: Work, cost: int) -> bool:
        return work.priority is Priority.LABEL and self._labels > 0 and self._labels + cost > self._labels_max

    def _is_short(self, work: Work) -> bool:
        key = work.network_key
        return key is not None and self._creates[key] >= self._limits.creates_max.get(key, inf)

    def _company_of(self, work: Work) -> str | None:
        """Creates in a network that is short of addresses go with their like; only deletions go with them."""
        if work.network_key in self._limits.creates_max:
            return work.network_key
        return None if work.network_key is None and not work.only_reads() else "others"
