"""The coordinator's memory of attachments: who holds which address, what is being done about it.

Nothing of it is durable. It is read from the grid at start, corrected by the journals that agents send, and
right only as far as the grid agrees: every change of the grid finds its object by identity.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from math import inf
from typing import Final

from coordinator.attachment_work import AttachmentWork, Place
from coordinator.core.networks import Network
from coordinator.objects import FixedAddress
from coordinator.ownership import Identity
from coordinator.release_work import ReleaseWork
from coordinator.repair_work import OrphanWork
from protocol.messages import Allocate, Release

FORGET_S: Final = 600.0
"""How long an attachment that is gone is remembered, so that its late messages are known to be late."""

AttachmentKey = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Holding:
    """An address that the grid is believed to hold for an attachment; `comment` is its object's, where known."""

    view: str
    subnet: str
    address: str
    comment: str = field(default="", compare=False)

    @property
    def place(self) -> Place:
        """Where the object is."""
        return self.view, self.address

    def is_in(self, network: Network) -> bool:
        """Whether the network has this address."""
        return self.view == network.view and network.contains(self.address)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that waits for its answer. `is_repeated`: it has been asked before under the same number.

    Until `connected_since_s` its node may have been at another coordinator, which may have written until then.
    `endangered_until_s`: until then a deletion of another coordinator may take what this one finds or makes.
    """

    message: Allocate | Release
    boot_id: str
    received_at_s: float
    connected_since_s: float
    is_repeated: bool
    endangered_until_s: float

    @property
    def deadline_s(self) -> float:
        """When an answer is of no use any more; for a release, never."""
        if isinstance(self.message, Release):
            return inf
        return self.received_at_s + self.message.budget_ms / 1000


@dataclass(slots=True, eq=False)
class Record:
    """One attachment. At most one work is under way for it; the newest message that has to wait is `next`.

    `unsettled_since_s`, `unsettled_mac`, `is_unsure`, `endangered_until_s`: as in its last work, what the grid may
    hold or do beyond what is known. `named_by` is the journal that names it as its own, as far as its node has
    told, empty when none does; `elsewhere` is another node whose journal names it too, as after a node's renaming;
    `asked_at_s` when the node last asked about it. `displaced` is the holding that it lost to another attachment,
    though its journal names it; `unnamed` the one that its journal has ceased to name. `given_back_at_s` is when
    the object of its holding was made anew, as the grid had offered the address to another.
    """

    identity: Identity
    journal_id: str = ""
    seq: int = 0
    holding: Holding | None = None
    asked: Asked | None = None
    work: AttachmentWork | None = None
    next: Asked | None = None
    unsettled_since_s: float | None = None
    unsettled_mac: str = ""
    is_unsure: bool = False
    endangered_until_s: float = 0.0
    named_by: str = ""
    elsewhere: str = ""
    asked_at_s: float = -inf
    displaced: Holding | None = None
    unnamed: Holding | None = None
    given_back_at_s: float | None = None
    told_first_since_s: float | None = None
    """The connection on which its release came before any other coordinator could hear of it, by its time."""
    is_made_here: bool = False
    """Whether this coordinator has asked the grid for the address it has, so that it knows of every create."""
    forget_at_s: float | None = None

    def is_newest(self, journal_id: str, seq: int) -> bool:
        """Whether this is the number of the newest request that was seen."""
        return self.journal_id == journal_id and seq == self.seq

    @property
    def removal(self) -> ReleaseWork | None:
        """The release that is under way; one that only tidies up beside the address does not count."""
        work = self.work
        return work if isinstance(work, ReleaseWork) and work.keep is None else None

    def endanger(self, until_s: float) -> None:
        """A write that goes by the reference of its object may be committed until then."""
        self.endangered_until_s = max(self.endangered_until_s, until_s)
        if self.work:
            self.work.endanger(until_s)

    def is_idle(self) -> bool:
        """Whether nothing is held, nor claimed by a journal, nor under way."""
        is_free = self.holding is None and self.displaced is None
        return is_free and self.work is None and self.next is None


def holding_of(fixed: FixedAddress) -> Holding:
    """What an object of the grid is to its attachment."""
    return Holding(fixed.view, fixed.subnet, fixed.address, fixed.comment)


class Allocations:
    """All records, by attachment, by address, and by the nodes that say they are theirs."""

    def __init__(self) -> None:
        self._records: dict[AttachmentKey, Record] = {}
        self._holders: dict[Place, Record] = {}
        self._displaced: dict[Place, Record] = {}
        # Dictionaries for their order, which is the same in each run.
        self._of_node: dict[str, dict[Record, None]] = {}
        self._elsewhere: dict[str, dict[Record, None]] = {}

    def __len__(self) -> int:
        return len(self._holders)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def find(self, container_id: str, ifname: str) -> Record | None:
        """The record of an attachment, whichever node it is on."""
        return self._records.get((container_id, ifname))

    def open(self, identity: Identity) -> Record:
        """The record of an attachment, made when there is none.

        A record of another node that holds nothing gives way: who asks first must not shut out the real owner.
        """
        key = (identity.container_id, identity.ifname)
        record = self._records.get(key)
        if record is None or (record.identity != identity and record.is_idle() and not record.is_unsure):
            if record:
                self._forget(key, record)
            record = self._records[key] = Record(identity)
            self._of_node.setdefault(identity.node, {})[record] = None
        return record

    def of_node(self, node: str) -> list[Record]:
        """The records of a node's attachments, and of those that its journal names although they are another's."""
        return [*self._of_node.get(node, ()), *self._elsewhere.get(node, ())]

    def name_elsewhere(self, record: Record, node: str) -> None:
        """The journal of another node than the record's names it, too; none does any more when `node` is empty."""
        _take_out(self._elsewhere, record.elsewhere, record)
        record.elsewhere = node
        if node:
            self._elsewhere.setdefault(node, {})[record] = None

    def holder(self, view: str, address: str) -> Record | None:
        """Who holds an address."""
        return self._holders.get((view, address))

    def rival(self, record: Record, view: str, address: str) -> Record | None:
        """Who else has a claim to an address: nobody who is being removed, whose object may be deleted already."""
        holder = self.holder(view, address)
        if holder is None or holder is record or holder.removal or isinstance(holder.work, OrphanWork):
            return None
        return holder

    def saw(self, record: Record, fixed: FixedAddress) -> None:
        """The grid holds this object for the attachment."""
        self._give(record, holding_of(fixed))

    def hold(self, record: Record, holding: Holding) -> None:
        """The attachment has this address, and nobody else has."""
        known = record.holding
        self._give(record, known if known and known == holding else holding)

    def _give(self, record: Record, holding: Holding) -> None:
        previous = self._holders.get(holding.place)
        if previous and previous is not record:
            lost, previous.holding, previous.is_unsure = previous.holding, None, True
            if previous.named_by:
                previous.displaced = lost
                self._displaced[holding.place] = previous
        self.drop(record)
        record.holding = holding
        record.forget_at_s = None
        self._holders[holding.place] = record

    def drop(self, record: Record) -> None:
        """The attachment has no address any more; one whose journal names that address has it again."""
        holding, record.holding, record.displaced, record.unnamed = record.holding, None, None, None
        record.given_back_at_s = None
        if holding is None or self._holders.get(holding.place) is not record:
            return
        del self._holders[holding.place]
        displaced = self._displaced.pop(holding.place, None)
        if displaced and displaced.displaced == holding and displaced.named_by:
            self.hold(displaced, displaced.displaced)

    def forget_freed(self, record: Record) -> None:
        """Another coordinator has freed what it held, and nobody will ever ask this one for it."""
        self.drop(record)
        record.is_unsure = False

    def forget_idle(self, now_s: float) -> None:
        """Drop what has been gone long enough, and start the clock of what just became so."""
        for key, record in list(self._records.items()):
            if not record.is_idle():
                record.forget_at_s = None
            elif record.forget_at_s is None:
                record.forget_at_s = now_s + FORGET_S
            elif now_s >= record.forget_at_s:
                self._forget(key, record)

    def _forget(self, key: AttachmentKey, record: Record) -> None:
        del self._records[key]
        _take_out(self._of_node, record.identity.node, record)
        self.name_elsewhere(record, "")

    def delayed_releases(self, view: str, subnet: str) -> list[ReleaseWork]:
        """Releases of a network that only wait for their time, in the order in which they are due."""
        releases = [record.removal for record in self if _is_in(record, view, subnet)]
        delayed = [release for release in releases if release and release.is_delayed and release.due_s > 0]
        return sorted(delayed, key=lambda release: release.due_s)

    def count(self, view: str, subnet: str) -> tuple[int, int]:
        """How many addresses of a network are held, and how many of those only wait for their deletion."""
        held = [record for record in self._holders.values() if _is_in(record, view, subnet)]
        delayed = [record for record in held if record.removal]
        return len(held), len(delayed)


def _is_in(record: Record, view: str, subnet: str) -> bool:
    holding = record.holding
    return holding is not None and holding.view == view and holding.subnet == subnet


def _take_out(index: dict[str, dict[Record, None]], node: str, record: Record) -> None:
    there = index.get(node)
    if there is not None:
        there.pop(record, None)
        if not there:
            del index[node]
