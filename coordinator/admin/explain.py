"""Answers `explain`: asks the grid for the objects that are meant, tells what is known of each.

While the grid is away the index and the journals answer, and the answer says that the grid was not asked.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv4Address
from typing import Final

from coordinator.admin import bare_object
from coordinator.admin.bare_object import BareObject
from coordinator.admin.stories import Witness, story_of_claim, story_of_known, story_of_object
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.core import attributes
from coordinator.core.errors import GridRefused
from coordinator.core.recent import Failure
from coordinator.core.what_is_meant import is_address, is_id
from coordinator.grid.allocation_object import AllocationObject
from coordinator.grid.kinds import KINDS
from coordinator.grid.operations import Found, Object, Operation, Reply, Search, Unreadable
from coordinator.grid.refusals import Refusal
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.lane.task import Failed, Priority, Task
from coordinator.nodes.boots import Boots
from coordinator.nodes.sessions import Claim, Session
from protocol.admin.messages import (
    SENTENCE_LENGTH_MAX,
    AdminAnswer,
    Explain,
    Explained,
    FailedRequest,
    Story,
)
from protocol.errors import Problem
from protocol.family import Family
from protocol.wire.values import Label

PATIENCE_S: Final = 15.0
"""How long a person waits for the grid; then what is known without it has to do."""

CONTAINERS_MAX: Final = 20
"""How many containers the start of an ID may mean."""

STORIES_OF_PAGE_MAX: Final = 50
"""A story may have a score of long lines, and a message has its limit."""

FAILURES_MAX: Final = 20
"""So many failures that differ are told of a pod."""

NAME_LENGTH_MAX: Final = 253

_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Hits:
    """What the searches found."""

    objects: tuple[Object, ...]


class LookTask(Task[Hits | Failed]):
    """Searches for what a person means."""

    priority = Priority.PREPARE
    apart = True

    def __init__(self, searches: Sequence[Search], user: str) -> None:
        super().__init__()
        self._searches = tuple(searches)
        self._user = user

    def operations(self) -> tuple[Operation, ...]:
        return self._searches

    def answered(self, replies: Sequence[Reply], now_s: float) -> Hits | Failed | None:
        return Hits(tuple(hit for reply in replies if isinstance(reply, Found) for hit in reply.hits))

    def refused(self, refusal: Refusal, now_s: float) -> Hits | Failed | None:
        return Failed(GridRefused(cause=refusal.text, user=self._user, action="search addresses"))

    def doubtful(self, now_s: float) -> Hits | Failed | None:
        return None

    def unknown(self, now_s: float) -> Hits | Failed | None:
        return None


@dataclass(frozen=True)
class _Asked:
    request: Explain
    task: LookTask
    deadline_s: float


class Explanations:
    """All commands that wait for an explanation."""

    def __init__(
        self,
        parts: Parts,
        lane: Lane,
        boots: Boots,
        deletions: Deletions,
        tell: Callable[[int, AdminAnswer], None],
    ) -> None:
        self._parts = parts
        self._lane = lane
        self._boots = boots
        self._deletions = deletions
        self._tell = tell
        self._asked: dict[int, _Asked] = {}

    def begin(self, ticket: int, request: Explain, now_s: float) -> None:
        """Search the grid for what is meant, unless it is away."""
        if outage := self._lane.outage:
            self._tell_without_grid(ticket, request, outage.problem, now_s)
            return
        task = LookTask(self._searches(request.what), self._parts.policy.user)
        self._asked[ticket] = _Asked(request, task, now_s + PATIENCE_S)
        self._parts.runner.submit(task, lambda outcome, at_s: self._looked(ticket, task, outcome, at_s), now_s)

    def leave(self, ticket: int) -> None:
        """Nobody waits any more."""
        if asked := self._asked.pop(ticket, None):
            self._parts.runner.withdraw(asked.task)

    def expire(self, now_s: float) -> None:
        """Answer whose time is up, and everybody when the grid has gone away."""
        for ticket, asked in list(self._asked.items()):
            if now_s >= asked.deadline_s or self._lane.outage:
                self.leave(ticket)
                problem = why_late(self._lane.outage, f"it has found nothing within {PATIENCE_S:.0f} s")
                self._tell_without_grid(ticket, asked.request, problem, now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((each.deadline_s for each in self._asked.values()), default=None)

    def _searches(self, what: str) -> list[Search]:
        names, ours = self._parts.writer.names, self._of_cluster()
        if is_address(what):
            return [_search({"ipv4addr": what})]
        if is_id(what):
            return [_search(self._parts.writer.by_id(what))]
        if "/" in what:
            return [_search({f"*{names.vm_name}": what, **ours})]
        if containers := self._containers(what):
            return [_search({f"*{names.vm_id}": each, **ours}) for each in containers]
        if _CONTAINER_ID.fullmatch(what):
            return [_search({f"*{names.vm_id}": what, **ours})]
        return [_search({f"*{names.vm_name}~": f"(^|/){re.escape(what)}$", **ours})]

    def _of_cluster(self) -> dict[str, str]:
        return {f"*{self._parts.writer.names.tenant_id}": self._parts.policy.cluster_name}

    def _containers(self, start: str) -> list[str]:
        """The containers that the index knows whose ID begins so."""
        labels = [seen.label for seen in self._parts.index if seen.label]
        return sorted({each.container_id for each in labels if each.container_id.startswith(start)})[
            :CONTAINERS_MAX
        ]

    def _looked(self, ticket: int, task: LookTask, outcome: Hits | Failed, now_s: float) -> None:
        asked = self._asked.get(ticket)
        if asked is None or asked.task is not task:
            return
        del self._asked[ticket]
        if isinstance(outcome, Failed):
            self._tell_without_grid(ticket, asked.request, outcome.problem, now_s)
            return
        witness = Witness(self._parts, self._boots, self._deletions, now_s)
        found = self._read(outcome.objects)
        stories = [story_of_object(witness, each, eas) for each, eas in found]
        told = {each.allocation for each, _ in found}
        self._answer(ticket, asked.request, [*stories, *self._stories_of_claims(witness, asked.request, told)], [])

    def _tell_without_grid(self, ticket: int, request: Explain, problem: Problem, now_s: float) -> None:
        witness = Witness(self._parts, self._boots, self._deletions, now_s)
        known = sorted(self._known(request.what), key=lambda each: (IPv4Address(each.address), each.view))
        stories = [story_of_known(witness, each) for each in known]
        told = {each.allocation for each in known}
        unasked = [f"the grid: {problem.msg}. {problem.details}".strip()]
        if not self._parts.index.is_complete:
            unasked.append("what the grid holds was not read to its end since this coordinator began")
        self._answer(ticket, request, [*stories, *self._stories_of_claims(witness, request, told)], unasked)

    def _stories_of_claims(self, witness: Witness, request: Explain, told: set[str]) -> Iterator[Story]:
        for session, claim in self._claims(request.what):
            if claim.allocation not in told:
                yield story_of_claim(witness, session, claim)

    def _answer(self, ticket: int, request: Explain, stories: list[Story], unasked: list[str]) -> None:
        for start in range(0, max(1, len(stories)), STORIES_OF_PAGE_MAX):
            is_last = start + STORIES_OF_PAGE_MAX >= len(stories)
            page = Explained(
                id=request.id,
                stories=stories[start : start + STORIES_OF_PAGE_MAX],
                failures=self._failures(request.what) if is_last else [],
                unasked=[each[:SENTENCE_LENGTH_MAX] for each in unasked] if is_last else [],
                last=is_last,
            )
            self._tell(ticket, page)

    def _failures(self, what: str) -> list[FailedRequest]:
        """What a pod of this name was declined for, the newest first."""
        if is_address(what) or is_id(what):
            return []
        return [_failed_request(each) for each in self._parts.recent.failures_of(what)[:FAILURES_MAX]]

    def _known(self, what: str) -> list[AllocationObject]:
        """The objects that are meant, as far as the index knows."""
        if is_id(what):
            known = self._parts.index.get(what)
            return [known] if known else []
        if is_address(what):
            return [each for each in self._parts.index if each.address == what]
        last_word = what.rpartition("/")[2]
        maybe = [each for each in self._parts.index if last_word in each.label_text]
        return [each for each in maybe if each.label and _is_meant(what, each.label)]

    def _read(self, hits: Sequence[Object]) -> list[tuple[BareObject, dict[str, tuple[str, ...]]]]:
        found = {}
        for hit in hits:
            try:
                read = bare_object.read(self._parts.writer, hit)
            except Unreadable:
                continue
            found[read.place] = read, attributes.read(hit.get("extattrs"))
        return sorted(found.values(), key=lambda each: (IPv4Address(each[0].address), each[0].view))

    def _claims(self, what: str) -> Iterator[tuple[Session, Claim]]:
        """What journals claim of it, whatever the grid says."""
        for session in self._parts.sessions:
            for claim in session.claims.values():
                if what in (claim.address, claim.allocation):
                    yield session, claim


def _failed_request(failure: Failure) -> FailedRequest:
    return FailedRequest(
        pod=failure.pod[:NAME_LENGTH_MAX],
        node=failure.node[:NAME_LENGTH_MAX],
        network=failure.network[:NAME_LENGTH_MAX],
        first_at=_time(failure.first_at_s),
        at=_time(failure.at_s),
        times=failure.times,
        code=failure.code,
        error=failure.error[:NAME_LENGTH_MAX],
        reason=failure.reason[:SENTENCE_LENGTH_MAX],
        remedy=failure.remedy[:SENTENCE_LENGTH_MAX],
        request=failure.request[:NAME_LENGTH_MAX],
    )


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _search(criteria: dict[str, str]) -> Search:
    kind = KINDS[Family.IPV4]
    return Search(kind.fixed, criteria, kind.fields)


def _is_meant(what: str, label: Label) -> bool:
    if "/" in what:
        return what == f"{label.pod_namespace}/{label.pod}"
    return what == label.pod or label.container_id.startswith(what)
