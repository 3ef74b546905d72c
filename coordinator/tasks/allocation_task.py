"""What the tasks of the lane for allocations have in common."""

from __future__ import annotations

from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.operations import Found, Reply, Unreadable
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import Outcome, Task
from protocol.errors import Problem
from protocol.wire.allocation_id import AllocationId


class AllocationTask(Task[Outcome]):
    """A task about one allocation. Whatever became of a write is looked up by the id, never guessed."""

    def __init__(self, writer: Writer, user: str, allocation: str) -> None:
        super().__init__()
        self.allocation = self.subject = allocation
        self.node = AllocationId.parse(allocation).owner.node
        self.is_looking = False
        """Whether its next step is the search by id that follows a write of unknown outcome."""
        self.is_separate = False
        """Whether the grid takes single calls only, so that a write goes to a reference (rule S)."""
        self._writer = writer
        self._user = user

    def goes_separately(self) -> None:
        self.is_separate = True

    def goes_by_request(self, now_s: float) -> None:
        self.is_separate = False

    def found(self, reply: Reply) -> AllocationObject | None:
        """What the search by id found. Raises `Unreadable` for more than one object, or for another id."""
        if not isinstance(reply, Found) or len(reply.hits) > 1:
            raise Unreadable("an id that is not of one object")
        return self.read(reply.hits[0]) if reply.hits else None

    def read(self, hit: object) -> AllocationObject:
        """The object of a reply. Raises `Unreadable` where it is not this allocation's."""
        read = self._writer.read(hit)  # type: ignore[arg-type]
        if read.allocation != self.allocation:
            raise Unreadable("the object of another id")
        return read

    def problem(self, refusal: Refusal, action: str) -> Problem:
        """The failure that a refusal of the grid is to whoever asked."""
        return as_problem(refusal, action, self._user)
