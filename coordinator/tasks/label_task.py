"""Writes on an object, found by its id, what people read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.core.errors import ApprovalNeeded, OutcomeUnknown
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Operation, Reply, Unreadable, Written, is_scheduled
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import COMPANY_S, Failed, Priority
from coordinator.tasks.references import References
from coordinator.tasks.referring_task import ReferringTask
from protocol.wire.values import Label

WRITES_MAX: Final = 4
"""How often one label is written in vain before its node has to ask again."""


@dataclass(frozen=True)
class Labelled:
    """The object bears the label."""

    object: AllocationObject


@dataclass(frozen=True)
class Absent:
    """The grid holds nothing under the id."""


LabelOutcome = Labelled | Absent | Failed


class LabelTask(ReferringTask[LabelOutcome]):
    """A label may be written again at any time, since it is one attachment's alone."""

    priority = Priority.LABEL
    patient = True
    may_wait_s = COMPANY_S

    def __init__(
        self,
        writer: Writer,
        user: str,
        allocation: str,
        references: References,
        *,
        node: str,
        label: Label,
        mac: str | None,
    ) -> None:
        super().__init__(writer, user, allocation, references)
        self.label = label
        self.node_name = node
        self._mac = mac
        self._vain = 0

    @property
    def sets_mac(self) -> bool:
        return self._mac is not None and not self.must_look

    def operations(self) -> tuple[Operation, ...]:
        if self.must_look:
            return (self._writer.find(self.allocation),)
        return (self._writer.label(self.allocation, self.node_name, self.label, self._mac),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> LabelOutcome | None:
        (reply,) = replies
        try:
            return self._looked(reply) if self.must_look else self._written(reply)
        except Unreadable:
            return self._in_vain()

    def refused(self, refusal: Refusal, now_s: float) -> LabelOutcome | None:
        if refusal.kind is Kind.MAC_TWICE and self._mac is not None:
            self._mac = None
            return None
        self._vain += 1
        if self._vain >= WRITES_MAX:
            return Failed(self.problem(refusal, "label an address"))
        # No hit is refused too, in words that nobody has recorded: a plain search tells.
        self.is_looking = True
        return None

    def doubtful(self, now_s: float) -> LabelOutcome | None:
        return None

    def unknown(self, now_s: float) -> LabelOutcome | None:
        if not self.must_look:
            self.lost(now_s)
        return self._in_vain()

    def _looked(self, reply: Reply) -> LabelOutcome | None:
        if self.found(reply) is None:
            return Absent()
        self.is_looking = False
        self.rest()
        return None

    def _written(self, reply: Reply) -> LabelOutcome:
        if not isinstance(reply, Written):
            raise Unreadable("an update that is not answered by an object")
        if is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        return Labelled(self.read(reply.object))

    def _in_vain(self) -> LabelOutcome | None:
        self._vain += 1
        return Failed(OutcomeUnknown(action="label an address")) if self._vain >= WRITES_MAX else None
