"""Puts back what the grid lacks of a claim: the same id at its very address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from coordinator.core.errors import ObjectEdited, OutcomeUnknown
from coordinator.core.networks import Network
from coordinator.grid import comment
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, Written
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import Failed, Priority
from coordinator.tasks.allocation_task import AllocationTask
from protocol.wire.allocation_id import AllocationId

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


@dataclass(frozen=True)
class Forestalled:
    """The grid holds nothing under the id, so none was made: the claim `by` to the address was there first."""

    by: str


RepairOutcome = InPlace | Occupied | Forestalled | Failed


class _Step(Enum):
    FIND = auto()
    CREATE = auto()
    LOOK_AT_PLACE = auto()
    FIND_NAMED = auto()
    GIVE_ID_BACK = auto()


class RepairTask(AllocationTask[RepairOutcome]):
    """It may be repeated at any time: the grid takes one object for an address, and the id stays the same.

    `rival` is the claim of another id to the same address that was there first; empty where there is none.
    """

    priority = Priority.LABEL
    patient = True

    def __init__(
        self,
        writer: Writer,
        user: str,
        allocation: str,
        *,
        node: str,
        network: Network,
        address: str,
        cluster_ids: frozenset[str],
        rival: str,
    ) -> None:
        super().__init__(writer, user, allocation)
        self.network = network
        self.address = address
        self.node_name = node
        self._step = _Step.FIND
        self._cluster_ids = cluster_ids
        self._rival = rival
        self._edited: AllocationObject | None = None
        """What is at the place, and has lost its id."""
        self._named = ""
        """The id that its comment names."""
        self._refusal: Refusal | None = None
        """Why the object could not be made at its place."""
        self._vain = 0

    def hurry(self) -> None:
        """A network waits for it: it goes like an ADD."""
        self.priority = Priority.PREPARE

    def _go_to(self, step: _Step) -> None:
        self._step = step
        # What other steps search for, other tasks of the same call may search for by its id.
        self.apart = step not in (_Step.FIND, _Step.CREATE)

    def operations(self) -> tuple[Operation, ...]:
        writer, view, address = self._writer, self.network.view, self.address
        if self._step is _Step.FIND:
            return (writer.find(self.allocation),)
        if self._step is _Step.CREATE:
            return (writer.recreate(self.allocation, self.node_name, self.network, address),)
        if self._step is _Step.LOOK_AT_PLACE:
            return (writer.find_at(view, address),)
        if self._step is _Step.FIND_NAMED:
            return (writer.find(self._named),)
        edited_comment = self._edited.comment if self._edited else ""
        return (writer.give_id_back(self._named, view, address, edited_comment),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> RepairOutcome | None:
        (reply,) = replies
        try:
            if self._step is _Step.FIND:
                return self._looked(self.found(reply))
            if self._step is _Step.LOOK_AT_PLACE:
                return self._looked_at_place(reply)
            if self._step is _Step.FIND_NAMED:
                return self._looked_for_named(reply)
            if not isinstance(reply, Written):
                raise Unreadable("a write that is not answered by an object")
            return self._at_place(self._writer.read(reply.object))
        except Unreadable:
            return self.unknown(now_s)

    def refused(self, refusal: Refusal, now_s: float) -> RepairOutcome | None:
        self._vain += 1
        if self._vain >= WRITES_MAX:
            return Failed(self.problem(refusal, f"put {self.address} back"))
        may_be_taken = self._step is _Step.CREATE and refusal.kind in (Kind.EXISTS, Kind.OTHER)
        self._refusal = refusal
        self._go_to(_Step.LOOK_AT_PLACE if may_be_taken else _Step.FIND)
        return None

    def doubtful(self, now_s: float) -> RepairOutcome | None:
        self._go_to(_Step.FIND)
        return None

    def unknown(self, now_s: float) -> RepairOutcome | None:
        self._vain += 1
        self._go_to(_Step.FIND)
        return Failed(OutcomeUnknown(action=f"put {self.address} back")) if self._vain >= WRITES_MAX else None

    def _looked(self, found: AllocationObject | None) -> RepairOutcome | None:
        if found is None:
            if self._rival:
                return Forestalled(by=self._rival)
            self._go_to(_Step.CREATE)
            return None
        is_here = (found.view, found.address) == (self.network.view, self.address)
        return InPlace(found) if is_here else Occupied(None)

    def _looked_at_place(self, reply: Reply) -> RepairOutcome | None:
        if not isinstance(reply, Found):
            raise Unreadable("a search that is not answered by hits")
        if reply.hits:
            return self._at_place(self._writer.read(reply.hits[0]))
        if self._refusal and self._refusal.kind is Kind.EXISTS:
            # Something else than a fixed address is there: a lease, a host record, the edge of a range.
            return Occupied(None)
        self._go_to(_Step.FIND)
        return None

    def _at_place(self, by: AllocationObject) -> RepairOutcome | None:
        """What the place's object means for the claim; None where that gets its own id back first."""
        if by.allocation == self.allocation:
            return InPlace(by)
        named = comment.read(by.comment)
        if by.allocation or named is None or not self._is_ours(named.allocation):
            return Occupied(by)
        if self.is_separate:
            attribute = self._writer.names.allocation_id
            return Failed(
                ObjectEdited(address=by.address, view=by.view, attribute=attribute, allocation=named.allocation)
            )
        self._edited, self._named = by, named.allocation
        self._go_to(_Step.FIND_NAMED)
        return None

    def _looked_for_named(self, reply: Reply) -> RepairOutcome | None:
        if not isinstance(reply, Found):
            raise Unreadable("a search that is not answered by hits")
        if reply.hits:
            # The id is in use elsewhere, so this object is a copy, and whoever made it owns it.
            return Occupied(self._edited)
        self._go_to(_Step.GIVE_ID_BACK)
        return None

    def _is_ours(self, allocation: str) -> bool:
        return AllocationId.parse(allocation).owner.cluster in self._cluster_ids
