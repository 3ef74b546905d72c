"""Serves people's commands: hands each request to what can answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from coordinator.admin.adoption.adoptions import Adoptions
from coordinator.admin.events import AnswerCommand, Asked, turned_down
from coordinator.admin.explain import Explanations
from coordinator.admin.listing import Listings
from coordinator.admin.probes import Probes
from coordinator.admin.replacement import Replacements
from coordinator.admin.verify import Verifications
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.lane.lane import Lane
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Session
from coordinator.sweep.sweeper import Sweeper
from protocol.admin.messages import (
    AdminAnswer,
    Adopt,
    Explain,
    ListAllocations,
    ListUnadopted,
    ReplaceNode,
    Verify,
)
from protocol.wire.messages import Interfaces, ProbeAnswer


@dataclass(frozen=True)
class Hooks:
    """What commands have done by others.

    `over`: boots of a node end. `compare`: a node is compared. `free_gone_nodes`: however many; returns why not.
    """

    over: Callable[[str, list[Boot], float], None]
    compare: Callable[[str, float], None]
    free_gone_nodes: Callable[[float], str]


class Commands:
    """All that people's commands have under way, by the number of the connection."""

    def __init__(
        self, parts: Parts, lane: Lane, boots: Boots, deletions: Deletions, sweeper: Sweeper, hooks: Hooks
    ) -> None:
        self._waiting: dict[int, str] = {}
        self._answers: list[AnswerCommand] = []
        self._probes = Probes(parts.outbox)
        self._verifications = Verifications(parts, lane, sweeper, deletions, hooks.free_gone_nodes, self._tell)
        self._explanations = Explanations(parts, lane, boots, deletions, self._tell)
        self._adoptions = Adoptions(parts, lane, boots, self._probes, hooks.compare, self._tell)
        self._replacements = Replacements(parts, boots, self._probes, hooks.over, self._tell)
        self._listings = Listings(parts, lane, deletions, self._tell)
        self._rooms = (
            self._verifications,
            self._explanations,
            self._adoptions,
            self._replacements,
            self._listings,
        )

    def asked(self, event: Asked) -> None:
        """A person's command asks something."""
        ticket, request, now_s = event.ticket, event.request, event.now_s
        self._waiting[ticket] = request.id
        if isinstance(request, Verify):
            self._verifications.begin(ticket, request, now_s)
        elif isinstance(request, Explain):
            self._explanations.begin(ticket, request, now_s)
        elif isinstance(request, ListUnadopted):
            self._adoptions.propose(ticket, request, now_s)
        elif isinstance(request, Adopt):
            self._adoptions.begin(ticket, request, now_s)
        elif isinstance(request, ReplaceNode):
            self._replacements.begin(ticket, request, now_s)
        elif isinstance(request, ListAllocations):
            self._listings.begin(ticket, request, now_s)

    def left(self, ticket: int) -> None:
        """Nobody listens any more."""
        self._waiting.pop(ticket, None)
        for room in self._rooms:
            room.leave(ticket)

    def heard(self, session: Session, message: Interfaces | ProbeAnswer, now_s: float) -> None:
        """An agent has answered what it was asked for a command."""
        if isinstance(message, Interfaces):
            self._adoptions.inquiries.heard(session, message)
        else:
            self._probes.answered(session, message, now_s)

    def expire(self, now_s: float) -> None:
        """Go on with what waits, end what has waited long enough."""
        for room in self._rooms:
            room.expire(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((at_s for room in self._rooms if (at_s := room.next_deadline_s()) is not None), default=None)

    def take(self) -> list[AnswerCommand]:
        """The answers since the last call."""
        answers, self._answers = self._answers, []
        return answers

    def give_up(self, msg: str, details: str) -> list[AnswerCommand]:
        """Nothing of what is under way will be answered any more, for this reason."""
        waiting, self._waiting = self._waiting, {}
        return [AnswerCommand(ticket, turned_down(request, msg, details)) for ticket, request in waiting.items()]

    def _tell(self, ticket: int, answer: AdminAnswer) -> None:
        if ticket in self._waiting:
            self._answers.append(AnswerCommand(ticket, answer))
            if answer.last:
                del self._waiting[ticket]
