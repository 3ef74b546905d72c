"""Whose an allocation is: what this journal owns and disowns, what it adopts from another one of this boot.

Of an id that it drew, a journal alone can say *mine* or *disowned*; what it has disowned it never uses again. What
another journal has left is in use until shown otherwise, and given to nobody.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from nodeagent.attachments.asks import Asks
from nodeagent.attachments.node import Node
from nodeagent.domain import wire
from nodeagent.domain.allocation import CLAIMS, Allocation, State
from nodeagent.domain.effects import Transmit
from protocol.family import Family
from protocol.wire.messages import Answer, Lost, Orphans, Whose
from protocol.wire.values import OrphanRow

ADOPTED_LET_GO_MAX: Final = 16_384
"""Adopted ids that were let go and are remembered; beyond so many nothing more is adopted."""


class Ownership:
    """What is said of ids, and what is believed of them."""

    def __init__(self, node: Node, asks: Asks) -> None:
        self._node = node
        self._asks = asks
        self._told: list[Orphans | Lost] = []
        """What was taken in in this turn, and is in the journal only when the turn is over."""
        self._unwritten: list[Orphans | Lost] = []
        """What could not be written, and is not told again in this session."""

    def whose(self, message: Whose) -> None:
        """Answer from journal and memory in one step."""
        mine = [each for each in message.allocations if each in self._node.rows.allocations or each in self._asks]
        disowned = [each for each in message.allocations if each not in mine and self._node.drew(each)]
        foreign = len(message.allocations) - len(mine) - len(disowned)
        if foreign:
            self._node.note("asked_about_ids_of_others", {"count": foreign, "first": message.allocations[0]})
        self._node.do(Transmit(Answer(id=message.id, mine=mine, disowned=disowned)))

    def stray(self, allocation: str, family: Family) -> None:
        """The coordinator tells of an id that is not asked for in this session."""
        if allocation in self._node.rows.allocations:
            return
        if self._node.drew(allocation):
            self._asks.let_go(allocation, family)
        else:
            self._node.note("told_of_an_id_of_others", {"allocation": allocation})

    def lost(self, message: Lost, now_s: float) -> None:
        """Somebody else has the address of an allocation that this node claims."""
        self._told.append(message)
        row = self._node.rows.allocations.get(message.allocation)
        if row is None or row.state not in CLAIMS:
            return
        self._node.note("address_lost", row.log_fields() | {"holder": message.holder}, level="error")
        if row.state is State.READY:
            self._node.rows.let_go(row.id, now_s)
        else:
            self._node.rows.lose(row.id, message.holder)

    def orphans(self, message: Orphans, now_s: float) -> None:
        """What other journals of this boot have left."""
        self._told.append(message)
        for row in message.rows:
            known = self._node.rows.allocations.get(row.allocation)
            if known:
                self._complete(known, row)
            elif not self._node.is_neighbour(row.allocation) or self._node.drew(row.allocation):
                self._node.note("orphan_of_others", {"allocation": row.allocation})
            elif row.allocation in self._node.rows.adopted_let_go:
                self._asks.let_go(row.allocation, Family.of(row.address))
            else:
                self._adopt(wire.orphan_of(row), now_s)

    def committed(self) -> None:
        """The rows of this turn are in the journal."""
        self._told.clear()

    def dropped(self) -> None:
        """The rows of this turn are not in the journal."""
        self._unwritten += self._told
        self._told.clear()

    def ticked(self, now_s: float) -> None:
        """Take in once more what could not be written."""
        unwritten, self._unwritten = self._unwritten, []
        for message in unwritten:
            if isinstance(message, Lost):
                self.lost(message, now_s)
            else:
                self.orphans(message, now_s)

    def session_ended(self) -> None:
        """What was told in this session is told anew in the next."""
        self._told.clear()
        self._unwritten.clear()

    def _adopt(self, orphan: Allocation, now_s: float) -> None:
        rows, session = self._node.rows, self._node.session
        if len(rows.adopted_let_go) >= ADOPTED_LET_GO_MAX:
            self._node.note("orphan_not_adopted", orphan.log_fields() | {"limit": ADOPTED_LET_GO_MAX})
        elif orphan.label and orphan.label.attachment in rows.deletes:
            rows.adopt(orphan)
            self._node.let_go(rows.allocations[orphan.id], "deleted_before", now_s)
        elif session and rows.count_claims() >= session.allocations_max:
            self._node.note("orphan_not_adopted", orphan.log_fields() | {"limit": session.allocations_max})
        else:
            self._node.note("orphan_adopted", orphan.log_fields())
            rows.adopt(orphan)

    def _complete(self, known: Allocation, row: OrphanRow) -> None:
        """The label of an adopted allocation was written after it was told of for the first time."""
        label = wire.orphan_of(row).label
        if known.state is State.ADOPTED and known.label is None and label:
            self._node.rows.adopt(replace(known, label=label, is_labelled=True))
