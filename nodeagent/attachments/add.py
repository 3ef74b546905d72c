"""ADD: the same answer again, an address from the reserve at once, or one that the coordinator is asked for.

    reading → waiting → asked → answered

A flight is an ADD that needs the coordinator. It reads the MAC for its label, waits for a session, asks, and asks
anew in the next session where the one before ends unanswered. It lasts while somebody waits for it: a coordinator
that dies is replaced by another one sooner than the plugin gives up.

An ADD gets all addresses that it wants, one of each family, or none. They come into the journal together; what has
come before the others is in memory alone, and is let go if they do not come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final

from nodeagent import errors
from nodeagent.attachments.asks import Ask, Asks
from nodeagent.attachments.node import Node
from nodeagent.attachments.unread import Unread
from nodeagent.domain import wire
from nodeagent.domain.allocation import IN_USE, Allocation, Label, State
from nodeagent.domain.attachment import AttachmentId, Want, agree, described
from nodeagent.domain.effects import OnceCommitted, ReadMac, Reply
from nodeagent.domain.events import AddAsked, MacRead, MacUnread
from nodeagent.domain.outcomes import Address, Failure, Granted
from protocol.errors import Problem
from protocol.wire.messages import Allocated, Declined

ADD_ANSWER_S: Final = 56.0
"""The plugin gives up at 60 s; what is answered a tick after this still reaches it."""
BUDGET_MARGIN_S: Final = 1.0
"""Kept back for the way home."""


class Phase(Enum):
    """How far a flight has come."""

    READING = auto()
    """The namespace is being read."""
    WAITING = auto()
    """Nothing is missing but a session."""
    ASKED = auto()
    """The coordinator has it."""


@dataclass(frozen=True)
class Waiter:
    """One exec of the plugin that waits for an ADD."""

    caller: int
    request_id: str
    arrived_s: float


@dataclass
class Flight:
    """An ADD under way, with all who wait for it.

    `asked`: the ids of which the coordinator has not answered. `came`: what it has allocated, by want.
    `wapi_calls`: what that has cost.
    """

    request: AddAsked
    label: Label
    waiters: list[Waiter]
    phase: Phase = Phase.READING
    asked: set[str] = field(default_factory=set)
    came: dict[Want, Allocation] = field(default_factory=dict)
    wapi_calls: int = 0

    def ids(self) -> list[str]:
        """All that was drawn for it and is in no row."""
        return [*sorted(self.asked), *(each.id for each in self.came.values())]


class Adds:
    """The ADDs of all attachments."""

    def __init__(self, node: Node, asks: Asks) -> None:
        self._node = node
        self._asks = asks
        self._unread = Unread()
        self._flights: dict[AttachmentId, Flight] = {}
        self._reading: dict[int, AttachmentId] = {}
        self._labelling: dict[int, tuple[str, ...]] = {}
        self._macs: dict[int, str] = {}
        """What was read for these labels, by caller, until it is in the journal."""
        self._begun: dict[AttachmentId, None] = {}
        """Attachments whose flight began in this turn, and rests on its rows: what was before is let go."""
        self._abandoned: dict[str, None] = {}
        """Allocations that no plugin has read of, and that are to be let go."""
        self._told: list[int] = []
        """Callers whose answer rests on the rows of this turn."""

    def __len__(self) -> int:
        return len(self._flights)

    def is_busy(self, attachment: AttachmentId) -> bool:
        """Whether an ADD of this attachment is under way."""
        return attachment in self._flights

    def incomplete_labels(self) -> set[str]:
        """Allocations whose label still waits for a MAC."""
        return {each for allocations in self._labelling.values() for each in allocations}

    def join(self, event: AddAsked, now_s: float) -> bool:
        """Let a repeated ADD share the flight of its attachment; False where it is of another namespace."""
        flight = self._flights[event.attachment]
        if flight.request.namespace != event.namespace:
            return False
        if agree(event.wants, flight.request.wants):
            flight.waiters.append(Waiter(event.caller, event.request_id, now_s))
        else:
            self._differs(event, flight.request.wants)
        return True

    def begin(self, event: AddAsked, arrived_s: float, now_s: float) -> None:
        """Answer an ADD that nothing stands before, or begin its flight."""
        known = self._node.rows.of(event.attachment)
        attachment = self._node.rows.attachments.get(event.attachment)
        is_lost = any(row.state is State.LOST for row in known)
        if attachment and attachment.namespace == event.namespace and not is_lost:
            self._answer_again(event, known)
            return
        for row in known:
            self._node.let_go(row, "lost" if is_lost else "another_namespace", now_s, event.request_id)
        ready = [at_hand for want in event.wants if (at_hand := self._ready(want))]
        if len(ready) == len(event.wants):
            self._answer_from_reserve(event, ready)
            return
        self._begun[event.attachment] = None
        self._begin_flight(event, Waiter(event.caller, event.request_id, arrived_s))

    def mac_read(self, event: MacRead, now_s: float) -> None:
        """A namespace was read: complete the label, ask for the address."""
        if event.caller in self._labelling and event.mac:
            self._macs[event.caller] = event.mac
            self._complete_labels()
        else:
            self._label_as_it_is(event.caller)
        flight = self._reader(event.caller)
        if flight:
            flight.label = replace(flight.label, mac=event.mac)
            flight.phase = Phase.WAITING
            self._ask(flight, now_s)

    def mac_unread(self, event: MacUnread) -> None:
        """A namespace cannot be read: all who wait hear why, unless it was the descriptor of one who is gone."""
        self._label_as_it_is(event.caller)
        flight = self._reader(event.caller)
        if flight and any(waiter.caller == event.caller for waiter in flight.waiters):
            self._fail(flight, event.failure)
        elif flight:
            flight.request = replace(flight.request, caller=flight.waiters[0].caller)
            self._read_for(flight)

    def session_began(self, now_s: float) -> None:
        """Ask for all that waits."""
        for flight in list(self._flights.values()):
            self._ask(flight, now_s)

    def session_ended(self) -> None:
        """What was asked for has to be asked for anew."""
        for flight in self._flights.values():
            if flight.phase is Phase.ASKED:
                flight.phase = Phase.WAITING
            # The next session finds these in the grid and asks whose they are: they are disowned.
            flight.asked.clear()
            flight.came.clear()

    def allocated(self, ask: Ask, message: Allocated, now_s: float) -> None:
        """An address is there: hold all, and tell all who wait, when none is missing."""
        assert ask.attachment is not None
        flight = self._flights[ask.attachment]
        flight.came[ask.want] = replace(wire.allocation_of(message, ask.network), is_labelled=True)
        flight.wapi_calls = max(flight.wapi_calls, message.wapi_calls)
        self._answered(flight, ask, now_s)

    def unknown(self, ask: Ask, now_s: float) -> None:
        """Whether the grid has it cannot be known: let it go, ask anew."""
        assert ask.attachment is not None
        self._asks.let_go(ask.allocation, ask.network.family)
        self._answered(self._flights[ask.attachment], ask, now_s)

    def declined(self, ask: Ask, message: Declined) -> None:
        """The coordinator's error is the answer."""
        assert ask.attachment is not None
        self._fail(self._flights[ask.attachment], Failure(message.code, message.msg, message.details))

    def withdraw(self, attachment: AttachmentId, problem: Problem) -> None:
        """End the flight of this attachment, if there is one, with this error."""
        flight = self._flights.get(attachment)
        if flight:
            self._fail(flight, Failure.of(problem))

    def delivered(self, caller: int) -> None:
        """A plugin has its answer."""
        self._unread.delivered(caller)

    def hung_up(self, caller: int, now_s: float) -> None:
        """A plugin is gone: what nobody waits for, or has read of, is let go."""
        self._abandoned.update(dict.fromkeys(self._unread.hung_up(caller)))
        self._let_abandoned_go(now_s)
        self._no_longer_waits(caller)

    def given_up(self, caller: int) -> None:
        """A plugin hears of a failure, or was answered before: what it was told it may have read."""
        self._unread.forget(caller)
        self._label_as_it_is(caller)
        self._no_longer_waits(caller)

    def untold(self, caller: int) -> None:
        """A plugin was not told its address after all: what nobody has read of is let go at the next tick."""
        self._abandoned.update(dict.fromkeys(self._unread.hung_up(caller)))

    def ticked(self, now_s: float) -> None:
        """Answer those whose time is up; let go what could not be let go before."""
        self._let_abandoned_go(now_s)
        self._complete_labels()
        for flight in list(self._flights.values()):
            late = [waiter for waiter in flight.waiters if now_s - waiter.arrived_s >= ADD_ANSWER_S]
            failure = Failure.of(self._lateness(flight))
            for waiter in late:
                self._node.do(Reply(waiter.caller, failure))
            self._leave(flight, late)

    def committed(self) -> None:
        """The rows of this turn are in the journal."""
        self._abandoned = {row.id: None for row in self._abandoned_in_use()}
        for caller in [each for each in self._macs if not self._unwritten_labels(each)]:
            self._label_as_it_is(caller)
        self._end_turn()

    def dropped(self, problem: Problem) -> None:
        """The rows of this turn are not in the journal: end the flights that rest on them."""
        for attachment in self._begun:
            self.withdraw(attachment, problem)
        for caller in self._told:
            self.untold(caller)
            self._label_as_it_is(caller)
        self._abandoned = {row.id: None for row in self._abandoned_in_use()}
        self._end_turn()

    def _answer_again(self, event: AddAsked, known: Sequence[Allocation]) -> None:
        has = [Want(row.network, row.address) for row in known]
        if not agree(event.wants, has):
            self._differs(event, has)
            return
        answer = tuple(row.id for row in known)
        if self._abandoned.keys() & answer:
            self._unread.tell(event.caller, answer)
        else:
            self._unread.tell_again(event.caller, answer)
        for allocation in answer:
            self._abandoned.pop(allocation, None)
        self._tell(event.caller, granted(known))

    def _answer_from_reserve(self, event: AddAsked, ready: Sequence[Allocation]) -> None:
        label = Label(event.attachment, event.pod, None, event.namespace, event.request_id)
        held = self._node.rows.hold(ready, label)
        self._labelling[event.caller] = answer = tuple(row.id for row in held)
        self._unread.tell(event.caller, answer)
        # First, as the descriptor of the namespace ends with the answer.
        self._read(event)
        self._tell(event.caller, granted(held))

    def _begin_flight(self, event: AddAsked, waiter: Waiter) -> None:
        label = Label(event.attachment, event.pod, None, event.namespace, event.request_id)
        flight = self._flights[event.attachment] = Flight(event, label, [waiter])
        self._read_for(flight)

    def _read_for(self, flight: Flight) -> None:
        self._reading[flight.request.caller] = flight.request.attachment
        self._read(flight.request)

    def _complete_labels(self) -> None:
        """Write what was read; once more what could not be written."""
        for caller in self._macs:
            for allocation, label in self._unwritten_labels(caller).items():
                self._node.rows.relabel(allocation, label)

    def _unwritten_labels(self, caller: int) -> dict[str, Label]:
        """Allocations of this caller that are held, and their labels with the MAC that they lack."""
        mac = self._macs[caller]
        rows = [self._node.rows.allocations.get(each) for each in self._labelling[caller]]
        return {
            row.id: replace(row.label, mac=mac)
            for row in rows
            if row and row.label and row.state is State.HELD and row.label.mac != mac
        }

    def _label_as_it_is(self, caller: int) -> None:
        """Wait for no MAC any more."""
        self._labelling.pop(caller, None)
        self._macs.pop(caller, None)

    def _let_abandoned_go(self, now_s: float) -> None:
        for row in self._abandoned_in_use():
            self._node.let_go(row, "answer_unread", now_s)

    def _abandoned_in_use(self) -> list[Allocation]:
        rows = [self._node.rows.allocations.get(each) for each in self._abandoned]
        return [row for row in rows if row and row.state in IN_USE]

    def _end_turn(self) -> None:
        self._begun.clear()
        self._told.clear()

    def _tell(self, caller: int, outcome: Granted) -> None:
        self._told.append(caller)
        self._node.do(OnceCommitted(caller, outcome))

    def _read(self, event: AddAsked) -> None:
        self._node.do(ReadMac(event.caller, event.attachment.ifname, event.master, event.shares_mac))

    def _differs(self, event: AddAsked, has: Sequence[Want]) -> None:
        problem = errors.AttachmentDiffers(asked=described(event.wants), has=described(has))
        self._node.do(Reply(event.caller, Failure.of(problem)))

    def _reader(self, caller: int) -> Flight | None:
        attachment = self._reading.pop(caller, None)
        flight = self._flights.get(attachment) if attachment else None
        is_its = flight and flight.request.caller == caller and flight.phase is Phase.READING
        return flight if is_its else None

    def _ask(self, flight: Flight, now_s: float) -> None:
        if flight.phase is not Phase.WAITING or self._node.session is None:
            return
        # What is ready meanwhile is taken when the others have come, so that nothing waits in two places.
        wants = [want for want in flight.request.wants if want not in flight.came and not self._ready(want)]
        if not wants:
            self._hold(flight)
            return
        refusal = self._asks.refusal(len(wants))
        if refusal:
            self._fail(flight, Failure.of(refusal))
            return
        last_s = max(waiter.arrived_s for waiter in flight.waiters) + ADD_ANSWER_S
        budget_ms = max(0, int((last_s - now_s - BUDGET_MARGIN_S) * 1000))
        flight.asked = set(self._asks.ask(wants, flight.waiters[0].request_id, flight.label, budget_ms))
        flight.phase = Phase.ASKED

    def _answered(self, flight: Flight, ask: Ask, now_s: float) -> None:
        flight.asked.discard(ask.allocation)
        if not flight.asked:
            flight.phase = Phase.WAITING
            self._ask(flight, now_s)

    def _hold(self, flight: Flight) -> None:
        """Nothing is missing: hold it, and tell all who wait."""
        del self._flights[flight.request.attachment]
        chosen = [flight.came.get(want) or self._ready(want) for want in flight.request.wants]
        held = self._node.rows.hold([row for row in chosen if row], flight.label)
        answer = tuple(row.id for row in held)
        self._asks.drafted(answer)
        for waiter in flight.waiters:
            self._unread.tell(waiter.caller, answer)
            self._tell(waiter.caller, granted(held, flight.wapi_calls))

    def _ready(self, want: Want) -> Allocation | None:
        """What the reserve has for this; nobody gets from there what people have named."""
        return None if want.address else self._node.rows.next_ready(want.network)

    def _fail(self, flight: Flight, failure: Failure) -> None:
        for waiter in flight.waiters:
            self._node.do(Reply(waiter.caller, failure))
        self._leave(flight, list(flight.waiters))

    def _leave(self, flight: Flight, waiters: Sequence[Waiter]) -> None:
        flight.waiters = [waiter for waiter in flight.waiters if waiter not in waiters]
        if not flight.waiters:
            del self._flights[flight.request.attachment]
            self._asks.withdraw(*flight.ids())

    def _no_longer_waits(self, caller: int) -> None:
        for flight in list(self._flights.values()):
            self._leave(flight, [waiter for waiter in flight.waiters if waiter.caller == caller])

    def _lateness(self, flight: Flight) -> Problem:
        if flight.phase is Phase.READING:
            return errors.AgentSlow()
        if self._node.session is None:
            return errors.CoordinatorNotConnected(cause=self._node.trouble)
        return errors.CoordinatorSilent()


def granted(rows: Sequence[Allocation], wapi_calls: int = 0) -> Granted:
    """The answer that tells of these allocations."""
    addresses = tuple(Address(row.cidr, row.gateway) for row in rows)
    return Granted(addresses, tuple(row.id for row in rows), wapi_calls)
