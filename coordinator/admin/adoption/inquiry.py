"""Finds out which addresses bear no id, with the node of each: lists the grid, then asks the nodes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from coordinator.admin.adoption.homes import Seen
from coordinator.admin.bare_object import BareObject
from coordinator.admin.tenants import TenantListing
from coordinator.allocation.parts import Parts
from coordinator.lane.lane import Lane
from coordinator.lane.outage import why_late
from coordinator.lane.task import Failed
from coordinator.nodes.sessions import Session
from protocol.errors import Problem
from protocol.wire.messages import Interfaces, ListInterfaces

LISTING_S: Final = 90.0
"""How long the grid may take to list what bears this cluster's name."""

NODES_S: Final = 15.0
"""How long nodes may take to look into their network namespaces."""

INTERFACES_MAX: Final = 20_000
"""Of one node; what it says beyond that is not kept."""


@dataclass(frozen=True)
class Picture:
    """What grid and nodes have said. `remarks` say what may be missing."""

    listed: tuple[BareObject, ...]
    seen: tuple[Seen, ...]
    remarks: tuple[str, ...]


Then = Callable[[Picture | Problem, float], None]


@dataclass
class _Inquiry:
    request_id: str
    then: Then
    deadline_s: float
    listing: TenantListing | None = None
    listed: list[BareObject] = field(default_factory=list)
    awaited: set[bytes] = field(default_factory=set)
    """Connections whose answer is not complete."""
    seen: list[Seen] = field(default_factory=list)
    pages: Counter[bytes] = field(default_factory=Counter)
    interfaces: Counter[bytes] = field(default_factory=Counter)
    remarks: list[str] = field(default_factory=list)


class Inquiries:
    """All commands that wait for a picture."""

    def __init__(self, parts: Parts, lane: Lane) -> None:
        self._parts = parts
        self._lane = lane
        self._of_ticket: dict[int, _Inquiry] = {}

    def begin(self, ticket: int, then: Then, now_s: float) -> None:
        """List first, so that whatever a node shows later is not older than the list."""
        inquiry = _Inquiry(f"interfaces-{self._parts.outbox.draw()}", then, now_s + LISTING_S)
        self._of_ticket[ticket] = inquiry
        inquiry.listing = TenantListing(
            self._parts, lambda outcome, at_s: self._listed(ticket, inquiry, outcome, at_s), now_s
        )

    def leave(self, ticket: int) -> None:
        """Nobody waits for this picture any more."""
        inquiry = self._of_ticket.pop(ticket, None)
        if inquiry and inquiry.listing:
            inquiry.listing.leave()

    def heard(self, session: Session, message: Interfaces) -> None:
        """What a node sees in its namespaces."""
        connection = session.connection
        for inquiry in self._of_ticket.values():
            is_next = inquiry.pages[connection] == message.page
            if connection not in inquiry.awaited or message.id != inquiry.request_id or not is_next:
                continue
            inquiry.pages[connection] += 1
            inquiry.interfaces[connection] += len(message.interfaces)
            inquiry.seen += [Seen(session.node, interface) for interface in message.interfaces]
            if message.unreadable:
                inquiry.remarks.append(
                    f"{session.node} could not look into {message.unreadable} network namespaces"
                )
            if message.last or inquiry.interfaces[connection] >= INTERFACES_MAX:
                inquiry.awaited.discard(connection)

    def expire(self, now_s: float) -> None:
        """End those that have heard everybody, or have waited long enough."""
        for ticket, inquiry in list(self._of_ticket.items()):
            is_late = now_s >= inquiry.deadline_s
            if inquiry.listing is not None:
                if is_late:
                    self._end(ticket, why_late(self._lane.outage, "it lists too slowly"), now_s)
            elif not inquiry.awaited or is_late:
                late = {each.node for each in self._parts.sessions if each.connection in inquiry.awaited}
                remarks = [*inquiry.remarks, *(f"{node} did not say what it sees" for node in sorted(late))]
                # Agents of several drivers on one node see the same interfaces.
                seen = {
                    (each.node, each.interface.namespace, each.interface.ifname): each for each in inquiry.seen
                }
                self._end(ticket, Picture(tuple(inquiry.listed), tuple(seen.values()), tuple(remarks)), now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return min((each.deadline_s for each in self._of_ticket.values()), default=None)

    def _listed(self, ticket: int, inquiry: _Inquiry, outcome: list[BareObject] | Failed, now_s: float) -> None:
        inquiry.listing = None
        if isinstance(outcome, Failed):
            self._end(ticket, outcome.problem, now_s)
            return
        inquiry.listed = outcome
        inquiry.deadline_s = now_s + NODES_S
        for session in self._parts.sessions:
            if session.is_silent(now_s):
                inquiry.remarks.append(f"{session.node} is not connected")
            else:
                inquiry.awaited.add(session.connection)
                self._parts.outbox.send(session.connection, ListInterfaces(id=inquiry.request_id))

    def _end(self, ticket: int, result: Picture | Problem, now_s: float) -> None:
        inquiry = self._of_ticket[ticket]
        self.leave(ticket)
        inquiry.then(result, now_s)
