"""Finds out which addresses the original left, with the node of each: lists the grid, then asks the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator import answers
from coordinator.assignment import Policy
from coordinator.attachment_work import Place
from coordinator.commands import AnswerOperator, Command, Send
from coordinator.lane.events import Submitted
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.lane.task import Failed
from coordinator.legacy import Candidate, Seen, find_homes
from coordinator.objects import FixedAddress
from coordinator.ownership import Identity
from coordinator.preparation_work import Listed, ListWork
from coordinator.sessions import Sessions
from protocol.errors import Problem
from protocol.messages import Interfaces, ListInterfaces
from protocol.operator import PAGE_ITEMS_MAX, Finding, LegacyAddress, Unadopted

LISTING_S: Final = 90.0
"""How long the grid may take to list the cluster's addresses."""

NODES_S: Final = 15.0
"""How long nodes may take to look into their network namespaces."""

INTERFACES_MAX: Final = 20_000
"""Of one node; what it says beyond that is not kept."""


@dataclass
class Inquiry:
    """One command that waits for the list."""

    ticket: int
    request_id: str
    deadline_s: float
    work: ListWork | None
    listed: list[FixedAddress] = field(default_factory=list)
    awaited: set[str] = field(default_factory=set)
    seen: list[Seen] = field(default_factory=list)
    pages: Counter[str] = field(default_factory=Counter)
    interfaces: Counter[str] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Concluded:
    """The list is complete, as far as it can be."""

    inquiry: Inquiry
    candidates: tuple[Candidate, ...]


class Inquiries:
    """All commands that wait for a list."""

    def __init__(self, policy: Policy, lane: Lane, sessions: Sessions) -> None:
        self._policy = policy
        self._lane = lane
        self._sessions = sessions
        self._of_ticket: dict[int, Inquiry] = {}

    def begin(self, ticket: int, request_id: str, now_s: float) -> None:
        """List first, so that whatever a node shows later is not older than the list."""
        work = ListWork(self._policy.owner, self._policy.user)
        self._of_ticket[ticket] = Inquiry(ticket, request_id, now_s + LISTING_S, work)
        self._lane.handle(Submitted((work,), now_s))

    def leave(self, ticket: int) -> None:
        """Nobody waits for this list any more."""
        inquiry = self._of_ticket.pop(ticket, None)
        if inquiry and inquiry.work:
            self._lane.withdraw(inquiry.work)

    def of_work(self, work: object) -> Inquiry | None:
        """The inquiry whose listing this is."""
        return next((each for each in self._of_ticket.values() if each.work is work), None)

    def listed(self, inquiry: Inquiry, outcome: object, now_s: float) -> Iterator[Command]:
        """A page of the listing, or its failure."""
        if isinstance(outcome, Failed):
            yield self._give_up(inquiry, outcome.problem)
            return
        assert isinstance(outcome, Listed)
        inquiry.listed += outcome.addresses
        inquiry.work = outcome.next_page
        if inquiry.work is not None:
            self._lane.handle(Submitted((inquiry.work,), now_s))
            return
        inquiry.deadline_s = now_s + NODES_S
        for node, session in self._sessions.all().items():
            if session.speaks(now_s):
                inquiry.awaited.add(node)
                yield Send(session.connection, ListInterfaces(id=f"interfaces-{inquiry.ticket}"))
            else:
                inquiry.remarks.append(f"{node} is not connected")

    def heard(self, node: str, message: Interfaces) -> None:
        """What a node sees in its namespaces."""
        for inquiry in self._of_ticket.values():
            is_next = inquiry.pages[node] == message.page
            if node not in inquiry.awaited or message.id != f"interfaces-{inquiry.ticket}" or not is_next:
                continue
            inquiry.pages[node] += 1
            inquiry.interfaces[node] += len(message.interfaces)
            inquiry.seen += [Seen(node, interface) for interface in message.interfaces]
            if message.unreadable:
                inquiry.remarks.append(f"{node} could not look into {message.unreadable} network namespaces")
            if message.last or inquiry.interfaces[node] >= INTERFACES_MAX:
                inquiry.awaited.discard(node)

    def conclude(
        self, gateways: set[Place], holders: Callable[[], Mapping[Identity, str]], now_s: float
    ) -> Iterator[Concluded | Command]:
        """The inquiries that have heard everybody, or have waited long enough."""
        for inquiry in list(self._of_ticket.values()):
            is_late = now_s >= inquiry.deadline_s
            if inquiry.work is not None:
                if is_late:
                    yield self._give_up(inquiry, why_late(self._lane.outage, "it lists too slowly"))
                continue
            if inquiry.awaited and not is_late:
                continue
            inquiry.remarks += [f"{node} did not say what it sees" for node in sorted(inquiry.awaited)]
            del self._of_ticket[inquiry.ticket]
            found = find_homes(self._policy.owner, inquiry.listed, gateways, inquiry.seen, holders())
            yield Concluded(inquiry, tuple(found))

    def next_deadline_s(self) -> float | None:
        """When the next inquiry has waited long enough."""
        return min((each.deadline_s for each in self._of_ticket.values()), default=None)

    def _give_up(self, inquiry: Inquiry, problem: Problem) -> AnswerOperator:
        self.leave(inquiry.ticket)
        return AnswerOperator(inquiry.ticket, answers.turned_down(inquiry.request_id, problem))


def pages(concluded: Concluded, cluster: str, proposal: str) -> Iterator[Unadopted]:
    """The list as messages, at least one."""
    rows = [_row(candidate) for candidate in concluded.candidates]
    remarks = concluded.inquiry.remarks[:PAGE_ITEMS_MAX]
    starts = range(0, max(1, len(rows)), PAGE_ITEMS_MAX)
    for start in starts:
        is_last = start == starts[-1]
        yield Unadopted(
            id=concluded.inquiry.request_id,
            cluster=cluster,
            proposal=proposal,
            addresses=rows[start : start + PAGE_ITEMS_MAX],
            remarks=remarks if is_last else [],
            last=is_last,
        )


def _row(candidate: Candidate) -> LegacyAddress:
    fixed, home = candidate.fixed, candidate.home
    return LegacyAddress(
        view=fixed.view[:253],
        address=fixed.address,
        container_id=fixed.eas.get("VM ID")[:253],
        name=fixed.name[:253],
        finding=_finding(candidate),
        node=home.node if home else "",
        ifname=home.ifname if home else "",
        why=candidate.why[:1000],
    )


def _finding(candidate: Candidate) -> Finding:
    if candidate.home:
        return Finding.ADOPT
    return Finding.LEAVE if candidate.why else Finding.GATEWAY
