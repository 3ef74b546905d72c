"""Serves people's commands: hands each request to what can answer it, keeps for a while what was proposed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from coordinator.adoption_work import AdoptWork, NotAdopted
from coordinator.assignment import Policy
from coordinator.attachment_work import Held
from coordinator.commands import AnswerOperator, Command, Note
from coordinator.events import OperatorAsked
from coordinator.explaining import Explanations
from coordinator.inquiry import Concluded, Inquiries, pages
from coordinator.lane.lane import Lane
from coordinator.lane.task import Failed, Work
from coordinator.legacy import Candidate
from coordinator.lookups import Lookups
from coordinator.ownership import Identity
from coordinator.registrar import Registrar
from coordinator.sessions import Sessions
from coordinator.sweeper import Sweeper
from coordinator.verifying import Verifications
from protocol.messages import Interfaces
from protocol.operator import PAGE_ITEMS_MAX, Adopt, Adopted, AdoptionResult, ListUnadopted, TurnedDown, Verify

PROPOSAL_S: Final = 300.0
"""How long what was proposed may be adopted; shorter than a late request of an attachment is remembered."""

AT_ONCE_MAX: Final = 64
"""How many adoptions are in the lane at once, so that pods wait for few of them."""

LET_GO: Final = "its node has said more of it meanwhile: list again"


@dataclass(frozen=True)
class _Proposal:
    candidates: tuple[Candidate, ...]
    boots: dict[str, str]
    until_s: float


@dataclass
class _Course:
    """One command whose proposal is being carried out."""

    ticket: int
    request_id: str
    boots: dict[str, str]
    todo: deque[Candidate]
    at_work: dict[AdoptWork, Candidate] = field(default_factory=dict)
    results: list[AdoptionResult] = field(default_factory=list)


class Operators:
    """All that people's commands have under way."""

    def __init__(
        self,
        policy: Policy,
        lane: Lane,
        lookups: Lookups,
        registrar: Registrar,
        sessions: Sessions,
        sweeper: Sweeper,
    ) -> None:
        self._policy = policy
        self._lookups = lookups
        self._registrar = registrar
        self._sessions = sessions
        self._inquiries = Inquiries(policy, lane, sessions)
        self._verifications = Verifications(policy.owner, lane, sweeper)
        self._explanations = Explanations(policy, lane, registrar, sessions, sweeper)
        self._proposals: dict[str, _Proposal] = {}
        self._courses: dict[int, _Course] = {}
        self._last_proposal = 0

    def asked(self, event: OperatorAsked) -> Iterator[Command]:
        """A person's command asks something."""
        request = event.request
        if isinstance(request, ListUnadopted):
            self._inquiries.begin(event.ticket, request.id, event.now_s)
        elif isinstance(request, Adopt):
            yield from self._begin_course(event.ticket, request, event.now_s)
        elif isinstance(request, Verify):
            self._verifications.begin(event.ticket, request, event.now_s)
        else:
            self._explanations.begin(event.ticket, request, event.now_s)

    def left(self, ticket: int) -> None:
        """Nobody listens any more: what is in the lane goes on, nothing new begins."""
        self._inquiries.leave(ticket)
        self._verifications.leave(ticket)
        self._explanations.leave(ticket)
        if course := self._courses.get(ticket):
            course.todo.clear()

    def heard(self, node: str, message: Interfaces) -> None:
        """What a node sees in its namespaces."""
        self._inquiries.heard(node, message)

    def finished(self, work: Work, outcome: object, now_s: float) -> Iterator[Command] | None:
        """A work has ended; None when it is not one of these."""
        if inquiry := self._inquiries.of_work(work):
            return self._inquiries.listed(inquiry, outcome, now_s)
        if isinstance(work, AdoptWork):
            return self._adopted(work, outcome)
        return self._explanations.finished(work, outcome, now_s)

    def proceed(self, now_s: float) -> Iterator[Command]:
        """Go on with what waits, as far as it can go."""
        yield from self._conclude(now_s)
        yield from self._verifications.proceed(now_s)
        yield from self._explanations.proceed(now_s)
        for course in list(self._courses.values()):
            yield from self._go_on(course, now_s)

    def next_deadline_s(self) -> float | None:
        """When something has waited long enough."""
        parts = (self._inquiries, self._verifications, self._explanations)
        return min((at_s for part in parts if (at_s := part.next_deadline_s()) is not None), default=None)

    def _conclude(self, now_s: float) -> Iterator[Command]:
        for result in self._inquiries.conclude(self._lookups.gateways(), self._holders, now_s):
            if not isinstance(result, Concluded):
                yield result
                continue
            proposal = self._propose(result, now_s)
            for page in pages(result, self._policy.owner.cluster_name, proposal):
                yield AnswerOperator(result.inquiry.ticket, page)

    def _holders(self) -> dict[Identity, str]:
        allocations = self._registrar.allocations
        return {record.identity: record.holding.address for record in allocations if record.holding}

    def _propose(self, concluded: Concluded, now_s: float) -> str:
        self._proposals = {key: kept for key, kept in self._proposals.items() if now_s < kept.until_s}
        self._last_proposal += 1
        key = f"p{self._last_proposal}"
        homes = tuple(each for each in concluded.candidates if each.home)
        self._proposals[key] = _Proposal(homes, self._boots(), now_s + PROPOSAL_S)
        return key

    def _boots(self) -> dict[str, str]:
        return {node: session.boot_id for node, session in self._sessions.all().items()}

    def _begin_course(self, ticket: int, request: Adopt, now_s: float) -> Iterator[Command]:
        proposal = self._proposals.pop(request.proposal, None)
        if proposal is None or now_s >= proposal.until_s:
            details = f"A list is good for {PROPOSAL_S:.0f} s, and once: run the command again."
            answer = TurnedDown(id=request.id, msg="this list is not known any more", details=details)
            yield AnswerOperator(ticket, answer)
            return
        self._courses[ticket] = _Course(ticket, request.id, proposal.boots, deque(proposal.candidates))
        yield Note("adoption_begins", {"addresses": len(proposal.candidates), "request": request.id})

    def _go_on(self, course: _Course, now_s: float) -> Iterator[Command]:
        for work in [each for each in course.at_work if not self._registrar.is_at_work(each)]:
            self._record(course, course.at_work.pop(work), LET_GO)
        while course.todo and len(course.at_work) < AT_ONCE_MAX:
            self._begin_one(course, course.todo.popleft(), now_s)
        is_over = not course.todo and not course.at_work
        if is_over or len(course.results) >= AT_ONCE_MAX:
            for start in range(0, max(1, len(course.results)), PAGE_ITEMS_MAX):
                page = course.results[start : start + PAGE_ITEMS_MAX]
                is_last = is_over and start + PAGE_ITEMS_MAX >= len(course.results)
                yield AnswerOperator(course.ticket, Adopted(id=course.request_id, results=page, last=is_last))
            course.results = []
        if is_over:
            del self._courses[course.ticket]

    def _begin_one(self, course: _Course, candidate: Candidate, now_s: float) -> None:
        home = candidate.home
        assert home
        if self._boots().get(home.node) != course.boots[home.node]:
            self._record(course, candidate, f"{home.node} has rebooted meanwhile")
        elif not self._may_adopt(candidate, home):
            self._record(course, candidate, LET_GO)
        else:
            boot_id = course.boots[home.node]
            work = AdoptWork(self._policy.owner, home, self._policy.user, candidate.place, boot_id)
            work.ready_at_s = now_s
            course.at_work[work] = candidate
            self._registrar.start(self._registrar.allocations.open(home), work, now_s)

    def _may_adopt(self, candidate: Candidate, home: Identity) -> bool:
        """Whether nobody else has the address, nor has the node spoken of the attachment: it may be gone since."""
        allocations = self._registrar.allocations
        record = allocations.open(home)
        is_untouched = record.identity == home and not record.journal_id and record.is_idle()
        return is_untouched and allocations.holder(*candidate.place) is None

    def _adopted(self, work: AdoptWork, outcome: object) -> Iterator[Command]:
        course = next((each for each in self._courses.values() if work in each.at_work), None)
        candidate = course.at_work.pop(work) if course else None
        fields = {"attachment": str(work.identity), "node": work.identity.node, "address": work.place[1]}
        why = ""
        if isinstance(outcome, Failed):
            why = f"{outcome.problem.msg}. {outcome.problem.details}"
        elif isinstance(outcome, NotAdopted):
            why = outcome.why
        elif not isinstance(outcome, Held):
            why = LET_GO
        if course and candidate:
            self._record(course, candidate, why)
        yield Note("not_adopted", {**fields, "reason": why}) if why else Note("adopted", fields)

    def _record(self, course: _Course, candidate: Candidate, why: str) -> None:
        view, address = candidate.place
        course.results.append(AdoptionResult(view=view[:253], address=address, why=why[:1000]))
