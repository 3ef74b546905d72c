"""Sees objects that bear this cluster's name and another cluster's id: they are somebody else's."""

from __future__ import annotations

from collections import Counter
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.grid.operations import Unreadable
from coordinator.lane.task import Failed
from coordinator.sweep.listing import ListTask, Page
from protocol.wire.allocation_id import AllocationId

LOOK_S: Final = 3_600.0
ALARM: Final = "another_cluster"


class OtherClusters:
    """Lists what bears the cluster's name when the first listing is complete, and hourly."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._look_s: float | None = None
        self._has_begun = False
        self._found: Counter[str] = Counter()

    def listed(self, now_s: float) -> None:
        """The cluster's own objects are listed: now the others may be."""
        if not self._has_begun:
            self._has_begun = True
            self._begin(now_s)

    def expire(self, now_s: float) -> None:
        """Look again when it is time."""
        if self._look_s is not None and now_s >= self._look_s:
            self._begin(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._look_s

    def _begin(self, now_s: float) -> None:
        self._look_s = None
        self._found = Counter()
        self._read(None, now_s)

    def _read(self, page_id: str | None, now_s: float) -> None:
        task = ListTask(self._parts.writer.list_tenant_page, page_id, self._parts.policy.user)
        self._parts.runner.submit(task, self._listed, now_s)

    def _listed(self, outcome: Page | Failed, now_s: float) -> None:
        if isinstance(outcome, Failed):
            self._parts.outbox.alarm("listing_refused", reason=outcome.problem.msg)
            self._look_s = now_s + LOOK_S
            return
        for hit in outcome.hits:
            try:
                cluster = AllocationId.parse(self._parts.writer.read(hit).allocation).owner.cluster
            except (Unreadable, ValueError):
                continue
            if cluster not in self._parts.policy.cluster_ids:
                self._found[cluster] += 1
        if outcome.next_page_id is not None:
            self._read(outcome.next_page_id, now_s)
            return
        self._look_s = now_s + LOOK_S
        self._conclude(now_s)

    def _conclude(self, now_s: float) -> None:
        if not self._found:
            self._parts.alarms.close(ALARM)
            return
        name = self._parts.policy.cluster_name
        told = ", ".join(f"{cluster} ({count})" for cluster, count in self._found.most_common(5))
        text = f"another cluster is called {name}, too: {told}; give one of them another --cluster-name"
        self._parts.alarms.open(ALARM, "", text, now_s, addresses=self._found.total())
