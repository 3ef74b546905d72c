"""Takes turns: the machine hears of events, its rows are committed, what rests on them may then be done.

What no code expects costs one request, or the connection; what cannot be told from the rest costs a new beginning
from the journal, as after a restart (docs/adr/0012). Nothing rests on rows that are not in the file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from daemon.breakdowns import Breakdowns
from nodeagent import errors
from nodeagent.domain import events
from nodeagent.domain.effects import Effect, Note, Reply
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Failure, NotDurable
from nodeagent.journal.contents import Contents
from nodeagent.journal.rows import Rows
from nodeagent.journal.store import WriteFailed
from nodeagent.machine import Machine

LINK_FAILED: Final = "the agent has failed at a message, and begins again with another connection"

_OF_REQUESTS: Final = (
    events.AddAsked,
    events.DelAsked,
    events.CheckAsked,
    events.StatusAsked,
    events.JournalAsked,
    events.GcAsked,
    events.MacRead,
    events.MacUnread,
)
_OF_LINK: Final = (
    events.EndpointLookedUp,
    events.Connected,
    events.ConnectionLost,
    events.ConnectionUnfit,
    events.Received,
    events.InterfacesSeen,
    events.TokenMissing,
)
_COMES_AGAIN: Final = (events.Ticked, events.HungUp, events.GivenUp, events.Delivered)


class Journal(Protocol):
    """The file of the rows."""

    @property
    def path(self) -> str:
        """The file's name."""
        ...

    def commit(self, rows: Rows) -> None:
        """Write what the draft changes. Raises `WriteFailed`."""
        ...

    def look(self, rows: Rows) -> bool:
        """Write the file anew where it is gone. Raises `WriteFailed`."""
        ...

    def read_again(self) -> Contents:
        """What is in the file now. Raises anything."""
        ...


@dataclass(frozen=True)
class AnswerAll(Effect):
    """Answer all who wait with a failure: the machine that they wait for is no more."""


class Turns:
    """The machine of the moment over its rows. `make` makes a machine; `tell` hears what no code expected."""

    def __init__(
        self,
        journal: Journal,
        contents: Contents,
        make: Callable[[Rows, float], Machine],
        tell: Callable[[str, BaseException], None],
        now_s: float,
    ) -> None:
        self._journal = journal
        self._make = make
        self._tell = tell
        self.rows = Rows(contents)
        self.machine = make(self.rows, now_s)
        self._rests_until_s: float | None = None
        self._breakdowns = Breakdowns()
        self._later: list[Event] = []

    @property
    def is_resting(self) -> bool:
        """Whether the machine has failed, and the next one is not there yet."""
        return self._rests_until_s is not None

    def take(self, heard: Sequence[Event], now_s: float) -> list[Effect]:
        """One turn: what is to be done about all that happened."""
        effects: list[Effect] = []
        if self._rests_until_s is not None and now_s >= self._rests_until_s:
            effects += self._begin_anew(now_s)
        later, self._later = self._later, []
        for event in (*later, *heard):
            effects += self._hear(event, now_s)
        return [*effects, *self._settle(now_s)]

    def look_after_journal(self, now_s: float) -> list[Effect]:
        """Write the journal anew where somebody removed it."""
        try:
            is_new = self._journal.look(self.rows)
        except WriteFailed as failed:
            return [Note("journal_missing", "error", {"path": self._journal.path, "why": str(failed)})]
        except Exception as error:  # noqa: BLE001, the next commit says whether it can be written
            self._tell("journal", error)
            return []
        return [Note("journal_written_anew", "warning", {"path": self._journal.path})] if is_new else []

    @property
    def has_more(self) -> bool:
        """Whether the next turn has something to begin with."""
        return bool(self._later)

    @property
    def due_s(self) -> float:
        """When the session wants to hear of the time at the latest."""
        return math.inf if self.is_resting else self.machine.session.due_s

    def _hear(self, event: Event, now_s: float) -> list[Effect]:
        if self.is_resting:
            return _refusal(event)
        try:
            self.machine.handle(event, now_s)
        except Exception as error:  # noqa: BLE001, only what it was about is begun again
            self._tell(type(event).__name__, error)
            return self._make_up_for(event, now_s)
        return []

    def _settle(self, now_s: float) -> list[Effect]:
        if self.is_resting:
            return []
        changes = self.rows.changes()
        try:
            try:
                self._journal.commit(self.rows)
            except WriteFailed as failed:
                return self.machine.dropped(self._journal.path, str(failed), now_s)
            return self.machine.committed(changes, now_s)
        except Exception as error:  # noqa: BLE001, what is in the journal is known from there alone
            self._tell("commit", error)
            return self._break_down(now_s)

    def _make_up_for(self, event: Event, now_s: float) -> list[Effect]:
        self.rows.drop()
        try:
            effects = self.machine.abandoned(now_s)
        except Exception as error:  # noqa: BLE001, then nothing of the machine can be trusted
            self._tell("abandoned turn", error)
            return self._break_down(now_s)
        if isinstance(event, _OF_REQUESTS):
            self._later.append(events.GivenUp(event.caller))
            return [*effects, *_refusal(event)]
        if isinstance(event, _OF_LINK):
            self._later.append(events.ConnectionUnfit(LINK_FAILED))
            return effects
        if isinstance(event, _COMES_AGAIN):
            return effects
        return [*effects, *self._break_down(now_s)]

    def _break_down(self, now_s: float) -> list[Effect]:
        self._rests_until_s = now_s + self._breakdowns.rest_s(now_s)
        self._later.clear()
        return [AnswerAll()]

    def _begin_anew(self, now_s: float) -> list[Effect]:
        try:
            self.rows = Rows(self._journal.read_again())
            self.machine = self._make(self.rows, now_s)
        except Exception as error:  # noqa: BLE001, it may be read a little later
            self._tell("journal", error)
            return self._break_down(now_s)
        self._rests_until_s = None
        return [Note("begins_anew", "warning", {"allocations": len(self.rows.allocations)})]


def _refusal(event: Event) -> list[Effect]:
    """What the plugin hears of a request that nobody decides; what a DEL cannot make durable, it keeps itself."""
    if not isinstance(event, _OF_REQUESTS):
        return []
    is_del = isinstance(event, events.DelAsked)
    return [Reply(event.caller, NotDurable() if is_del else Failure.of(errors.AgentFailed()))]
