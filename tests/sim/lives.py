"""What runtimes know: the sandboxes with what each was told; what is wrong, and what may be."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from nodeagent.domain.attachment import AttachmentId, Namespace

if TYPE_CHECKING:
    from tests.sim.computer import Computer
    from tests.sim.plugin_exec import Exec
    from tests.sim.swarm import Plan

STRANGERS_JOURNAL: Final = "e" * 8
"""In the ids that a stranger draws."""

EXCUSES: Final = {
    "second_address": "the journal that gave the first was lost, and a repeated ADD does not wait for orphans",
    "adopted_without_label": "somebody may hold what no label was written on before its journal was lost",
    "adopted_unseen": "an agent that cannot see namespaces does not know whether what it has adopted is used",
    "label_overwritten": "what people write over a label stays, and is all that a later journal has to go by",
    "put_back_for_silent": "a coordinator that a node has left puts back once what the node has let go since",
    "refill_tried": "after each listing one ask (with its look-ups) sees whether others have freed an address",
    "needs_a_person": "while two machines use one key, only a person can say which of their boots are over",
    "node_away": "of a node that is away nobody can say anything, unless a coordinator is told that it is gone",
    "lost_and_deleted": "while somebody had deleted its object, no journal claimed it, so that nobody could",
    "forgotten_unheard": "the grid lacked it, and the coordinator that gave its address was told of no claim",
    "lost_came_back": "what is lost is its journal's until DEL, though the grid may have it again",
}
"""What may be, and why it is true that nothing can be done about it."""


class Violation(AssertionError):
    """Something that must never be; `subjects` are the attachments, ids and addresses that it concerns."""

    def __init__(self, text: str, *subjects: str) -> None:
        super().__init__(text)
        self.subjects = subjects


class Excused(Counter[str]):
    """How often each of `EXCUSES` was needed."""

    def excuse(self, name: str) -> None:
        """Count what may be."""
        assert name in EXCUSES
        self[name] += 1


@dataclass(eq=False)
class Life:
    """One sandbox as its runtime knows it: an attachment in one namespace."""

    attachment: AttachmentId
    namespace: Namespace
    computer: Computer
    plan: Plan
    told: dict[str, str] = field(default_factory=dict)
    """Every allocation that it was told, with its address: it may use all of them until it dies."""
    address: str = ""
    """The one of the last answer."""
    is_live: bool = False
    execs: list[Exec] = field(default_factory=list)

    @property
    def key(self) -> str:
        """The attachment in words."""
        return str(self.attachment)


def journal_of(allocation: str) -> str:
    """The journal that has drawn an id."""
    return allocation.split("-")[5]
