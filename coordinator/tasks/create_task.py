"""Makes the object of an id that was drawn for it, and never makes two.

No create with the grid's next-available function is sent while the outcome of an earlier one is not known. A
definite refusal is an outcome; a lost reply is not, so it is followed by a search by id. What that search does not
show may still be committed later: the id is then `Unsettled`, its journal lets it go, and the comparison of grid
and journals finds the object.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.core.errors import ApprovalNeeded
from coordinator.core.networks import Network
from coordinator.grid.allocation_object import AllocationObject, unpack
from coordinator.grid.operations import Operation, Reply, Unreadable, Written, is_scheduled
from coordinator.grid.refusals import Kind, Refusal
from coordinator.grid.writer import Writer
from coordinator.lane.task import COMPANY_S, Failed, Priority
from coordinator.tasks.allocation_task import AllocationTask
from protocol.errors import Problem

CREATES_MAX: Final = 4
"""Creates for one id, each definitely refused, before a refusal that should pass is taken for good."""

SEARCHES_MAX: Final = 8
"""Searches for one id that the grid does not answer, before its outcome is told as unknown."""


@dataclass(frozen=True)
class Created:
    """The grid holds this object under the id."""

    object: AllocationObject


@dataclass(frozen=True)
class Unsettled:
    """The grid may hold an object under the id, now or later."""


@dataclass(frozen=True)
class Exhausted:
    """The network has no address left."""


@dataclass(frozen=True)
class Contradicted:
    """The grid does not know the network that was there before."""


CreateOutcome = Created | Unsettled | Exhausted | Contradicted | Failed


class CreateTask(AllocationTask[CreateOutcome]):
    """Takes the next available address of a network under an id, with its label where the ask had one.

    `label_text` is the label as `pack` makes it, or empty.
    """

    priority = Priority.ALLOCATE

    def __init__(
        self,
        writer: Writer,
        user: str,
        allocation: str,
        *,
        node: str,
        network: Network,
        label_text: str,
        mac: str | None,
        for_reserve: bool = False,
    ) -> None:
        super().__init__(writer, user, allocation)
        self.network = network
        self._label_text = label_text
        self.node_name = node
        self._mac = mac
        self._creates = 0
        self._searches = 0
        self._is_unsettled = False
        """Whether a create was sent whose outcome is not known, so that no other may be sent."""
        self._create: Operation | None = None
        if for_reserve:
            self.priority, self.may_wait_s = Priority.REFILL, COMPANY_S

    @property
    def network_key(self) -> str | None:
        return None if self.is_looking else self.network.key

    def operations(self) -> tuple[Operation, ...]:
        if self.is_looking:
            return (self._writer.find(self.allocation),)
        # The lane looks at waiting tasks again and again, and to build the object is the costliest part of an ADD.
        if self._create is None:
            label = unpack(self._label_text) if self._label_text else None
            self._create = self._writer.create(self.allocation, self.node_name, self.network, label, self._mac)
        return (self._create,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> CreateOutcome | None:
        (reply,) = replies
        try:
            return self._looked(reply) if self.is_looking else self._written(reply)
        except Unreadable:
            return self.unknown(now_s)

    def refused(self, refusal: Refusal, now_s: float) -> CreateOutcome | None:
        if self.is_looking:
            return Unsettled()
        self._creates += 1
        if refusal.kind is Kind.EXHAUSTED:
            return Exhausted()
        if refusal.kind is Kind.NO_PARENT:
            return Contradicted()
        if self._creates >= CREATES_MAX or refusal.kind not in (Kind.MAC_TWICE, Kind.EXISTS):
            return Failed(self.problem(refusal, self._action()))
        if refusal.kind is Kind.MAC_TWICE:
            self._mac, self._create = None, None
        return None

    def doubtful(self, now_s: float) -> CreateOutcome | None:
        self.is_looking = True
        return None

    def unknown(self, now_s: float) -> CreateOutcome | None:
        if self.is_looking:
            self._searches += 1
            return Unsettled() if self._searches >= SEARCHES_MAX else None
        self._is_unsettled = True
        self.is_looking = True
        return None

    def given_up(self, problem: Problem) -> CreateOutcome:
        """The lane does not carry it any further: what it owes an answer."""
        return Unsettled() if self.is_looking else Failed(problem)

    def _looked(self, reply: Reply) -> CreateOutcome | None:
        found = self.found(reply)
        if found is not None:
            return self._made(found)
        if self._is_unsettled:
            return Unsettled()
        self.is_looking = False
        return None

    def _written(self, reply: Reply) -> CreateOutcome:
        if not isinstance(reply, Written):
            raise Unreadable("a create that is not answered by an object")
        if is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        return self._made(self.read(reply.object))

    def _made(self, made: AllocationObject) -> Created:
        if made.view != self.network.view or not self.network.contains(made.address):
            raise Unreadable("an address of another network")
        return Created(made)

    def _action(self) -> str:
        return f"give an address of {self.network.subnet}"
