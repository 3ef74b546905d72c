"""What a journal consists of: whose it is, its rows, the changes of one turn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from nodeagent.domain.allocation import Allocation, Attachment
from nodeagent.domain.attachment import AttachmentId
from protocol.wire.allocation_id import (
    ADOPTED_JOURNAL,
    JOURNAL_DIGITS,
    Owner,
    hash_boot,
    hash_driver,
    hash_node,
)


@dataclass(frozen=True)
class Identity:
    """Whose journal this is.

    `boot_id`: as the kernel says it. `machine`: MACHINE of the ids. `journal`: drawn when it began.
    `cluster`: of the first welcome, None before it.
    """

    boot_id: str
    machine: str
    node: str
    driver: str
    journal: str
    cluster: str | None = None

    def owner(self) -> Owner | None:
        """The owner of the ids that it draws; None before the first welcome."""
        if self.cluster is None:
            return None
        return Owner(
            cluster=self.cluster,
            node=hash_node(self.node),
            machine=self.machine,
            boot=hash_boot(self.boot_id),
            driver=hash_driver(self.driver),
            journal=self.journal,
        )


def draw_journal(draw: Callable[[], str]) -> str:
    """The JOURNAL of a new journal. `draw` gives 12 hexadecimal digits."""
    journal = draw()[:JOURNAL_DIGITS]
    while journal == ADOPTED_JOURNAL:
        journal = draw()[:JOURNAL_DIGITS]
    return journal


@dataclass(frozen=True)
class Contents:
    """Everything that a journal holds.

    `deletes`: attachments for which a DEL came, by its number. `adopted_let_go`: adopted ids that were let go.
    """

    identity: Identity
    allocations: Mapping[str, Allocation] = field(default_factory=dict)
    attachments: Mapping[AttachmentId, Attachment] = field(default_factory=dict)
    deletes: Mapping[AttachmentId, int] = field(default_factory=dict)
    adopted_let_go: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Changes:
    """What one turn changes: rows as they will be, None for those that end."""

    identity: Identity | None = None
    allocations: Mapping[str, Allocation | None] = field(default_factory=dict)
    attachments: Mapping[AttachmentId, Attachment | None] = field(default_factory=dict)
    deletes: Mapping[AttachmentId, int | None] = field(default_factory=dict)
    adopted_let_go: Mapping[str, str | None] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.identity or self.allocations or self.attachments or self.deletes or self.adopted_let_go)
