"""How one attachment gets its address from the grid.

It rests on two rules, as the release does. An outcome that is unknown is looked up, never guessed: a create that
was sent may still be committed until `COMMIT_LATE_S` later, so what is absent before then is only absent so far.
With a MAC the create may be repeated at once, because the grid refuses one MAC twice in a network; a reservation
has no such fence, so it waits. And an object is found by its identity in the very call that changes it, never by a
reference remembered from an earlier one: re-creation at the same address gives the old reference back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from coordinator import objects
from coordinator.core.errors import ApprovalNeeded, HeldElsewhere, OutcomeUnknown, TimeIsUp
from coordinator.core.networks import Network
from coordinator.grid.operations import Found, Operation, Reply, Unreadable, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.task import Failed, Priority, Work
from coordinator.objects import FixedAddress, Label, addresses_in_order, read_fixed_address, read_origin
from coordinator.ownership import Identity, Owner
from protocol.errors import Problem

COMMIT_LATE_S: Final = 30.0
"""How long after it was sent a create may still be committed."""

NO_MAC: Final = "-"
"""In place of a MAC: the creates that may still be committed had none, or several."""

CREATES_MAX: Final = 4
"""Creates for one allocation before a refusal that should pass is taken for good."""

RESTARTS_MAX: Final = 3
"""How often an allocation starts anew because its network was full or gone."""

UNKNOWN_WRITES_MAX: Final = 4
"""How often one work writes without learning what became of it, while its look-ups are answered."""

REASSIGNS_MAX: Final = 32
"""How many addresses that the grid has forgotten one allocation gives back to their holders."""

Place = tuple[str, str]
"""A view with an address in it: where an object of the grid is."""


@dataclass(frozen=True)
class Held:
    """The attachment has this address; whether there may be more, the work's own state says."""

    fixed: FixedAddress


@dataclass(frozen=True)
class Exhausted:
    """The network has no address left."""


@dataclass(frozen=True)
class Contradicted:
    """The grid does not know the network that was there before."""


def later(one_s: float | None, other_s: float | None) -> float | None:
    """The later of two times, of which there may be none."""
    return max((each for each in (one_s, other_s) if each is not None), default=None)


class _Step(Enum):
    LOOK_UP = auto()
    CREATE = auto()
    UPDATE = auto()


class AttachmentWork(Work):
    """What allocating and releasing share: whose address it is, in which cluster, for which WAPI user.

    `unsettled_since_s`: a create of this attachment that was sent then may still be committed, `unsettled_mac` is
    its MAC, for whose sake the grid would refuse a second one. `is_unsure`: the grid may hold an object of this
    attachment that nobody has seen. `endangered_until_s`: until then a write may still be committed that deletes
    the attachment's object, or that goes by the object's reference.
    """

    def __init__(self, owner: Owner, identity: Identity, user: str) -> None:
        super().__init__()
        self.owner = owner
        self.identity = identity
        self.node = identity.node
        self.user = user
        self.unsettled_since_s: float | None = None
        self.unsettled_mac = ""
        self.is_unsure = False
        self.endangered_until_s = 0.0

    def endanger(self, until_s: float) -> None:
        """Some other write that goes by the object's reference may be committed until then."""
        self.endangered_until_s = max(self.endangered_until_s, until_s)

    @property
    def settled_at_s(self) -> float:
        """When no create that was sent for this attachment can be committed any more."""
        return 0.0 if self.unsettled_since_s is None else self.unsettled_since_s + COMMIT_LATE_S


class AllocateWork(AttachmentWork):
    """Gives one attachment one address of `network`. Ends `Held`, `Exhausted`, `Contradicted` or `Failed`."""

    priority = Priority.ALLOCATE

    def __init__(
        self, owner: Owner, identity: Identity, user: str, network: Network, label: Label, mac: str | None
    ) -> None:
        super().__init__(owner, identity, user)
        self.network = network
        self.label = label
        self.mac = mac
        self._step = _Step.CREATE
        self._then_update = False
        self._mac_refused = False
        self._creates = 0
        self._restarts = 0
        self._reassigns = 0
        self._unknown_writes = 0
        self._known = ""
        self._built_for: tuple[_Step, str | None, str] | None = None
        self._built: tuple[Operation, ...] = ()
        self.made = ""
        """The address that the grid gave in answer to its last create, unless somebody else wants it by now."""
        self.is_wanted = True
        """Whether somebody waits for it. What nobody waits for creates nothing any more."""

    def look_up_first(self, unsettled_since_s: float | None, known: str = "") -> AllocateWork:
        """An earlier try may have got its address already; a create sent at that time may still be committed.

        Among several addresses the known one stays.
        """
        self._step = _Step.LOOK_UP
        self.unsettled_since_s = unsettled_since_s
        self.is_unsure = True
        self._known = known
        return self

    def refresh(self, unsettled_since_s: float | None, known: str) -> AllocateWork:
        """The attachment has an address that shall stay: only its label is brought up to date."""
        self._step = _Step.UPDATE
        self._then_update = True
        self.unsettled_since_s = unsettled_since_s
        self._known = known
        return self

    def start_again(self) -> bool:
        """Once more from the create, after something outside was put right; False when often enough."""
        self._restarts += 1
        self._step = _Step.CREATE
        return self._restarts <= RESTARTS_MAX

    def look_again(self) -> bool:
        """Once more, since the address that it got went back to its holder; False when often enough."""
        self._reassigns += 1
        self._step = _Step.LOOK_UP
        self._then_update = False
        return self._reassigns <= REASSIGNS_MAX

    @property
    def network_key(self) -> str | None:
        return self.network.key if self._step is _Step.CREATE else None

    def operations(self) -> tuple[Operation, ...]:
        # The lane looks at waiting work again and again, and to build the object is the costliest part of an ADD.
        built_for = (self._step, self.mac, self._known)
        if self._built_for != built_for:
            self._built_for, self._built = built_for, (self._operation(),)
        return self._built

    def _operation(self) -> Operation:
        if self._step is _Step.LOOK_UP:
            return objects.find_address(self.owner, self.identity)
        about = (self.owner, self.identity, self.network, self.label, self.mac)
        if self._step is _Step.UPDATE:
            return objects.update_address(*about, self._known)
        return objects.create_address(*about)

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        (reply,) = replies
        if isinstance(reply, Found):
            return self._looked_up(reply, now_s)
        if not isinstance(reply, Written):
            return self.unknown(now_s)
        if is_scheduled(reply.object):
            return Failed(ApprovalNeeded(user=self.user))
        return self._written(reply, now_s)

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        if self._step is _Step.UPDATE:
            return self._update_refused(refusal)
        if self._step is _Step.LOOK_UP:
            return Failed(self._problem(refusal))
        self._creates += 1
        if refusal.kind is Kind.EXHAUSTED:
            return Exhausted()
        if refusal.kind is Kind.NO_PARENT:
            return Contradicted()
        if self._creates >= CREATES_MAX or refusal.kind not in (Kind.MAC_TWICE, Kind.EXISTS):
            # It may have been refused in company, which does not prove that nothing was created.
            self.is_unsure = True
            return Failed(self._problem(refusal))
        self._mac_refused = refusal.kind is Kind.MAC_TWICE
        self._step = _Step.LOOK_UP
        return None

    def doubtful(self, now_s: float) -> object | None:
        self.is_unsure = self.is_unsure or self._step is _Step.CREATE
        self._step = _Step.LOOK_UP
        return None

    def unknown(self, now_s: float) -> object | None:
        if self._step is _Step.CREATE:
            self.unsettled_since_s = self.sent_at_s
            mac = self.mac or NO_MAC
            self.unsettled_mac = mac if self.unsettled_mac in ("", mac) else NO_MAC
        if self._step is _Step.UPDATE and self.is_sent_separately:
            self.endangered_until_s = self.sent_at_s + COMMIT_LATE_S
        if self._step is not _Step.LOOK_UP:
            self._unknown_writes += 1
        self.doubtful(now_s)
        return self._may_write_again()

    def _may_write_again(self) -> Failed | None:
        if self._unknown_writes < UNKNOWN_WRITES_MAX:
            return None
        return Failed(OutcomeUnknown(action=f"give an address of {self.network.subnet}"))

    def _looked_up(self, found: Found, now_s: float) -> object | None:
        try:
            addresses = addresses_in_order(read_fixed_address(hit) for hit in found.hits)
        except Unreadable:
            return Failed(self._problem(Refusal(Kind.OTHER, "unreadable fixed address")))
        self.is_unsure = len(addresses) > 1
        if not addresses:
            return self._absent(now_s)
        here = [fixed for fixed in addresses if self._is_here(fixed)]
        if not here:
            return Failed(self._elsewhere(addresses[0]))
        kept = next((fixed for fixed in here if fixed.address == self._known), here[0])
        if not self._is_marked(kept):
            if not self.is_wanted:
                # Its node may have it from another coordinator by now, whose mark is the newer one.
                self.is_unsure = True
                return Failed(TimeIsUp(cause="nobody waits any more"))
            self._then_update, self.made = True, ""
        if self._then_update:
            self._step, self._known = _Step.UPDATE, kept.address
            return None
        return Held(kept)

    def _is_marked(self, fixed: FixedAddress) -> bool:
        """Whether the object's comment says who wants it now.

        What another coordinator made, that one may still give away. And of a container that comes back under its
        ID after a boot a sweep without its journal would think that it is a leftover.
        """
        origin = read_origin(fixed.comment)
        return (origin.boot_id, origin.coordinator_id) == (self.label.boot_id, self.label.coordinator_id)

    def _absent(self, now_s: float) -> object | None:
        if not self.is_wanted:
            return Failed(TimeIsUp(cause="nobody waits any more"))
        if self._mac_refused:
            self.mac = None
            self._mac_refused = False
        is_guarded = self.mac is not None and self.unsettled_mac in ("", self.mac)
        if not is_guarded and now_s < self.settled_at_s:
            self.ready_at_s = self.settled_at_s
            return None
        self._then_update = False
        self._step = _Step.CREATE
        return None

    def _written(self, reply: Written, now_s: float) -> object | None:
        try:
            fixed = read_fixed_address(reply.object)
        except Unreadable:
            return self.unknown(now_s)
        if not self.owner.is_of(fixed.eas, self.identity) or not self._is_here(fixed):
            return self.unknown(now_s)
        if self._step is _Step.CREATE:
            self.made = fixed.address
        return Held(fixed)

    def _update_refused(self, refusal: Refusal) -> object | None:
        self._creates += 1
        if self._creates >= CREATES_MAX:
            return Failed(self._problem(refusal))
        if refusal.kind is Kind.MAC_TWICE:
            self.mac = None
            return None
        # No hit is refused too, in words that nobody has recorded: a plain search tells.
        self._step = _Step.LOOK_UP
        return None

    def _is_here(self, fixed: FixedAddress) -> bool:
        return fixed.view == self.network.view and self.network.contains(fixed.address)

    def _elsewhere(self, fixed: FixedAddress) -> Problem:
        return HeldElsewhere(
            attachment=self.identity, address=fixed.address, network=fixed.subnet, subnet=self.network.subnet
        )

    def _problem(self, refusal: Refusal) -> Problem:
        return as_problem(refusal, f"give an address of {self.network.subnet}", self.user)
