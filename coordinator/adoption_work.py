"""How an address of the original becomes the address of an attachment of this generation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator import objects
from coordinator.attachment_work import COMMIT_LATE_S, AttachmentWork, Held, Place
from coordinator.core.errors import ApprovalNeeded, OutcomeUnknown
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Failed, Priority
from coordinator.objects import FixedAddress, read_fixed_address
from coordinator.ownership import INTERFACE_NAME, LOCATION, Identity, Owner

WRITES_MAX: Final = 3
"""How often it is written in vain; what is refused in company does not count, since the company shrinks."""


@dataclass(frozen=True)
class NotAdopted:
    """The object is not any more what it was when it was listed; `why` is for people."""

    why: str


class AdoptWork(AttachmentWork):
    """Adds the missing attributes to one object. Ends `Held`, `NotAdopted` or `Failed`.

    The object is read right before, found by what the original wrote in the very call that changes it, and
    believed to be adopted only when the grid shows it so. Its other attributes stay as they are.
    """

    priority = Priority.RELEASE

    def __init__(self, owner: Owner, identity: Identity, user: str, place: Place, boot_id: str) -> None:
        super().__init__(owner, identity, user)
        self.place = place
        self._boot_id = boot_id
        self._seen: FixedAddress | None = None
        self._vain_writes = 0

    def operations(self) -> tuple[Operation, ...]:
        view, address = self.place
        if self._seen is None:
            return (objects.find_legacy(self.owner, self.identity.container_id, view, address),)
        comment = "" if self._seen.comment else f"boot {self._boot_id}"
        return (objects.adopt_address(self.owner, self.identity, view, address, comment),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        self.ready_at_s = now_s
        if isinstance(reply, Found):
            return self._looked_up(reply)
        if isinstance(reply, Written) and is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self.user))
        return self._written(reply) or self.unknown(now_s)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if self._seen is None or self._vain_writes + 1 >= WRITES_MAX:
            return Failed(as_problem(refusal, f"adopt {self.place[1]}", self.user))
        # No hit is refused too, in words that nobody has recorded: a plain search tells.
        self._vain_writes += 1
        return self.doubtful(now_s)

    def doubtful(self, now_s: float) -> object | None:
        self.is_unsure = self.is_unsure or self._seen is not None
        self._seen = None
        return None

    def unknown(self, now_s: float) -> object | None:
        if self._seen is not None:
            self._vain_writes += 1
            self.unsettled_since_s = self.sent_at_s
            if self.is_sent_separately:
                self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        return self.doubtful(now_s)

    def _written(self, reply: Reply) -> Held | None:
        try:
            fixed = read_fixed_address(reply.object) if isinstance(reply, Written) else None
        except Unreadable:
            return None
        is_done = fixed and self.owner.is_of(fixed.eas, self.identity)
        return Held(fixed) if fixed and is_done and (fixed.view, fixed.address) == self.place else None

    def _looked_up(self, found: Found) -> object | None:
        try:
            hits = [read_fixed_address(hit) for hit in found.hits]
        except Unreadable:
            return NotAdopted("the grid shows it in an unreadable way")
        if len(hits) != 1:
            return NotAdopted("it is gone from the grid" if not hits else "the grid holds it twice")
        (fixed,) = hits
        if self.owner.is_of(fixed.eas, self.identity):
            self.is_unsure = False
            return Held(fixed)
        if fixed.eas.get(LOCATION) or fixed.eas.get(INTERFACE_NAME):
            return NotAdopted("somebody else has adopted it")
        if self._vain_writes >= WRITES_MAX:
            return Failed(OutcomeUnknown(action=f"adopt {self.place[1]}"))
        self._seen = fixed
        return None
