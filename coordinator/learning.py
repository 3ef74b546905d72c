"""What the coordinator believes of attachments that nobody has asked it for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from ipaddress import IPv4Interface, IPv4Network

from coordinator.allocations import Allocations, AttachmentKey, Holding, Record, holding_of
from coordinator.commands import Note
from coordinator.objects import FixedAddress, Label
from coordinator.ownership import Identity, Owner
from coordinator.repair_work import OrphanWork
from protocol.messages import Hello
from protocol.messages import Holding as JournalHolding


def learn_listed(allocations: Allocations, owner: Owner, addresses: Iterable[FixedAddress]) -> None:
    """Take in addresses that the grid lists.

    What was asked about since the start is known better from the answers. A second address of one attachment
    makes it unsure: which of them lives, its journal knows. A journal that was heard before, and names another
    holder, is right.
    """
    for fixed in addresses:
        identity = owner.identity_of(fixed.eas)
        if identity is None:
            continue
        record, holding = allocations.find(identity.container_id, identity.ifname), holding_of(fixed)
        if record is None:
            _learn_new(allocations, identity, fixed)
        elif record.identity == identity and record.holding not in (None, holding):
            record.is_unsure = True


def _learn_new(allocations: Allocations, identity: Identity, fixed: FixedAddress) -> None:
    record, claimant = allocations.open(identity), allocations.holder(fixed.view, fixed.address)
    if claimant and claimant.named_by:
        record.is_unsure = True
    else:
        allocations.saw(record, fixed)


def named_by(allocations: Allocations, hello: Hello) -> list[Record]:
    """The records, where there are any, of what a page of a hello names."""
    return [record for _, record in _known(allocations, hello)]


def disproved_by(allocations: Allocations, hello: Hello) -> list[Record]:
    """Those of them whose work would delete what lives: as an orphan, or for a release that is long overtaken."""
    return [
        record
        for held, record in _known(allocations, hello)
        if isinstance(record.work, OrphanWork)
        or (record.removal and record.journal_id == hello.journal_id and record.seq < held.seq)
    ]


def _known(allocations: Allocations, hello: Hello) -> Iterator[tuple[JournalHolding, Record]]:
    for held in hello.holdings:
        if record := allocations.find(held.attachment.container_id, held.attachment.ifname):
            yield held, record


class Journals:
    """What nodes say in their hellos, page by page."""

    def __init__(self) -> None:
        self._named: dict[str, set[AttachmentKey]] = {}

    def learn(self, allocations: Allocations, node: str, hello: Hello) -> Iterator[Note]:
        """Take in what a node's journal holds; where the grid's listing says otherwise, the journal is right."""
        named = self._named.pop(node, set()) if hello.page else set()
        for held in hello.holdings:
            named.add((held.attachment.container_id, held.attachment.ifname))
            yield from _learn_held(allocations, node, hello, held)
        if hello.last:
            _unlearn_unnamed(allocations, node, named)
        else:
            self._named[node] = named


def _learn_held(allocations: Allocations, node: str, hello: Hello, held: JournalHolding) -> Iterator[Note]:
    journal_id = hello.journal_id
    record = allocations.open(Identity(held.attachment.container_id, held.attachment.ifname, node))
    if record.identity.node != node:
        allocations.name_elsewhere(record, node)
        return
    record.named_by = journal_id
    if not held.addresses:
        return
    if record.journal_id == journal_id and held.seq < record.seq:
        # A hello that was long on its way: the node has asked for something newer since.
        return
    if not record.is_newest(journal_id, held.seq):
        record.is_made_here = False
    record.journal_id, record.seq = journal_id, held.seq
    if record.work:
        return
    try:
        holding = _holding(held, hello.boot_id)
    except ValueError:
        yield Note("holding_unreadable", {"attachment": str(record.identity), "node": node})
        return
    if record.holding not in (None, holding):
        record.is_unsure = True
    other = allocations.holder(holding.view, holding.address)
    if other and other is not record and other.journal_id:
        one, two = str(record.identity), str(other.identity)
        yield Note("address_twice", {"address": holding.address, "one": one, "two": two})
    allocations.hold(record, holding)


def _unlearn_unnamed(allocations: Allocations, node: str, named: Set[AttachmentKey]) -> None:
    """A journal names all that its node holds: what else was believed of the node may be gone by now.

    It may have been released through another coordinator since, so the grid must be asked before it counts again.
    """
    for record in allocations.of_node(node):
        key = record.identity.container_id, record.identity.ifname
        if record.elsewhere == node and key not in named:
            allocations.name_elsewhere(record, "")
        if record.identity.node != node or record.work or key in named:
            continue
        record.named_by = ""
        if record.holding:
            unnamed = record.holding if record.is_made_here and not record.is_unsure else None
            allocations.drop(record)
            record.is_unsure, record.unnamed = True, unnamed


def relearn_unnamed(allocations: Allocations, record: Record) -> None:
    """Its release was never sent before, as after a reboot: no other coordinator can have carried that out."""
    unnamed = record.unnamed
    if unnamed and not allocations.holder(unnamed.view, unnamed.address):
        allocations.hold(record, unnamed)
        record.is_unsure = False


def _holding(held: JournalHolding, boot_id: str) -> Holding:
    """Raises ValueError when addresses or subnet are none."""
    address = IPv4Interface(held.addresses[0].address).ip
    return Holding(held.view, str(IPv4Network(held.subnet)), str(address), Label(boot_id=boot_id).comment)
