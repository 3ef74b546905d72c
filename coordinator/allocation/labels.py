"""Writes labels on allocations that a session claims, and confirms them to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from coordinator.allocation.parts import Parts
from coordinator.core.changes import Change, ChangeKind
from coordinator.grid.allocation_object import pack
from coordinator.grid.kinds import KINDS
from coordinator.nodes.sessions import Session
from coordinator.tasks.label_task import Absent, Labelled, LabelOutcome, LabelTask
from protocol.family import Family
from protocol.wire import messages
from protocol.wire.allocation_id import AllocationId
from protocol.wire.values import PAGE_ROWS_MAX, Label, LabelRow

WAITING_OF_NODE_MAX: Final = 1_024
"""So many labels of one node may wait for the lane; its agent sends the rest again."""


class Labels:
    """The labels on their way. A label whose allocation was let go meanwhile is dropped."""

    def __init__(self, parts: Parts, missing: Callable[[str, float], None]) -> None:
        self._parts = parts
        self._missing = missing
        """Told an id that a session claims and that the grid lacks, with the time."""
        self._tasks: dict[str, LabelTask] = {}
        self._of_node: dict[str, int] = {}
        self._confirmed: dict[bytes, list[str]] = {}

    def __len__(self) -> int:
        return len(self._tasks)

    def oldest_s(self, now_s: float) -> float:
        """How long the label that waits longest has waited; 0 where none does."""
        oldest = next(iter(self._tasks.values()), None)
        return max(0.0, now_s - oldest.submitted_at_s) if oldest else 0.0

    def set(self, session: Session, row: LabelRow, now_s: float) -> None:
        """The session's journal says which attachment an allocation of its has."""
        allocation, node = row.allocation, session.owner.node
        if allocation not in session.claims or allocation in self._tasks:
            return
        self._parts.sessions.hold(session, allocation)
        parts, place = self._parts, session.claims[allocation]
        mac = self.mac_of(allocation, row.label, place.family)
        known = parts.index.get(allocation)
        if known and known.label_text == pack(row.label.model_copy(update={"mac": mac})):
            self._confirm(session, allocation)
            return
        if self._of_node.get(node, 0) >= WAITING_OF_NODE_MAX:
            return
        task = LabelTask(
            parts.writer.of(place.family),
            parts.policy.user,
            allocation,
            parts.references,
            node=session.node,
            label=row.label,
            mac=mac,
        )
        self._tasks[allocation] = task
        self._of_node[node] = self._of_node.get(node, 0) + 1
        parts.outbox.record(
            Change(
                kind=ChangeKind.HELD,
                at_s=now_s,
                allocation=allocation,
                view=place.view,
                subnet=place.subnet,
                address=place.address,
                network_name=place.network_name,
                node=session.node,
                label_text=pack(row.label),
            )
        )
        parts.runner.submit(task, lambda outcome, at_s: self._ended(allocation, outcome, at_s), now_s)

    def drop(self, allocation: str) -> None:
        """The allocation was let go: its label is of no use any more."""
        task = self._tasks.get(allocation)
        if task and self._parts.runner.withdraw(task):
            self._forget(allocation)

    def mac_of(self, allocation: str, label: Label, family: Family) -> str | None:
        """The MAC that the object shall have: one that no other object of ours bears. IPv6 objects have none."""
        if label.mac is None or not KINDS[family].client_of_mac(label.mac) or self._parts.policy.reservations_only:
            return None
        return None if self._parts.index.has_mac(label.mac, other_than=allocation) else label.mac

    def flush(self) -> None:
        """Send what was confirmed since the last time, many in one message."""
        outbox = self._parts.outbox
        for connection, allocations in self._confirmed.items():
            for at in range(0, len(allocations), PAGE_ROWS_MAX):
                page = allocations[at : at + PAGE_ROWS_MAX]
                outbox.send(connection, messages.Labelled(id=outbox.draw(), allocations=page))
        self._confirmed = {}

    def _ended(self, allocation: str, outcome: LabelOutcome, now_s: float) -> None:
        self._forget(allocation)
        session = self._parts.sessions.of_owner(AllocationId.parse(allocation).owner)
        if isinstance(outcome, Labelled):
            self._parts.index.saw(outcome.object)
            if session and allocation in session.claims:
                self._confirm(session, allocation)
        elif isinstance(outcome, Absent):
            self._parts.index.drop(allocation)
            if session and allocation in session.claims:
                self._missing(allocation, now_s)
        else:
            known = self._parts.index.get(allocation)
            facts = known.log_facts() if known else {"allocation": allocation}
            self._parts.outbox.alarm("label_failed", **facts, reason=outcome.problem.msg)

    def _forget(self, allocation: str) -> None:
        del self._tasks[allocation]
        node = AllocationId.parse(allocation).owner.node
        self._of_node[node] -= 1
        if not self._of_node[node]:
            del self._of_node[node]

    def _confirm(self, session: Session, allocation: str) -> None:
        self._confirmed.setdefault(session.connection, []).append(allocation)
