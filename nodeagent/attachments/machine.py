"""The machine of this node's attachments: which part hears of which event."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from nodeagent import errors
from nodeagent.attachments.add import ADD_ANSWER_S, Adds
from nodeagent.attachments.asks import Ask, Asks
from nodeagent.attachments.check import Checks
from nodeagent.attachments.delete import Deletes
from nodeagent.attachments.gc import Collections
from nodeagent.attachments.node import Node
from nodeagent.attachments.order import Order, Waiting
from nodeagent.attachments.ownership import Ownership
from nodeagent.attachments.reserve import Reserve
from nodeagent.attachments.vanished import Vanished
from nodeagent.domain import events, wire
from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import Network
from nodeagent.domain.effects import Effect, Reply
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Failure, Journal
from nodeagent.journal.rows import Rows
from protocol.errors import Problem
from protocol.family import Family
from protocol.wire.allocation_id import hash_boot
from protocol.wire.messages import Allocated, Declined, Lost, Orphans, PleaseLetGo, Unknown, Whose


class Attachments:
    """All attachments of this node in one boot.

    `rows` are changed as a draft, which is for others to commit or drop. `draw` gives 12 hexadecimal digits that
    nobody has drawn before. `was_served`: an agent has served this node in this boot.
    """

    def __init__(self, rows: Rows, draw: Callable[[], str], now_s: float, *, was_served: bool) -> None:
        self._node = Node(rows, draw)
        self._asks = Asks(self._node)
        self._order = Order()
        self._adds = Adds(self._node, self._asks)
        self._deletes = Deletes(self._node, self._adds, self._order)
        self._checks = Checks(self._node, was_served=was_served)
        self._vanished = Vanished(self._node)
        self._collections = Collections(self._node, self._vanished)
        self._reserve = Reserve(self._node, self._asks)
        self._ownership = Ownership(self._node, self._asks)
        self._reserve.started(now_s)
        self._handlers: Mapping[type[Event], Callable[[Any, float], None]] = {
            events.AddAsked: self._add_asked,
            events.DelAsked: self._del_asked,
            events.CheckAsked: self._check_asked,
            events.StatusAsked: lambda event, _: self._checks.status_asked(event),
            events.JournalAsked: self._journal_asked,
            events.GcAsked: lambda event, _: self._collections.asked(event),
            events.MacRead: self._adds.mac_read,
            events.MacUnread: lambda event, _: self._adds.mac_unread(event),
            events.NamespacesSeen: self._vanished.seen,
            events.HungUp: self._hung_up,
            events.GivenUp: self._given_up,
            events.Delivered: lambda event, _: self._adds.delivered(event.caller),
            events.Received: self._received,
            events.SessionBegan: self._session_began,
            events.SessionEnded: self._session_ended,
            events.ReserveClosed: lambda _, now_s: self._reserve.close(now_s),
            events.ReserveOpened: lambda _, now_s: self._reserve.open(),
            events.Ticked: self._ticked,
        }

    def handle(self, event: Event, now_s: float) -> list[Effect]:
        """What is to be done about `event`, in this order."""
        self._handlers[type(event)](event, now_s)
        self._go_on(now_s)
        if not isinstance(event, events.AddAsked):  # whose answer does not wait for that: its MAC is read next
            self._reserve.refill(now_s)
        return self._node.take_effects()

    def committed(self) -> None:
        """The draft of this turn is in the journal."""
        self._adds.committed()
        self._asks.committed()
        self._ownership.committed()

    def dropped(self, problem: Problem, now_s: float) -> list[Effect]:
        """The draft of this turn is not in the journal, for this reason."""
        self._adds.dropped(problem)
        self._asks.dropped()
        self._ownership.dropped()
        self._reserve.dropped(now_s)
        return self._node.take_effects()

    def untold(self, caller: int) -> None:
        """This plugin was told something else than its address."""
        self._adds.untold(caller)

    def incomplete_labels(self) -> set[str]:
        """Allocations whose label is not yet to be sent."""
        return self._adds.incomplete_labels()

    def is_quiet(self) -> bool:
        """Whether nobody waits for an answer."""
        return not (self._adds or self._order or self._collections)

    def count_by_state(self) -> dict[str, int]:
        """How many allocations are in each state, for people; *asked*: how many ADDs need the coordinator."""
        states = Counter(row.state for row in self._node.rows.in_state(*State))
        return {"asked": len(self._adds)} | {state.value: states[state] for state in State}

    def count_by_namespace(self) -> dict[str, int]:
        """How many network namespaces were present, gone, unknown at the last look, for people."""
        return self._vanished.count_by_verdict()

    def count_reserve(self) -> dict[Network, tuple[int, int]]:
        """Of each network how many ready allocations are wanted, and there, for people."""
        return self._reserve.counts()

    def _add_asked(self, event: events.AddAsked, now_s: float) -> None:
        for want in event.wants:
            self._reserve.used(want.network, now_s)
        is_busy = self._adds.is_busy(event.attachment)
        if is_busy and not self._order.has(event.attachment) and self._adds.join(event, now_s):
            return
        if is_busy:
            self._order.wait(event, now_s)
            return
        self._begin_add(event, now_s, now_s)

    def _begin_add(self, event: events.AddAsked, arrived_s: float, now_s: float) -> None:
        self._adds.begin(event, arrived_s, now_s)
        self._vanished.added(event)

    def _del_asked(self, event: events.DelAsked, now_s: float) -> None:
        self._deletes.asked(event, now_s)

    def _check_asked(self, event: events.CheckAsked, now_s: float) -> None:
        if self._adds.is_busy(event.attachment):
            self._order.wait(event, now_s)
        else:
            self._checks.check_asked(event)

    def _journal_asked(self, event: events.JournalAsked, now_s: float) -> None:
        rows = self._node.rows
        identity = rows.identity
        told = Journal(
            node=identity.node,
            driver=identity.driver,
            machine=identity.machine,
            boot=hash_boot(identity.boot_id),
            journal=identity.journal,
            cluster=identity.cluster,
            allocations=tuple(rows.in_state(*State)),
            now_s=now_s,
        )
        self._node.do(Reply(event.caller, told))

    def _go_on(self, now_s: float) -> None:
        """Take up what waited for an ADD that has ended."""
        for attachment in self._order.attachments():
            while not self._adds.is_busy(attachment):
                waiting = self._order.take(attachment)
                if waiting is None:
                    break
                self._take_up(waiting, now_s)

    def _take_up(self, waiting: Waiting, now_s: float) -> None:
        if isinstance(waiting.event, events.AddAsked):
            self._begin_add(waiting.event, waiting.arrived_s, now_s)
        else:
            self._checks.check_asked(waiting.event)

    def _hung_up(self, event: events.HungUp, now_s: float) -> None:
        self._adds.hung_up(event.caller, now_s)
        self._no_longer_waits(event.caller)

    def _given_up(self, event: events.GivenUp, _: float) -> None:
        self._adds.given_up(event.caller)
        self._no_longer_waits(event.caller)

    def _no_longer_waits(self, caller: int) -> None:
        self._collections.hung_up(caller)
        self._order.take_if(lambda each: each.event.caller == caller)

    def _session_began(self, event: events.SessionBegan, now_s: float) -> None:
        self._node.session = event
        self._adds.session_began(now_s)
        self._reserve.session_began(now_s)

    def _session_ended(self, event: events.SessionEnded, _: float) -> None:
        self._node.session = None
        self._node.trouble = event.why
        self._asks.session_ended()
        self._ownership.session_ended()
        self._adds.session_ended()

    def _ticked(self, _: events.Ticked, now_s: float) -> None:
        self._adds.ticked(now_s)
        late = self._order.take_if(lambda each: now_s - each.arrived_s >= ADD_ANSWER_S)
        for each in late:
            self._node.do(Reply(each.event.caller, Failure.of(errors.AgentSlow())))
        self._vanished.ticked(now_s)
        self._ownership.ticked(now_s)
        self._reserve.ticked(now_s)

    def _received(self, event: events.Received, now_s: float) -> None:
        message = event.message
        if isinstance(message, Allocated | Unknown | Declined):
            self._answered(message, now_s)
        elif isinstance(message, Whose):
            self._ownership.whose(message)
        elif isinstance(message, Lost):
            self._ownership.lost(message, now_s)
        elif isinstance(message, Orphans):
            self._ownership.orphans(message, now_s)
        elif isinstance(message, PleaseLetGo):
            self._reserve.asked_back(message, now_s)

    def _answered(self, message: Allocated | Unknown | Declined, now_s: float) -> None:
        ask = self._asks.answered(message)
        if isinstance(message, Allocated) and ask and self._is_claimed_here(message, ask):
            message = Unknown(id=message.id, allocation=message.allocation, family=ask.network.family)
        if ask is None:
            if isinstance(message, Allocated):
                self._ownership.stray(message.allocation, Family.of(message.address))
            elif isinstance(message, Unknown):
                self._ownership.stray(message.allocation, message.family)
        elif isinstance(message, Allocated):
            if ask.want.address is None:
                self._reserve.answered(ask.network, now_s)
            (self._adds if ask.attachment else self._reserve).allocated(ask, message, now_s)
        elif ask.attachment is None:
            if isinstance(message, Unknown):
                self._asks.let_go(ask.allocation, ask.network.family)
            self._reserve.not_allocated(ask, message, now_s)
        elif isinstance(message, Unknown):
            self._adds.unknown(ask, now_s)
        else:
            self._adds.declined(ask, message)

    def _is_claimed_here(self, told: Allocated, ask: Ask) -> bool:
        """Whether an address is told that this journal claims already: the grid has forgotten that it has it."""
        claims = self._node.rows.claims_at(told.view, told.address)
        if claims:
            fields = wire.allocation_of(told, ask.network).log_fields()
            whose = {"pod": ask.pod, "request": ask.request_id, "claimed_as": claims[0]}
            self._node.note("address_claimed_here", fields | whose, level="error")
        return bool(claims)
