"""Builders for the tests of the agent's core: values of one node, in one boot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from nodeagent.domain.allocation import Allocation, Attachment, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from nodeagent.journal.contents import Contents, Identity
from nodeagent.journal.rows import Rows
from protocol.wire.allocation_id import Owner

CLUSTER = "c0c0c0c0c0c0"
JOURNAL = "0a0a0a0a"
MACHINE = "11112222"
UNNAMED = Identity("boot-1", MACHINE, "node-1", "infoblox", JOURNAL)
IDENTITY = replace(UNNAMED, cluster=CLUSTER)
NOW_S = 1000.0

C1 = AttachmentId("c1", "eth0")
C2 = AttachmentId("c2", "eth0")
PODS = Network("pods")
NAMESPACE = Namespace("/run/netns/t", 4026532001)
OTHER_NAMESPACE = Namespace("/run/netns/o", 4026532002)
MAC = "02:00:00:00:00:01"
SEAL = "5ea1" * 8
LABEL = Label(C1, Pod("web-1", "shop", "u-1"), MAC, NAMESPACE)


def owner(journal: str = JOURNAL, **changes: str) -> Owner:
    """The owner of this node's ids, or that of another journal."""
    known = replace(IDENTITY, journal=journal).owner()
    assert known
    return replace(known, **changes)


def an_id(number: int, journal: str = JOURNAL, **changes: str) -> str:
    """An id that the journal drew."""
    return f"{owner(journal, **changes)}-{number:012x}"


def an_allocation(number: int = 1, state: State = State.HELD, **changes: Any) -> Allocation:
    """An allocation of the network `pods`; from *held* on it bears a label that the grid shows."""
    label = None if state is State.READY else changes.pop("label", LABEL)
    row = Allocation(
        id=changes.pop("id", an_id(number)),
        network=PODS,
        view="default",
        subnet="10.55.0.0/24",
        address=f"10.55.0.{number + 1}",
        seal=SEAL,
        state=state,
        gateway="10.55.0.254",
        label=label,
        is_labelled=label is not None,
        was_held=state is not State.READY,
    )
    return replace(row, **changes)


def some_rows(*allocations: Allocation, identity: Identity = IDENTITY, **more: Any) -> Rows:
    """The rows of a journal that holds these; what is held or lost is its attachment's."""
    attachments = {
        row.label.attachment: Attachment(row.label.attachment, (row.id,), row.label.namespace)
        for row in allocations
        if row.label and row.state in (State.HELD, State.LOST)
    }
    return Rows(Contents(identity, {row.id: row for row in allocations}, attachments, **more))


def drawing(first: int = 100) -> Callable[[], str]:
    """Draws 12 hexadecimal digits: numbers from `first` on."""
    numbers = iter(range(first, 10**9))
    return lambda: f"{next(numbers):012x}"
