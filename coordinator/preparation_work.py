"""Work that no request waits for: definitions of attributes, the listing, objects given back to their holders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from coordinator import objects
from coordinator.attachment_work import COMMIT_LATE_S
from coordinator.core.errors import ApprovalNeeded
from coordinator.grid.operations import (
    Found,
    Object,
    Operation,
    Reply,
    Unreadable,
    UpdateFound,
    Written,
    is_scheduled,
)
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Failed, Priority, Work
from coordinator.objects import FixedAddress, read_fixed_address
from coordinator.ownership import (
    EA_TYPES,
    Owner,
)

CREATES_MAX: Final = 4
"""How often something that a search does not show is created, refused or unanswered each time."""


@dataclass(frozen=True)
class Defined:
    """Which of our extensible attributes are still undefined, as far as this user can see."""

    missing: tuple[str, ...]
    created: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """One page of the cluster's addresses; `next_page` is the work that reads the one after it."""

    hits: tuple[Object, ...]
    next_page: ListWork | None

    @cached_property
    def addresses(self) -> list[FixedAddress]:
        """What can be read of the page, which takes about as long as the grid takes to send it."""
        return _readable(self.hits)

    @property
    def unreadable(self) -> int:
        """How many objects of the page are no fixed addresses as they should be."""
        return len(self.hits) - len(self.addresses)


@dataclass(frozen=True)
class Reassigned:
    """The object at the address is now its rightful holder's."""


class WorkApart(Work):
    """Work that shares no call, so that a refusal is always its own."""

    apart = True

    def doubtful(self, now_s: float) -> object | None:
        return self.unknown(now_s)


class DefinitionsWork(WorkApart):
    """Looks for the definitions of our extensible attributes; creates those that are missing, if it may.

    A user who may not see definitions gets an empty answer, so what seems to be missing is only reported.
    """

    priority = Priority.START
    patient = True

    def __init__(self) -> None:
        super().__init__()
        self._missing: list[str] = []
        self._created: list[str] = []
        self._creates_lost = 0
        self._searching = True

    def operations(self) -> tuple[Operation, ...]:
        if self._searching:
            return tuple(objects.find_definition(name) for name in EA_TYPES)
        return (objects.create_definition(self._missing[0]),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        if not self._searching:
            self._created.append(self._missing.pop(0))
            return None if self._missing else self._outcome()
        found = zip(EA_TYPES, replies, strict=True)
        self._missing = [name for name, reply in found if isinstance(reply, Found) and not reply.hits]
        self._searching = False
        return None if self._missing else self._outcome()

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if refusal.kind is not Kind.EXISTS or self._searching:
            return self._outcome()
        self._missing.pop(0)
        return None if self._missing else self._outcome()

    def unknown(self, now_s: float) -> object | None:
        self._creates_lost += not self._searching
        self._searching = True
        return self._outcome() if self._creates_lost >= CREATES_MAX else None

    def _outcome(self) -> Defined:
        return Defined(tuple(self._missing), tuple(self._created))


class ListWork(WorkApart):
    """Reads one page of the cluster's addresses. Ends `Listed`, or `Failed`."""

    priority = Priority.LIST
    patient = True

    def __init__(self, owner: Owner, user: str) -> None:
        super().__init__()
        self._owner = owner
        self._user = user
        self._page_id: str | None = None

    def operations(self) -> tuple[Operation, ...]:
        return (objects.list_addresses(self._owner, self._page_id),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if not isinstance(reply, Found):
            return self.unknown(now_s)
        self._page_id = reply.next_page_id
        return Listed(reply.hits, self if self._page_id else None)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        return Failed(as_problem(refusal, "list the cluster's addresses", self._user))

    def unknown(self, now_s: float) -> object | None:
        return None


class ReassignWork(WorkApart):
    """Gives the object at an address to who holds that address already. Ends `Reassigned` or `Failed`.

    `Reassigned` says only that nothing more can be done here: whoever goes on looks first.
    """

    priority = Priority.PREPARE

    def __init__(self, user: str, address: str, operation: UpdateFound) -> None:
        super().__init__()
        self.address = address
        self._user = user
        self._operation = operation
        self._tries = 0
        self.endangered_until_s = 0.0
        """Until then the write may still come by reference, whoever has the address by then."""

    def operations(self) -> tuple[Operation, ...]:
        return (self._operation,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if isinstance(reply, Written) and is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self._user))
        return Reassigned()

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if refusal.kind is Kind.UNSEARCHABLE and objects.BY_COMMENT in self._operation.criteria:
            self._operation = objects.whatever_its_comment(self._operation)
            return None
        # After a try of unknown outcome there may be nothing left under the wrong identity.
        if self._tries:
            return Reassigned()
        return Failed(as_problem(refusal, f"give {self.address} back to its holder", self._user))

    def unknown(self, now_s: float) -> object | None:
        self._tries += 1
        if self.is_sent_separately:
            self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        return None


def _readable(hits: Sequence[Object]) -> list[FixedAddress]:
    readable = []
    for hit in hits:
        try:
            readable.append(read_fixed_address(hit))
        except Unreadable:
            continue
    return readable
