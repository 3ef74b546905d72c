"""Writes an id on an object that has none.

The id is written on condition of the object's comment, which the same write changes: of two commands at once, one
finds nothing. Most of these objects have no comment, which is no condition: each gets a mark first.
Each mark is written once, and no other is like it. A grid that carries a write out late may bring a mark, but
never the same one twice: what rests on a mark fails as soon as anything else has been written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.admin import bare_object
from coordinator.admin.adoption.homes import Seen
from coordinator.admin.bare_object import BareObject
from coordinator.core.errors import ApprovalNeeded, OutcomeUnknown
from coordinator.grid.allocation_object import AllocationObject, NewLabel
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, UpdateFound, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import Failed, Priority, Task
from protocol.wire.values import NAMESPACE_PATH_LENGTH_MAX

WRITES_MAX: Final = 6
"""How often something is written in vain; what is refused in company does not count, since the company shrinks."""
MARK_ENDING: Final = " takes it over"


@dataclass(frozen=True)
class Adopted:
    """The grid shows the id on the object."""

    object: AllocationObject


@dataclass(frozen=True)
class NotAdopted:
    """The object is not any more what it was when it was listed; `why` is for people."""

    why: str


AdoptionOutcome = Adopted | NotAdopted | Failed


class AdoptionTask(Task[AdoptionOutcome]):
    """Looks, then writes what the look calls for, until a look shows the id. `mark` is drawn for this task."""

    priority = Priority.RELEASE

    def __init__(
        self, writer: Writer, user: str, allocation: str, *, found: BareObject, home: Seen, mark: str
    ) -> None:
        super().__init__()
        self.found = found
        self._writer = writer
        self._user = user
        self._allocation = allocation
        self._home = home
        self._mark = mark
        self._marks_written = 0
        self._write: UpdateFound | None = None
        self._vain_writes = 0
        self._is_separate = False

    def goes_separately(self) -> None:
        """Single calls write by reference, whoever has that by then: no id is ever written so."""
        self._is_separate = True

    def goes_by_request(self, now_s: float) -> None:
        self._is_separate = False

    def operations(self) -> tuple[Operation, ...]:
        if self._write is None:
            return (self._writer.find_at(self.found.view, self.found.address),)
        return (self._write,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> AdoptionOutcome | None:
        (reply,) = replies
        if isinstance(reply, Found):
            return self._looked(reply)
        if isinstance(reply, Written) and is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        self._write = None
        return None

    def refused(self, refusal: Refusal, now_s: float) -> AdoptionOutcome | None:
        self._vain_writes += 1
        if self._write is None or self._vain_writes >= WRITES_MAX:
            return Failed(as_problem(refusal, f"adopt {self.found.address}", self._user))
        # No hit is refused too, in words that nobody has recorded: a plain search tells.
        self._write = None
        return None

    def doubtful(self, now_s: float) -> AdoptionOutcome | None:
        self._write = None
        return None

    def unknown(self, now_s: float) -> AdoptionOutcome | None:
        self._vain_writes += self._write is not None
        self._write = None
        return None

    def _looked(self, found: Found) -> AdoptionOutcome | None:
        if len(found.hits) != 1:
            return NotAdopted("it is gone from the grid" if not found.hits else "the grid holds it twice")
        try:
            hit = bare_object.read(self._writer, found.hits[0])
            if hit.allocation == self._allocation:
                return Adopted(self._writer.read(found.hits[0]))
        except Unreadable:
            return NotAdopted("the grid shows it in an unreadable way")
        if why := self._why_not(hit):
            return NotAdopted(why)
        if self._vain_writes >= WRITES_MAX:
            return Failed(OutcomeUnknown(action=f"adopt {self.found.address}"))
        self._write = self._next_write(hit)
        return None

    def _why_not(self, hit: BareObject) -> str:
        if hit.allocation:
            return "somebody else has adopted it"
        if (hit.container_id, hit.ifname, hit.location) != (self.found.container_id, "", ""):
            return "somebody has edited it meanwhile: list again"
        return "the grid user may not use 'request', so no id can be written safely" if self._is_separate else ""

    def _next_write(self, hit: BareObject) -> UpdateFound:
        if not hit.comment:
            self._marks_written += 1
            return self._writer.mark(hit.old_identity, f"{self._mark}.{self._marks_written}{MARK_ENDING}")
        interface, node = self._home.interface, self._home.node
        told = f"{hit.name or 'container ' + hit.container_id} on {node}, cluster {self._writer.cluster_name}"
        label = NewLabel(
            node=node,
            ifname=interface.ifname,
            people=told if hit.comment.endswith(MARK_ENDING) else hit.comment,
            namespace=interface.namespace if len(interface.namespace) <= NAMESPACE_PATH_LENGTH_MAX else "",
            inode=interface.inode,
        )
        return self._writer.give_id(self._allocation, hit.old_identity, hit.comment, label)
