"""Answers `verify`: what a look of the sweep has found, with what was done about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coordinator import answers
from coordinator.commands import AnswerOperator, Command
from coordinator.course import Course, Coverage, Finding, Mandate
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.ownership import Owner
from coordinator.sweeper import Sweeper
from protocol.operator import PAGE_ITEMS_MAX, Difference, Repair, TurnedDown, Verified, Verify

PATIENCE_S: Final = 120.0
"""How long a look with its repairs may take; shorter than an operator's connection stays open without a word."""

_MANDATES: Final = {
    Repair.NOTHING: Mandate.LOOK,
    Repair.CERTAIN: Mandate.REPAIR,
    Repair.FORCED: Mandate.FORCE,
}


@dataclass(frozen=True)
class _Asked:
    request_id: str
    course: Course
    deadline_s: float


class Verifications:
    """All commands that wait for a look."""

    def __init__(self, owner: Owner, lane: Lane, sweeper: Sweeper) -> None:
        self._owner = owner
        self._lane = lane
        self._sweeper = sweeper
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: Verify, now_s: float) -> None:
        """Look anew for this command."""
        course = Course(_MANDATES[request.repair])
        self._asked[ticket] = _Asked(request.id, course, now_s + PATIENCE_S)
        self._sweeper.ask(course)

    def leave(self, ticket: int) -> None:
        """Nobody waits any more: a look that has begun goes on."""
        if asked := self._asked.pop(ticket, None):
            self._sweeper.unask(asked.course)

    def proceed(self, now_s: float) -> Iterator[Command]:
        """Answer whose course is over, or whose time is up."""
        for ticket, asked in list(self._asked.items()):
            if not asked.course.is_over and now_s < asked.deadline_s:
                continue
            self.leave(ticket)
            for answer in self._answers(asked):
                yield AnswerOperator(ticket, answer)

    def next_deadline_s(self) -> float | None:
        """When the next command has waited long enough."""
        return min((each.deadline_s for each in self._asked.values()), default=None)

    def _answers(self, asked: _Asked) -> Iterator[Verified | TurnedDown]:
        course = asked.course
        if course.coverage:
            yield from self._pages(asked.request_id, course, course.coverage)
            return
        problem = course.problem or why_late(self._lane.outage, "it lists too slowly")
        yield answers.turned_down(asked.request_id, problem)

    def _pages(self, request_id: str, course: Course, coverage: Coverage) -> Iterator[Verified]:
        unfinished = set(map(id, course.doings.values()))
        rows = [_row(each, is_unfinished=id(each) in unfinished) for each in course.findings]
        remarks = [remark[:1000] for remark in course.remarks]
        count = max(len(rows), len(remarks), 1)
        for start in range(0, count, PAGE_ITEMS_MAX):
            end = start + PAGE_ITEMS_MAX
            yield Verified(
                id=request_id,
                cluster=self._owner.cluster_name,
                compared=coverage.compared,
                uncompared=coverage.uncompared,
                nodes_away=coverage.nodes_away,
                unreadable=coverage.unreadable,
                differences=rows[start:end],
                stopped=course.stopped[:1000],
                remarks=remarks[start:end],
                last=end >= count,
            )


def _row(finding: Finding, *, is_unfinished: bool) -> Difference:
    view, address = finding.place
    identity = finding.identity
    return Difference(
        kind=finding.kind,
        view=view[:253],
        address=address,
        container_id=identity.container_id[:253],
        ifname=identity.ifname[:253],
        node=identity.node[:253],
        name=finding.name[:253],
        why=finding.why[:1000],
        outcome="under way" if is_unfinished else finding.outcome[:1000],
        is_settled=finding.is_settled,
    )
