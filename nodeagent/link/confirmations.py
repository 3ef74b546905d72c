"""Sends labels, and what is let go, until the coordinator confirms that the grid has it so.

Everything here is said from rows that are in the journal: what could still be dropped is not told to anybody.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from nodeagent.domain import wire
from nodeagent.domain.allocation import Allocation, State
from nodeagent.domain.effects import Effect, Note, Transmit
from nodeagent.domain.events import Event, Received, SessionBegan, SessionEnded, Ticked
from nodeagent.journal.contents import Changes
from nodeagent.journal.rows import Rows
from protocol.wire.messages import Gone, Labelled, LetGo, PleaseLabel, SetLabels
from protocol.wire.pages import pages_of
from protocol.wire.values import LabelRow

RESEND_S: Final = 60.0
"""What is not confirmed after so long is sent again in the same session."""
_LABELLED_STATES: Final = (State.HELD, State.ADOPTED)


class Confirmations:
    """What of the rows was sent in this session, and what is to be sent next."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._is_open = False
        self._sent_s: dict[str, float] = {}
        """When what the row of this id now says was sent."""
        self._due: dict[str, None] = {}
        self._looked_s = 0.0
        self._messages = 0

    def handle(self, event: Event, now_s: float) -> list[Effect]:
        """Change rows that are confirmed; mark what is to be sent."""
        if isinstance(event, SessionBegan):
            self._is_open = True
        elif isinstance(event, SessionEnded):
            self._is_open = False
        elif isinstance(event, Ticked) and now_s - self._looked_s >= RESEND_S:
            self._look(now_s)
        elif isinstance(event, Received):
            return self._received(event)
        return []

    def claims_said(self, now_s: float) -> None:
        """A session has begun, and all that is let go was named in it."""
        self._looked_s = now_s
        self._sent_s = {row.id: now_s for row in self._rows.in_state(State.LET_GO)}
        self._due = {row.id: None for row in self._rows.unlabelled()}

    def committed(self, changes: Changes) -> None:
        """These rows are in the journal now."""
        for id_, row in changes.allocations.items():
            self._sent_s.pop(id_, None)
            self._due.pop(id_, None)
            if row and _is_to_be_confirmed(row):
                self._due[id_] = None

    def flush(self, incomplete_labels: Collection[str], now_s: float) -> list[Effect]:
        """Send all that is due, but labels that are not complete."""
        if not self._is_open or not self._due:
            return []
        rows = [row for id_ in self._due if (row := self._rows.allocations.get(id_))]
        let_go = [row for row in rows if row.state is State.LET_GO]
        unlabelled = [row for row in rows if _is_unlabelled(row) and row.id not in incomplete_labels]
        for row in (*let_go, *unlabelled):
            self._sent_s[row.id] = now_s
        self._due = {row.id: None for row in rows if row.id in incomplete_labels and _is_unlabelled(row)}
        return [*self._let_go(let_go, now_s), *self._set_labels(unlabelled)]

    def _received(self, event: Received) -> list[Effect]:
        message = event.message
        if isinstance(message, Labelled):
            for row in self._known(message.allocations):
                if _is_unlabelled(row):
                    self._rows.confirm_label(row.id)
        elif isinstance(message, PleaseLabel):
            for row in self._known(message.allocations):
                if row.state in _LABELLED_STATES and row.label:
                    self._rows.doubt_label(row.id)
                    self._sent_s.pop(row.id, None)
                    self._due[row.id] = None
        elif isinstance(message, Gone):
            return [note for row in self._known(message.allocations) for note in self._gone(row)]
        return []

    def _gone(self, row: Allocation) -> list[Effect]:
        if row.state is not State.LET_GO:
            return [Note("gone_but_in_use", "error", row.log_fields() | {"state": row.state.value})]
        self._rows.forget(row.id)
        return [Note("released", fields=row.log_fields())]

    def _known(self, allocations: Collection[str]) -> list[Allocation]:
        return [row for each in allocations if (row := self._rows.allocations.get(each))]

    def _look(self, now_s: float) -> None:
        """Everything that was not sent in this session, or long ago, is due."""
        self._looked_s = now_s
        for row in (*self._rows.in_state(State.LET_GO), *self._rows.unlabelled()):
            if now_s - self._sent_s.get(row.id, now_s - RESEND_S) >= RESEND_S:
                self._due[row.id] = None

    def _let_go(self, rows: Collection[Allocation], now_s: float) -> list[Effect]:
        if not rows:
            return []
        pages = pages_of([wire.let_go_row(row, now_s) for row in rows])
        return [Transmit(LetGo(id=self._next_id("go"), allocations=page)) for page in pages]

    def _set_labels(self, rows: Collection[Allocation]) -> list[Effect]:
        labels = [LabelRow(allocation=row.id, label=wire.wire_label(row.label)) for row in rows if row.label]
        if not labels:
            return []
        return [Transmit(SetLabels(id=self._next_id("label"), labels=page)) for page in pages_of(labels)]

    def _next_id(self, kind: str) -> str:
        self._messages += 1
        return f"{kind}-{self._messages}"


def _is_to_be_confirmed(row: Allocation) -> bool:
    return row.state is State.LET_GO or _is_unlabelled(row)


def _is_unlabelled(row: Allocation) -> bool:
    return row.state in _LABELLED_STATES and row.label is not None and not row.is_labelled
