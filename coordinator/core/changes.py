"""What becomes of an allocation: one value for each change of one, with all its names."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ChangeKind(StrEnum):
    """What has become of an allocation."""

    READY = "ready"
    """A node keeps it for its next pod."""
    HELD = "held"
    """An attachment has it."""
    LET_GO = "let_go"
    """Its owner uses it no more."""
    GONE = "gone"
    """The grid has it no more: the address is free for others."""
    REPAIRED = "repaired"
    """The grid had lost it, and has it again."""
    LOST = "lost"
    """Somebody else has its address."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change, at a moment of the coordinator's clock.

    `label_text` is the label as the grid's objects keep it, packed; empty where no attachment is known.
    """

    kind: ChangeKind
    at_s: float
    allocation: str
    view: str
    subnet: str
    address: str
    network_name: str = ""
    node: str = ""
    label_text: str = ""
    why: str = ""
