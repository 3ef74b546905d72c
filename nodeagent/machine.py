"""Joins the agent's rooms: all events of one poll are a turn, whose words go out when its rows are committed.

    for each event: handle → the rows are a draft → commit them → committed, or dropped → carry the effects out

What rests on rows that cannot be written is not said, and all goes on with the rows that are in the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from nodeagent import errors
from nodeagent.attachments.machine import Attachments
from nodeagent.domain import events
from nodeagent.domain.allocation import State
from nodeagent.domain.effects import Effect, Note, OnceCommitted, Reply, Tell
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Failure, Granted
from nodeagent.journal.contents import Changes
from nodeagent.journal.rows import Rows
from nodeagent.link import interfaces
from nodeagent.link.confirmations import Confirmations
from nodeagent.link.enrolment import Enrolment
from nodeagent.link.failover import Failover
from nodeagent.link.session import Session
from protocol.errors import Problem
from protocol.wire.messages import Gone, Labelled, PleaseLabel

_OF_SESSION = (
    events.EndpointLookedUp,
    events.Connected,
    events.ConnectionLost,
    events.TokenMissing,
    events.ConnectionUnfit,
    events.Received,
)


@dataclass(frozen=True)
class Options:
    """What a machine is told of its node at start.

    `endpoints`: how many host names or addresses of coordinators it knows. `release`: of this software.
    `ticket`: of an earlier enrolment.
    `was_served`: an agent has served this node in this boot, whatever became of its journal.
    `is_leaving`: the agent is about to be removed from the node, and keeps nothing ready.
    """

    endpoints: int = 1
    release: str = ""
    enrols: bool = False
    ticket: str | None = None
    was_served: bool = False
    is_leaving: bool = False


def make_machine(
    rows: Rows, options: Options, draw: Callable[[], str], chance: Callable[[], float], now_s: float
) -> Machine:
    """The agent's machine over the rows of its journal.

    `draw` gives 12 hexadecimal digits, drawn for once; `chance` gives numbers from 0 up to 1.
    """
    enrolment = Enrolment(rows.identity.node, options.ticket) if options.enrols else None
    machine = Machine(
        rows,
        Attachments(rows, draw, now_s, was_served=options.was_served),
        Session(rows, Failover(options.endpoints, chance), options.release, draw, enrolment),
        Confirmations(rows),
    )
    if options.is_leaving:
        machine.handle(events.ReserveClosed(), now_s)
    return machine


class Machine:
    """All that decides in the agent."""

    def __init__(
        self, rows: Rows, attachments: Attachments, session: Session, confirmations: Confirmations
    ) -> None:
        self._rows = rows
        self.attachments = attachments
        self.session = session
        self._confirmations = confirmations
        self._turn: list[Effect] = []
        self.journal_trouble: str | None = None
        """Why the last turn could not be written, None when it could."""

    def handle(self, event: Event, now_s: float) -> None:
        """Something happened in this turn."""
        if isinstance(event, _OF_SESSION):
            self._collect(self.session.handle(event, now_s), now_s)
        elif isinstance(event, events.Ticked):
            self._collect(self.session.handle(event, now_s), now_s)
            self._tell(event, now_s)
        elif isinstance(event, events.InterfacesSeen):
            self._turn += interfaces.told(event) if self.session.is_up else []
        else:
            self._collect(self.attachments.handle(event, now_s), now_s)

    def committed(self, changes: Changes, now_s: float) -> list[Effect]:
        """The turn is over, and these changes of rows are in the journal: what is to be done."""
        effects = [self._reply_of(each) if isinstance(each, OnceCommitted) else each for each in self._take_turn()]
        self.attachments.committed()
        self.session.committed()
        self._confirmations.committed(changes)
        if changes and self.journal_trouble is not None:
            self.journal_trouble = None
            effects.append(Note("journal_written_again"))
        return [*self._say_claims(now_s), *effects, *self._say_from_rows(now_s)]

    def dropped(self, path: str, cause: str, now_s: float) -> list[Effect]:
        """The turn is over, and its rows cannot be written: what is to be done."""
        notes = []
        if self.journal_trouble is None:
            notes.append(Note("journal_unwritable", "error", {"path": path, "why": cause}))
        self.journal_trouble = cause
        return [*notes, *self._give_up(errors.JournalUnwritable(path=path, cause=cause), now_s)]

    def abandoned(self, now_s: float) -> list[Effect]:
        """The turn is over, and its rows are dropped, since an event of it has failed: what is to be done."""
        return self._give_up(errors.TurnAbandoned(), now_s)

    def _give_up(self, problem: Problem, now_s: float) -> list[Effect]:
        failure = Failure.of(problem)
        effects: list[Effect] = [
            Reply(each.caller, each.otherwise or failure) if isinstance(each, OnceCommitted) else each
            for each in self._take_turn()
        ]
        effects += self.attachments.dropped(problem, now_s)
        self._collect(self.session.dropped(now_s), now_s)
        return [*self._say_claims(now_s), *effects, *self._take_turn(), *self._say_from_rows(now_s)]

    def _say_claims(self, now_s: float) -> list[Effect]:
        claims = self.session.say_claims(now_s)
        if claims:
            self._confirmations.claims_said(now_s)
        return claims

    def _say_from_rows(self, now_s: float) -> list[Effect]:
        return [*self.session.say_hello(), *self._confirmations.flush(self.attachments.incomplete_labels(), now_s)]

    def _collect(self, effects: Sequence[Effect], now_s: float) -> None:
        for effect in effects:
            if isinstance(effect, Tell):
                self._tell(effect.event, now_s)
            else:
                self._turn.append(effect)

    def _tell(self, event: Event, now_s: float) -> None:
        is_confirmation = isinstance(event, events.Received) and isinstance(
            event.message, Labelled | Gone | PleaseLabel
        )
        self._turn += self._confirmations.handle(event, now_s)
        if not is_confirmation:
            self._turn += self.attachments.handle(event, now_s)

    def _reply_of(self, effect: OnceCommitted) -> Reply:
        """An address is told only while the journal says that it is held, whatever else came in this turn."""
        outcome = effect.outcome
        if isinstance(outcome, Granted) and not all(map(self._is_held, outcome.allocations)):
            self.attachments.untold(effect.caller)
            return Reply(effect.caller, Failure.of(errors.AnswerOvertaken()))
        return Reply(effect.caller, outcome)

    def _is_held(self, allocation: str) -> bool:
        row = self._rows.allocations.get(allocation)
        return row is not None and row.state is State.HELD

    def _take_turn(self) -> list[Effect]:
        turn, self._turn = self._turn, []
        return turn
