"""Answers `list_unadopted` and `adopt`: proposes which agent shall have what bears no id, then writes the ids."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final

from coordinator.admin.adoption.adopters import find_adopter
from coordinator.admin.adoption.homes import Candidate, Seen, find_homes
from coordinator.admin.adoption.inquiry import Inquiries, Picture
from coordinator.admin.adoption.task import Adopted as Done
from coordinator.admin.adoption.task import AdoptionOutcome, AdoptionTask, NotAdopted
from coordinator.admin.bare_object import BareObject
from coordinator.admin.events import turned_down, turned_down_for
from coordinator.admin.probes import Probes
from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.calls import Form
from coordinator.lane.lane import Lane
from coordinator.nodes.boots import Boots
from coordinator.nodes.sessions import Session
from protocol.admin.messages import (
    PAGE_ITEMS_MAX,
    SENTENCE_LENGTH_MAX,
    AdminAnswer,
    Adopt,
    Adopted,
    AdoptionResult,
    Finding,
    ListUnadopted,
    Unadopted,
    UnadoptedAddress,
)
from protocol.errors import Problem
from protocol.wire.allocation_id import ADOPTED_JOURNAL, Owner

PROPOSAL_S: Final = 300.0
"""How long what was proposed may be adopted."""

PROBE_S: Final = 10.0
"""How long an agent may take to show that it is there."""

AT_ONCE_MAX: Final = 64
"""How many adoptions are in the lane at once, so that pods wait for few of them."""


@dataclass(frozen=True)
class _Proposal:
    candidates: tuple[Candidate, ...]
    adopters: dict[str, Session]
    """By node."""
    until_s: float


@dataclass
class _Course:
    """One command whose proposal is being carried out."""

    ticket: int
    request_id: str
    adopters: dict[str, Session]
    todo: deque[Candidate]
    probed_until_s: float
    answered: set[bytes] = field(default_factory=set)
    """Connections that have answered a probe of this command."""
    at_work: set[AdoptionTask] = field(default_factory=set)
    results: list[AdoptionResult] = field(default_factory=list)


class Adoptions:
    """All that people adopt. `adopted` is told a node for which the grid has new ids."""

    def __init__(
        self,
        parts: Parts,
        lane: Lane,
        boots: Boots,
        probes: Probes,
        adopted: Callable[[str, float], None],
        tell: Callable[[int, AdminAnswer], None],
    ) -> None:
        self._parts = parts
        self._lane = lane
        self._boots = boots
        self._probes = probes
        self._adopted = adopted
        self._tell = tell
        self.inquiries = Inquiries(parts, lane)
        self._proposals: dict[str, _Proposal] = {}
        self._courses: dict[int, _Course] = {}

    def propose(self, ticket: int, request: ListUnadopted, now_s: float) -> None:
        """Ask grid and nodes what there is to adopt."""
        if self._lane.request.known is Form.SEPARATE:
            msg = "the grid user may not use 'request': no id can be written safely, so nothing can be adopted"
            details = "Give the user the right to use it (WAPI object 'request'), or delete these objects by hand."
            self._tell(ticket, turned_down(request.id, msg, details))
            return
        self.inquiries.begin(ticket, lambda found, at_s: self._propose(ticket, request, found, at_s), now_s)

    def begin(self, ticket: int, request: Adopt, now_s: float) -> None:
        """Carry out what was proposed, once its agents have shown that they are there."""
        proposal = self._proposals.pop(request.proposal, None)
        if proposal is None or now_s >= proposal.until_s:
            details = f"A list is good for {PROPOSAL_S:.0f} s, and once: run the command again."
            self._tell(ticket, turned_down(request.id, "this list is not known any more", details))
            return
        todo, adopters = deque(proposal.candidates), proposal.adopters
        course = _Course(ticket, request.id, adopters, todo, now_s + PROBE_S)
        self._courses[ticket] = course
        self._parts.outbox.note("adoption_begins", addresses=len(todo), request=request.id)
        for session in adopters.values():
            self._probes.ask(session, lambda at_s, each=session: course.answered.add(each.connection))  # type: ignore[misc]

    def leave(self, ticket: int) -> None:
        """Nobody listens any more: what is in the lane goes on, nothing new begins."""
        self.inquiries.leave(ticket)
        if course := self._courses.get(ticket):
            course.todo.clear()

    def expire(self, now_s: float) -> None:
        """Go on with what waits, as far as it can go."""
        self.inquiries.expire(now_s)
        for course in list(self._courses.values()):
            self._go_on(course, now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        waiting = [each.probed_until_s for each in self._courses.values() if self._is_waiting(each)]
        wishes = [*waiting, *[at_s for at_s in [self.inquiries.next_deadline_s()] if at_s is not None]]
        return min(wishes, default=None)

    # The list

    def _propose(self, ticket: int, request: ListUnadopted, found: Picture | Problem, now_s: float) -> None:
        if isinstance(found, Problem):
            self._tell(ticket, turned_down_for(request.id, found))
            return
        adopters: dict[str, Session] = {}
        candidates = [
            self._with_adopter(each, request.driver, adopters, now_s)
            for each in find_homes(found.listed, found.seen, self._holders())
        ]
        self._proposals = {key: kept for key, kept in self._proposals.items() if now_s < kept.until_s}
        proposal = f"p-{self._parts.outbox.draw()}"
        to_adopt = tuple(each for each in candidates if each.finding is Finding.ADOPT)
        self._proposals[proposal] = _Proposal(to_adopt, adopters, now_s + PROPOSAL_S)
        for page in self._pages(request.id, proposal, candidates, found.remarks):
            self._tell(ticket, page)

    def _with_adopter(
        self, candidate: Candidate, driver: str, adopters: dict[str, Session], now_s: float
    ) -> Candidate:
        if candidate.home is None:
            return candidate
        node = candidate.home.node
        adopter = find_adopter(self._parts.sessions, self._boots, node, driver, now_s)
        if isinstance(adopter, str):
            return Candidate(candidate.found, Finding.LEAVE, why=adopter)
        adopters[node] = adopter
        return candidate

    def _holders(self) -> Callable[[BareObject, Seen], str]:
        """Says why an address cannot be an attachment's."""
        by_attachment = {
            (each.label.container_id, each.label.ifname): each.address for each in self._parts.index if each.label
        }

        def why_held(found: BareObject, home: Seen) -> str:
            other = by_attachment.get((found.container_id, home.interface.ifname))
            if other:
                return f"{home.interface.ifname} of its container has {other} already"
            return "a journal claims its address" if self._is_taken(found) else ""

        return why_held

    def _is_taken(self, found: BareObject) -> bool:
        return bool(self._parts.sessions.claims_at(*found.place) or self._parts.index.at(*found.place))

    def _pages(
        self, request_id: str, proposal: str, candidates: list[Candidate], remarks: tuple[str, ...]
    ) -> Iterator[Unadopted]:
        rows = [_row(each) for each in candidates]
        starts = range(0, max(1, len(rows)), PAGE_ITEMS_MAX)
        for start in starts:
            is_last = start == starts[-1]
            yield Unadopted(
                id=request_id,
                cluster=self._parts.policy.cluster_name,
                proposal=proposal,
                addresses=rows[start : start + PAGE_ITEMS_MAX],
                remarks=[each[:SENTENCE_LENGTH_MAX] for each in remarks[:PAGE_ITEMS_MAX]] if is_last else [],
                last=is_last,
            )

    # The adoption

    def _is_waiting(self, course: _Course) -> bool:
        return bool(course.todo) and len(course.answered) < len(course.adopters)

    def _go_on(self, course: _Course, now_s: float) -> None:
        if self._is_waiting(course) and now_s < course.probed_until_s:
            return
        while course.todo and len(course.at_work) < AT_ONCE_MAX:
            self._begin_one(course, course.todo.popleft(), now_s)
        is_over = not course.todo and not course.at_work
        if is_over:
            del self._courses[course.ticket]
        if is_over or len(course.results) >= AT_ONCE_MAX:
            self._tell_results(course, is_over)

    def _tell_results(self, course: _Course, is_over: bool) -> None:  # noqa: FBT001, a fact about the course
        results, course.results = course.results, []
        for start in range(0, max(1, len(results)), PAGE_ITEMS_MAX):
            page = results[start : start + PAGE_ITEMS_MAX]
            is_last = is_over and start + PAGE_ITEMS_MAX >= len(results)
            self._tell(course.ticket, Adopted(id=course.request_id, results=page, last=is_last))

    def _begin_one(self, course: _Course, candidate: Candidate, now_s: float) -> None:
        home = candidate.home
        assert home
        session = course.adopters[home.node]
        if why := self._why_not(course, session, candidate.found, now_s):
            self._record(course, candidate.found, why)
            return
        parts, draw = self._parts, self._parts.outbox.draw
        allocation = str(_adopted_owner(session).draw(draw()))
        task = AdoptionTask(
            parts.writer, parts.policy.user, allocation, found=candidate.found, home=home, mark=f"adopt-{draw()}"
        )
        course.at_work.add(task)
        parts.runner.submit(task, lambda outcome, at_s: self._ended(course, task, outcome, at_s), now_s)

    def _why_not(self, course: _Course, session: Session, found: BareObject, now_s: float) -> str:
        if self._lane.request.known is Form.SEPARATE:
            return "the grid user may not use 'request', so no id can be written safely"
        if session.connection not in course.answered:
            return f"the agent of {session.node} has not answered"
        if find_adopter(self._parts.sessions, self._boots, session.node, session.driver, now_s) is not session:
            return f"the agent of {session.node} has begun anew meanwhile: list again"
        return "a journal claims its address by now" if self._is_taken(found) else ""

    def _ended(self, course: _Course, task: AdoptionTask, outcome: AdoptionOutcome, now_s: float) -> None:
        course.at_work.discard(task)
        why = ""
        if isinstance(outcome, Done):
            self._take_in(outcome.object, now_s)
        elif isinstance(outcome, NotAdopted):
            why = outcome.why
        else:
            why = f"{outcome.problem.msg}. {outcome.problem.details}"
        self._record(course, task.found, why)

    def _take_in(self, adopted: AllocationObject, now_s: float) -> None:
        self._parts.index.saw(adopted)
        self._parts.outbox.note("adopted", **adopted.log_facts())
        self._adopted(adopted.node, now_s)

    def _record(self, course: _Course, found: BareObject, why: str) -> None:
        if why:
            self._parts.outbox.note("not_adopted", address=found.address, view=found.view, reason=why)
        result = AdoptionResult(view=found.view[:253], address=found.address, why=why[:SENTENCE_LENGTH_MAX])
        course.results.append(result)


def _adopted_owner(session: Session) -> Owner:
    own = session.owner
    return Owner(own.cluster, own.node, own.machine, own.boot, own.driver, ADOPTED_JOURNAL)


def _row(candidate: Candidate) -> UnadoptedAddress:
    found, home = candidate.found, candidate.home
    return UnadoptedAddress(
        view=found.view[:253],
        address=found.address,
        container_id=found.container_id[:253],
        name=found.name[:253],
        finding=candidate.finding,
        node=home.node if home else "",
        ifname=home.interface.ifname if home else "",
        why=candidate.why[:SENTENCE_LENGTH_MAX],
    )
