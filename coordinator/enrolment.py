"""The machine that binds keys to nodes: tokens, which the API server reviews, and tickets, which it issues itself.

A node has one key at a time, a key one node. A second key of a node takes the place of the first, unless another
machine (another boot ID) speaks for that node at this moment.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol

from coordinator import answers
from coordinator.cluster.token_reviewer import Review, Reviewed
from coordinator.commands import Note, Send
from coordinator.core.errors import EnrolmentBusy, KeyTaken, NodeDiffers, NodeTaken, NodeTwice, TicketRefused
from coordinator.nodes.tickets import Ticket, Tickets
from protocol.errors import Problem, TryAgain
from protocol.messages import Enrol, Enrolled, ShowTicket

REVIEWS_MAX: Final = 256
"""Most tokens that wait for their review."""

FORGET_EVERY_MS: Final = 60_000

EnrolmentEffect = Send | Note | Review


class Authorized(Protocol):
    """The keys that a person has bound to nodes."""

    def node_of(self, public_key: bytes) -> str | None:
        """The node of a key."""
        ...

    def has(self, node: str) -> bool:
        """Whether the node has a key there."""
        ...


@dataclass(frozen=True)
class Knocked:
    """Somebody asks to be taken for a node. `wall_ms` is the coordinator's clock, in ms since 1970."""

    connection: bytes
    key: bytes
    message: Enrol | ShowTicket
    now_s: float
    wall_ms: int


class Enrolment:
    """Who enrolled. `live_boot` tells the boot ID of a node that is connected now."""

    def __init__(
        self,
        tickets: Tickets,
        lifetime_ms: int,
        authorized: Authorized,
        live_boot: Callable[[str, float], str | None],
    ) -> None:
        self._tickets = tickets
        self._lifetime_ms = lifetime_ms
        self._authorized = authorized
        self._live_boot = live_boot
        self._by_key: dict[bytes, Ticket] = {}
        self._by_node: dict[str, Ticket] = {}
        self._reviewing: dict[bytes, Knocked] = {}
        self._forget_at_ms = 0

    def node_of(self, key: bytes, wall_ms: int) -> str | None:
        """The node that this key speaks for now: authorized, or enrolled."""
        if node := self._authorized.node_of(key):
            return node
        ticket = self._by_key.get(key)
        return ticket.node if ticket and wall_ms < ticket.expires_ms else None

    def __len__(self) -> int:
        return len(self._by_key)

    def knocked(self, event: Knocked) -> list[EnrolmentEffect]:
        """What an `enrol` or `show_ticket` leads to."""
        self._forget_expired(event.wall_ms)
        message = event.message
        try:
            if node := self._authorized.node_of(event.key):
                _check_name(message.node, node, "file in the authorized directory")
                return [Send(event.connection, Enrolled(id=message.id, node=node))]
            if isinstance(message, ShowTicket):
                return self._shown(event, message)
            return self._ask(event, message)
        except Problem as problem:
            return _declined(event, problem)

    def reviewed(self, event: Reviewed, now_s: float, wall_ms: int) -> list[EnrolmentEffect]:
        """What the API server's word leads to."""
        asked = self._reviewing.pop(event.key, None)
        if asked is None:
            return []
        try:
            if isinstance(event.found, Problem):
                raise event.found
            _check_name(asked.message.node, event.found, "token")
            ticket = Ticket(event.found, event.key, wall_ms, wall_ms + self._lifetime_ms)
            self._bind(ticket, asked.message.boot_id, now_s, wall_ms)
        except Problem as problem:
            return _declined(asked, problem)
        enrolled = Enrolled(
            id=asked.message.id,
            node=ticket.node,
            ticket=self._tickets.issue(ticket),
            valid_ms=self._lifetime_ms,
        )
        fields = {"node": ticket.node, "public_key": event.key.decode()}
        return [Send(asked.connection, enrolled), Note("enrolled", fields)]

    def rekey(self, tickets: Tickets) -> None:
        """The coordinator has another secret: who is enrolled stays so, until its connection ends."""
        self._tickets = tickets

    def _ask(self, event: Knocked, message: Enrol) -> list[EnrolmentEffect]:
        is_waiting = event.key in self._reviewing
        if not is_waiting and len(self._reviewing) >= REVIEWS_MAX:
            raise EnrolmentBusy(limit=REVIEWS_MAX)
        self._reviewing[event.key] = event  # an agent that asks again is answered where it asked last
        if is_waiting:
            return []
        return [Review(event.key, message.token.get_secret_value(), event.now_s)]

    def _shown(self, event: Knocked, message: ShowTicket) -> list[EnrolmentEffect]:
        ticket = self._tickets.read(message.ticket, event.key, event.wall_ms)
        _check_name(message.node, ticket.node, "ticket")
        current = self._by_node.get(ticket.node)
        if current and current.key != ticket.key and current.issued_ms > ticket.issued_ms:
            raise TicketRefused(reason="the node has enrolled with another key since")
        self._bind(ticket, message.boot_id, event.now_s, event.wall_ms)
        valid_ms = ticket.expires_ms - event.wall_ms
        fields = {"node": ticket.node, "valid_s": valid_ms // 1000}
        enrolled = Enrolled(id=message.id, node=ticket.node, valid_ms=valid_ms)
        return [Send(event.connection, enrolled), Note("ticket_accepted", fields)]

    def _bind(self, ticket: Ticket, boot_id: str, now_s: float, wall_ms: int) -> None:
        if self._authorized.has(ticket.node):
            raise NodeTaken(node=ticket.node)
        bound_to = self.node_of(ticket.key, wall_ms)
        if bound_to not in (None, ticket.node):
            raise KeyTaken(node=bound_to)
        known = self._by_node.get(ticket.node)
        if known and known.key != ticket.key:
            if self._live_boot(ticket.node, now_s) not in (None, boot_id):
                raise NodeTwice(node=ticket.node)
            del self._by_key[known.key]
        if (former := self._by_key.get(ticket.key)) and former.node != ticket.node:
            del self._by_node[former.node]
        self._by_node[ticket.node] = self._by_key[ticket.key] = ticket

    def _forget_expired(self, wall_ms: int) -> None:
        if wall_ms < self._forget_at_ms:
            return
        self._forget_at_ms = wall_ms + FORGET_EVERY_MS
        for ticket in [each for each in self._by_node.values() if wall_ms >= each.expires_ms]:
            del self._by_node[ticket.node]
            del self._by_key[ticket.key]


def _check_name(claimed: str, node: str, proof: str) -> None:
    if claimed != node:
        raise NodeDiffers(claimed=claimed, node=node, proof=proof)


def _declined(event: Knocked, problem: Problem) -> list[EnrolmentEffect]:
    fields = {"claimed_node": event.message.node, "reason": problem.msg, "cause": problem.facts.get("cause", "")}
    name = "enrolment_postponed" if isinstance(problem, TryAgain) else "enrolment_refused"
    return [Send(event.connection, answers.declined(event.message.id, problem)), Note(name, fields)]
