"""What all verbs of this node share: the rows, the session with the coordinator, the effects of the moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from nodeagent.domain.allocation import Allocation
from nodeagent.domain.effects import Effect, Note
from nodeagent.domain.events import SessionBegan
from nodeagent.journal.rows import Rows
from protocol.wire.allocation_id import AllocationId

LET_GO_WITHOUT_DEL: Final = "let_go_without_del"
"""The note of each allocation that is let go for a reason of the agent's own, which its field `why` names."""
_NO_FIELDS: Final[Mapping[str, object]] = {}


class Node:
    """This node. `draw` gives 12 hexadecimal digits that nobody has drawn before."""

    def __init__(self, rows: Rows, draw: Callable[[], str]) -> None:
        self.rows = rows
        self.draw = draw
        self.session: SessionBegan | None = None
        self.trouble = "no connection was tried yet"
        """Why there is no session."""
        self._effects: list[Effect] = []

    def do(self, *effects: Effect) -> None:
        """Have these done."""
        self._effects.extend(effects)

    def note(self, event: str, fields: Mapping[str, object] = _NO_FIELDS, level: str = "warning") -> None:
        """Have one line written to the log."""
        self._effects.append(Note(event, level, fields))

    def take_effects(self) -> list[Effect]:
        """What was decided since the last call."""
        effects, self._effects = self._effects, []
        return effects

    def let_go(self, row: Allocation, why: str, now_s: float, request: str = "") -> None:
        """Let go what no DEL came for, and say why; `request` is the plugin's that leads to it, where one does."""
        led_to_it = {"request": request} if request else {}
        self.note(LET_GO_WITHOUT_DEL, row.log_fields() | led_to_it | {"state": row.state.value, "why": why})
        self.rows.let_go(row.id, now_s, request)

    def drew(self, allocation: str) -> bool:
        """Whether this journal drew the id, under one of the names of this cluster."""
        owner = AllocationId.parse(allocation).owner
        return self.is_neighbour(allocation) and owner.journal == self.rows.identity.journal

    def is_neighbour(self, allocation: str) -> bool:
        """Whether a journal of this driver, in this boot of this machine, drew the id."""
        known, owner = self.rows.owner, AllocationId.parse(allocation).owner
        if known is None or self.session is None or owner.cluster not in self.session.clusters:
            return False
        return (owner.node, owner.machine, owner.boot, owner.driver) == (
            known.node,
            known.machine,
            known.boot,
            known.driver,
        )
