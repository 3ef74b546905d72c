"""Puts back what the grid lacks of a claim: the same id at its very address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from coordinator.allocation.task import AllocationTask
from coordinator.core.errors import OutcomeUnknown
from coordinator.core.networks import Network
from coordinator.grid import comment
from coordinator.grid.allocation_object import AllocationObject, Writer
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, Written
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Failed, Priority

WRITES_MAX: Final = 4
"""How often it is written in vain; what is refused in company does not count, since the company shrinks."""


@dataclass(frozen=True)
class InPlace:
    """The grid holds the claim's object, now or still."""

    object: AllocationObject


@dataclass(frozen=True)
class Occupied:
    """Another object has the address; `by` bears an id of ours, or none."""

    by: AllocationObject | None


RepairOutcome = InPlace | Occupied | Failed


class _Step(Enum):
    FIND = auto()
    CREATE = auto()
    LOOK_AT_PLACE = auto()
    GIVE_ID_BACK = auto()


class RepairTask(AllocationTask[RepairOutcome]):
    """It may be repeated at any time: the grid takes one object for an address, and the id stays the same."""

    priority = Priority.LABEL
    patient = True

    def __init__(
        self, writer: Writer, user: str, allocation: str, *, node: str, network: Network, address: str
    ) -> None:
        super().__init__(writer, user, allocation)
        self.network = network
        self.address = address
        self.node_name = node
        self._step = _Step.FIND
        self._edited_comment = ""
        self._vain = 0

    def hurry(self) -> None:
        """A network waits for it: it goes like an ADD."""
        self.priority = Priority.PREPARE

    def operations(self) -> tuple[Operation, ...]:
        writer, view, address = self._writer, self.network.view, self.address
        if self._step is _Step.FIND:
            return (writer.find(self.allocation),)
        if self._step is _Step.CREATE:
            return (writer.recreate(self.allocation, self.node_name, self.network, address),)
        if self._step is _Step.LOOK_AT_PLACE:
            return (writer.find_at(view, address),)
        return (writer.give_id_back(self.allocation, view, address, self._edited_comment),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> RepairOutcome | None:
        (reply,) = replies
        try:
            if self._step is _Step.FIND:
                return self._looked(self.found(reply))
            if self._step is _Step.LOOK_AT_PLACE:
                return self._looked_at_place(reply)
            if not isinstance(reply, Written):
                raise Unreadable("a write that is not answered by an object")
            return InPlace(self.read(reply.object))
        except Unreadable:
            return self.unknown(now_s)

    def refused(self, refusal: Refusal, now_s: float) -> RepairOutcome | None:
        self._vain += 1
        if self._vain >= WRITES_MAX:
            return Failed(self.problem(refusal, f"put {self.address} back"))
        is_taken = self._step is _Step.CREATE and refusal.kind is Kind.EXISTS
        self._step = _Step.LOOK_AT_PLACE if is_taken else _Step.FIND
        return None

    def doubtful(self, now_s: float) -> RepairOutcome | None:
        self._step = _Step.FIND
        return None

    def unknown(self, now_s: float) -> RepairOutcome | None:
        self._vain += 1
        self._step = _Step.FIND
        return Failed(OutcomeUnknown(action=f"put {self.address} back")) if self._vain >= WRITES_MAX else None

    def _looked(self, found: AllocationObject | None) -> RepairOutcome | None:
        if found is None:
            self._step = _Step.CREATE
            return None
        is_here = (found.view, found.address) == (self.network.view, self.address)
        return InPlace(found) if is_here else Occupied(None)

    def _looked_at_place(self, reply: Reply) -> RepairOutcome | None:
        if not isinstance(reply, Found):
            raise Unreadable("a search that is not answered by hits")
        if not reply.hits:
            # Something else than a fixed address is there: a lease, a host record, the edge of a range.
            return Occupied(None)
        by = self._writer.read(reply.hits[0])
        if by.allocation == self.allocation:
            return InPlace(by)
        named = comment.read(by.comment)
        if not by.allocation and named and named.allocation == self.allocation:
            self._edited_comment = by.comment
            self._step = _Step.GIVE_ID_BACK
            return None
        return Occupied(by)
