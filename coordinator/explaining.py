"""Answers `explain`: asks the grid for the objects that are meant, tells what is known of each."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Final

from coordinator import answers, objects
from coordinator.assignment import Policy
from coordinator.commands import AnswerOperator, Command
from coordinator.grid.operations import Found, Operation, Reply, Search, Unreadable
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Kind, Refusal
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.lane.task import Failed, Priority, Work
from coordinator.objects import FixedAddress, read_fixed_address
from coordinator.ownership import VM_ID, VM_NAME, Identity
from coordinator.registrar import Registrar
from coordinator.sessions import Sessions
from coordinator.stories import Witness, story_of_attachment, story_of_object
from coordinator.sweeper import Sweeper
from protocol.errors import Problem
from protocol.operator import PAGE_ITEMS_MAX, Explain, Explained

PATIENCE_S: Final = 60.0
_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")
CONTAINERS_MAX: Final = 20
"""How many containers the start of an ID may mean."""


@dataclass(frozen=True)
class _Seen:
    fixed: tuple[FixedAddress, ...]


class LookWork(Work):
    """Searches for what a person means. Ends `_Seen` or `Failed`."""

    priority = Priority.PREPARE
    apart = True

    def __init__(self, searches: Sequence[Search], user: str) -> None:
        super().__init__()
        self._searches = tuple(searches)
        self._user = user

    def operations(self) -> tuple[Operation, ...]:
        return self._searches

    def answered(self, replies: Sequence[Reply], now_s: float) -> object | None:
        hits = [hit for reply in replies if isinstance(reply, Found) for hit in reply.hits]
        try:
            read = [read_fixed_address(hit) for hit in hits]
        except Unreadable:
            return self.refused(Refusal(Kind.OTHER, "unreadable fixed address"), now_s)
        return _Seen(tuple({(each.view, each.address): each for each in read}.values()))

    def refused(self, refusal: Refusal, now_s: float) -> object | None:
        return Failed(as_problem(refusal, "search addresses", self._user))

    def doubtful(self, now_s: float) -> object | None:
        return None

    def unknown(self, now_s: float) -> object | None:
        return None


@dataclass(frozen=True)
class _Asked:
    request: Explain
    work: LookWork
    deadline_s: float


class Explanations:
    """All commands that wait for an explanation."""

    def __init__(
        self, policy: Policy, lane: Lane, registrar: Registrar, sessions: Sessions, sweeper: Sweeper
    ) -> None:
        self._policy = policy
        self._lane = lane
        self._registrar = registrar
        self._sessions = sessions
        self._sweeper = sweeper
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: Explain, now_s: float) -> None:
        """Search the grid for what is meant."""
        work = LookWork(self._searches(request.what), self._policy.user)
        self._asked[ticket] = _Asked(request, work, now_s + PATIENCE_S)
        self._lane.handle(Submitted((work,), now_s))

    def leave(self, ticket: int) -> None:
        """Nobody waits any more."""
        if asked := self._asked.pop(ticket, None):
            self._lane.withdraw(asked.work)

    def finished(self, work: Work, outcome: object, now_s: float) -> Iterator[Command] | None:
        """A work has ended; None when it is not one of these."""
        if not isinstance(work, LookWork):
            return None
        return self._finished(work, outcome, now_s)

    def proceed(self, now_s: float) -> Iterator[Command]:
        """Answer whose time is up."""
        for ticket, asked in list(self._asked.items()):
            if now_s >= asked.deadline_s:
                yield self._turn_down(ticket, why_late(self._lane.outage, "it searches too slowly"))

    def next_deadline_s(self) -> float | None:
        """When the next command has waited long enough."""
        return min((each.deadline_s for each in self._asked.values()), default=None)

    def _searches(self, what: str) -> list[Search]:
        owner = self._policy.owner
        if _is_address(what):
            return [objects.find_everywhere({"ipv4addr": what})]
        if "/" in what:
            return [objects.find_everywhere({f"*{VM_NAME}": what, **owner.search()})]
        if containers := sorted({each.container_id for each in self._known(what)})[:CONTAINERS_MAX]:
            return [objects.find_everywhere({f"*{VM_ID}": each, **owner.search()}) for each in containers]
        if _CONTAINER_ID.fullmatch(what):
            return [objects.find_everywhere({f"*{VM_ID}": what, **owner.search()})]
        return [objects.find_everywhere({f"*{VM_NAME}~": f"/{re.escape(what)}$", **owner.search()})]

    def _known(self, what: str) -> list[Identity]:
        """Attachments that are known here whatever the grid says."""
        allocations = self._registrar.allocations
        if _is_address(what):
            return [each.identity for each in allocations if each.holding and each.holding.address == what]
        return [each.identity for each in allocations if each.identity.container_id.startswith(what)]

    def _finished(self, work: LookWork, outcome: object, now_s: float) -> Iterator[Command]:
        ticket = next((key for key, each in self._asked.items() if each.work is work), None)
        if ticket is None:
            return
        if isinstance(outcome, Failed):
            yield self._turn_down(ticket, outcome.problem)
            return
        assert isinstance(outcome, _Seen)
        request = self._asked.pop(ticket).request
        witness = Witness(
            self._policy.owner, self._registrar.allocations, self._sessions.all(), self._sweeper, now_s
        )
        stories = [story_of_object(witness, fixed) for fixed in objects.addresses_in_order(outcome.fixed)]
        told = {self._policy.owner.identity_of(fixed.eas) for fixed in outcome.fixed}
        stories += [story_of_attachment(witness, each) for each in self._known(request.what) if each not in told]
        yield AnswerOperator(ticket, Explained(id=request.id, stories=stories[:PAGE_ITEMS_MAX], last=True))

    def _turn_down(self, ticket: int, problem: Problem) -> AnswerOperator:
        request = self._asked[ticket].request
        self.leave(ticket)
        return AnswerOperator(ticket, answers.turned_down(request.id, problem))


def _is_address(text: str) -> bool:
    try:
        IPv4Address(text)
    except ValueError:
        return False
    return True
