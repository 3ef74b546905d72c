"""What the coordinator believes after it has read the grid's listing, with the journals of the nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from coordinator.allocations import Allocations, Holding, holding_of
from coordinator.lane import Note
from coordinator.objects import FixedAddress
from coordinator.ownership import Identity, Owner
from protocol.messages import Hello
from protocol.messages import Holding as JournalHolding


def learn_listed(allocations: Allocations, owner: Owner, addresses: Iterable[FixedAddress]) -> int:
    """Take in addresses that the grid lists; returns how many were news.

    What was asked about since the start is known better from the answers.
    """
    news = 0
    for fixed in addresses:
        identity = owner.identity_of(fixed.eas)
        if identity is None or allocations.find(identity.container_id, identity.ifname):
            continue
        allocations.hold(allocations.open(identity), holding_of(fixed))
        news += 1
    return news


def learn_journal(allocations: Allocations, node: str, hello: Hello) -> Iterator[Note]:
    """Take in what a node's journal holds; where the grid's listing says otherwise, the journal is right."""
    for held in hello.holdings:
        yield from _learn_held(allocations, node, hello.journal_id, held)


def _learn_held(allocations: Allocations, node: str, journal_id: str, held: JournalHolding) -> Iterator[Note]:
    record = allocations.open(Identity(held.attachment.container_id, held.attachment.ifname, node))
    if record.identity.node != node or not held.addresses:
        return
    if record.journal_id != journal_id or held.seq > record.seq:
        record.journal_id, record.seq = journal_id, held.seq
    if record.work:
        return
    holding = Holding(held.view, held.subnet, held.addresses[0].address.partition("/")[0])
    other = allocations.holder(holding.view, holding.address)
    if other and other is not record:
        one, two = str(record.identity), str(other.identity)
        yield Note("address_twice", {"address": holding.address, "one": one, "two": two})
        return
    allocations.hold(record, holding)
