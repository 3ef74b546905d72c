"""What a sweep does to one object of the grid: frees an orphan, puts back what somebody deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from coordinator import objects
from coordinator.attachment_work import COMMIT_LATE_S, NO_MAC, AttachmentWork, Held, Place
from coordinator.core.errors import ApprovalNeeded, OutcomeUnknown
from coordinator.core.networks import Network
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Failed, Priority
from coordinator.objects import FixedAddress, read_fixed_address
from coordinator.ownership import Identity, Owner

WRITES_MAX: Final = 3
"""How often it is written in vain; what is refused in company does not count, since the company shrinks."""


@dataclass(frozen=True)
class Freed:
    """The orphan is gone from the grid."""


@dataclass(frozen=True)
class Spared:
    """Nothing was changed; `why` is for people."""

    why: str


class _Step(Enum):
    LOOK_UP = auto()
    WRITE = auto()


class _RepairWork(AttachmentWork):
    """Looks at the object, then writes, then looks again where the outcome is unknown."""

    priority = Priority.RELEASE

    def __init__(self, owner: Owner, identity: Identity, user: str) -> None:
        super().__init__(owner, identity, user)
        self._step = _Step.LOOK_UP
        self._has_written = False
        self._vain_writes = 0

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if self._step is _Step.LOOK_UP or self._vain_writes + 1 >= WRITES_MAX:
            return Failed(as_problem(refusal, self._action(), self.user))
        self._vain_writes += 1
        return self.doubtful(now_s)

    def doubtful(self, now_s: float) -> object | None:
        self._has_written = self._has_written or self._step is _Step.WRITE
        self._step = _Step.LOOK_UP
        return None

    def unknown(self, now_s: float) -> object | None:
        if self._step is _Step.WRITE:
            self._is_left_open(now_s)
            self._vain_writes += 1
        self.doubtful(now_s)
        if self._vain_writes >= WRITES_MAX:
            return Failed(OutcomeUnknown(action=self._action()))
        return None

    def _is_left_open(self, now_s: float) -> None:
        """A write may still be committed."""

    def _action(self) -> str:
        raise NotImplementedError


class OrphanWork(_RepairWork):
    """Frees one object that two sweeps found orphaned. Ends `Freed`, `Spared` or `Failed`.

    It is looked at once more, found by identity in the very call that deletes it, and only there where it was
    seen, with the comment that it had: another object of its attachment stays, and so does one that somebody wants
    again since the look.
    """

    def __init__(self, owner: Owner, identity: Identity, user: str, fixed: FixedAddress) -> None:
        super().__init__(owner, identity, user)
        self.fixed = fixed
        self._deletion = objects.delete_orphan(owner, identity, fixed)

    @property
    def place(self) -> Place:
        """Where the object is."""
        return self.fixed.view, self.fixed.address

    def operations(self) -> tuple[Operation, ...]:
        if self._step is _Step.LOOK_UP:
            return (objects.find_orphan(self.owner, self.identity, *self.place),)
        return (self._deletion,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        return self._looked_up(reply) if isinstance(reply, Found) else Freed()

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if refusal.kind is Kind.UNSEARCHABLE and objects.BY_COMMENT in self._deletion.criteria:
            self._deletion = objects.whatever_its_comment(self._deletion)
            return None
        return super().refused(refusal, now_s)

    def _looked_up(self, found: Found) -> object | None:
        try:
            hits = [read_fixed_address(hit) for hit in found.hits]
        except Unreadable:
            return Spared("the grid shows it in an unreadable way")
        if not hits:
            return Freed() if self._has_written else Spared("it is gone from the grid already")
        if hits != [self.fixed]:
            return Spared("it is not any more what it was")
        self._step = _Step.WRITE
        return None

    def _is_left_open(self, now_s: float) -> None:
        self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        if self.is_sent_separately:
            # It went to a reference: repeated too early it would hit whoever has got the address meanwhile.
            self.ready_at_s = self.endangered_until_s

    def _action(self) -> str:
        return f"release {self.fixed.address}"


class RestoreWork(_RepairWork):
    """Makes the object anew that the grid has lost, at its own address. Ends `Held`, `Spared` or `Failed`.

    The address is a literal one, so a create that comes late is refused rather than a second object.
    """

    def __init__(
        self, owner: Owner, identity: Identity, user: str, network: Network, address: str, boot_id: str
    ) -> None:
        super().__init__(owner, identity, user)
        self._network = network
        self._address = address
        self._boot_id = boot_id

    def operations(self) -> tuple[Operation, ...]:
        network, address = self._network, self._address
        if self._step is _Step.LOOK_UP:
            return objects.find_address(self.owner, self.identity), objects.find_at(network.view, address)
        return (objects.restore_address(self.owner, self.identity, network, address, self._boot_id),)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        reply = replies[0]
        if isinstance(reply, Written):
            return self._written(reply) or self.unknown(now_s)
        try:
            own, there = (
                [read_fixed_address(hit) for hit in each.hits] for each in replies if isinstance(each, Found)
            )
        except (Unreadable, ValueError):
            return Spared("the grid shows it in an unreadable way")
        place = (self._network.view, self._address)
        if kept := next((each for each in own if (each.view, each.address) == place), None):
            return Held(kept)
        if own:
            return Spared(f"its attachment has {own[0].address} in the grid")
        if there:
            return Spared(f"the grid has given the address to another: {_holder(self.owner, there[0])}")
        self._step = _Step.WRITE
        return None

    def _written(self, reply: Written) -> object | None:
        if is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self.user))
        try:
            return Held(read_fixed_address(reply.object))
        except Unreadable:
            return None

    def _is_left_open(self, now_s: float) -> None:
        self.unsettled_since_s, self.unsettled_mac = self.sent_at_s, NO_MAC

    def _action(self) -> str:
        return f"restore {self._address}"


def _holder(owner: Owner, fixed: FixedAddress) -> str:
    identity = owner.identity_of(fixed.eas)
    return f"{identity} on {identity.node}" if identity else fixed.name or "an object that is not this cluster's"
