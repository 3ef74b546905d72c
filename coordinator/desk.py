"""The coordinator as one pure machine: messages and WAPI outcomes in, messages and WAPI calls out.

It joins the parts that hold the state (sessions, registrar, lookups, lane), settles among them whatever one of
them asks of another, and leaves to the driver only what needs a socket or a clock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from coordinator import answers
from coordinator.assignment import Policy
from coordinator.attachment_work import AttachmentWork
from coordinator.commands import Command, Effect, Note, Reply, Send
from coordinator.core import outbox as core
from coordinator.core.errors import EaUndefined, InternalFailure, NodeTwice, ProtocolMismatch
from coordinator.distrust import distrust
from coordinator.events import OperatorAsked, OperatorLeft
from coordinator.grid.calls import Call, Landing
from coordinator.lane.commands import Finished, Mishap, WakeAt
from coordinator.lane.events import CredentialsChanged, Submitted, Ticked
from coordinator.lane.lane import Lane
from coordinator.lane.task import Failed, Work
from coordinator.lookups import Lookups
from coordinator.operators import Operators
from coordinator.ownership import Identity
from coordinator.preparation_work import Defined, DefinitionsWork, Listed, ListWork
from coordinator.registrar import Registrar
from coordinator.reporter import Reporter
from coordinator.sessions import Greeting, Sessions
from coordinator.sweeper import Sweeper, Sweeping
from protocol.messages import (
    Allocate,
    Hello,
    HelloFirst,
    Interfaces,
    Ping,
    Pong,
    Release,
    ToCoordinator,
    Welcome,
)
from protocol.status import CoordinatorStatus, KubernetesStatus

START_RETRY_S: Final = 60.0
"""How long after a failed look at definitions or listing it is tried again."""

FORGET_EVERY_S: Final = 60.0
SILENCE_LOOK_S: Final = 5.0
NAMED_AT_ONCE_MAX: Final = 10
"""Silent nodes that one look names; where the network is gone, the others are counted."""

DEFINITION_MISSED: Final = "the definition of an extensible attribute was missing, which empties it everywhere"


@dataclass(frozen=True)
class Received:
    """A message of a node, on a connection that its key has opened."""

    node: str
    connection: bytes
    message: ToCoordinator
    now_s: float


@dataclass(frozen=True)
class Misread:
    """A message of a node that cannot be read, though its id could be."""

    node: str
    connection: bytes
    message_id: str
    reason: str
    now_s: float


DeskEvent = Received | Misread | Landing | Ticked | CredentialsChanged | OperatorAsked | OperatorLeft


class Desk:
    """All state of the coordinator. `sessions` tells who is connected."""

    def __init__(
        self,
        policy: Policy,
        operations_max: int,
        lookup_ttl_s: float,
        release: str,
        now_s: float,
        sweeping: Sweeping | None = None,
    ) -> None:
        self._policy = policy
        self._operations_max = operations_max
        self._lookup_ttl_s = lookup_ttl_s
        self._release = release
        self._sweeping = sweeping or Sweeping()
        self._make_parts(now_s)

    def _make_parts(self, now_s: float) -> None:
        policy = self._policy
        self._lane = Lane(self._operations_max)
        self._lookups = Lookups(self._lookup_ttl_s)
        self.sessions = Sessions()
        self._registrar = Registrar(policy, self._lane, self._lookups, self.sessions, now_s)
        parts = (self._lane, self._lookups, self._registrar, self.sessions)
        self._sweeper = Sweeper(policy, self._sweeping, *parts)
        self._operators = Operators(policy, *parts, self._sweeper)
        self._reporter = Reporter(self._release, policy, self._lane, self._registrar, self.sessions, self._sweeper)
        self._defining = False
        self._listing = False
        self._page: Listed | None = None
        """A page of the listing that is taken in while the grid reads the next one."""
        self._missing_eas: tuple[str, ...] = ()
        self._forget_at_s = now_s + FORGET_EVERY_S
        self._silence_look_at_s = now_s + SILENCE_LOOK_S

    def start(self, now_s: float) -> list[Effect]:
        """What a coordinator does before anybody asks: see what the user may do, read what the grid holds."""
        self._define(now_s, now_s)
        return self._settle([], now_s)

    def begin_anew(self, coordinator_id: str, now_s: float) -> list[Effect]:
        """Forget everything and learn it again, as another process would after the end of this one.

        No call may be under way. Nodes are told to say hello, since what they have said is forgotten, too.
        """
        told = [Send(each.connection, HelloFirst(id=coordinator_id)) for each in self.sessions.all().values()]
        self._policy = replace(self._policy, coordinator_id=coordinator_id)
        self._make_parts(now_s)
        return [*self.start(now_s), *told]

    def handle(self, events: Iterable[DeskEvent], now_s: float) -> list[Effect]:
        """Take in everything that has happened, then say what is to be done.

        Messages that arrive together are taken in before the lane plans, so that they share a call. What a message
        or a work makes fail is settled here; whatever else is raised leaves no state to be relied upon.
        """
        self._take_in_page()
        commands: list[Command] = []
        for event in events:
            commands.extend(self._take(event))
        commands += self._registrar.expire(now_s)
        commands += self._look_around(now_s)
        return self._settle(commands, now_s)

    def _look_around(self, now_s: float) -> Iterator[Command]:
        if now_s >= self._silence_look_at_s:
            self._silence_look_at_s = now_s + SILENCE_LOOK_S
            yield from self._tell_silent(self.sessions.fall_silent(now_s), now_s)
        if now_s >= self._forget_at_s:
            self._forget_at_s = now_s + FORGET_EVERY_S
            self._registrar.allocations.forget_idle(now_s)
            self._forget_nodes(now_s)

    def _tell_silent(self, nodes: list[str], now_s: float) -> Iterator[Command]:
        for node in nodes[:NAMED_AT_ONCE_MAX]:
            session = self.sessions.of(node)
            assert session
            yield Note("node_silent", {"node": node, "silent_s": round(now_s - session.heard_at_s, 1)})
        if len(nodes) > NAMED_AT_ONCE_MAX:
            yield Note("more_nodes_silent", {"nodes": len(nodes) - NAMED_AT_ONCE_MAX})

    def _forget_nodes(self, now_s: float) -> None:
        if leavers := self.sessions.long_silent(now_s):
            holders = {record.identity.node for record in self._registrar.allocations if record.holding}
            for node in leavers:
                if node not in holders:
                    self.sessions.forget(node)

    # What comes in

    def _take(self, event: DeskEvent) -> Iterator[Command]:
        if isinstance(event, Received):
            try:
                yield from self._received(event)
            except Exception as error:  # noqa: BLE001, no message is worth more than its connection
                yield from self._failed(event, error)
        elif isinstance(event, Misread):
            declined = answers.declined(event.message_id, ProtocolMismatch(cause=event.reason))
            yield Send(event.connection, declined)
        elif isinstance(event, OperatorAsked):
            yield from self._operators.asked(event)
        elif isinstance(event, OperatorLeft):
            self._operators.left(event.ticket)
        else:
            yield from self._lane.handle(event)

    def _failed(self, event: Received, error: Exception) -> Iterator[Command]:
        """Decline the message; its connection and its attachment begin again where nothing is believed of them."""
        message = event.message
        yield Mishap(message.type, error, {"request": message.id, "node": event.node})
        yield Send(event.connection, answers.declined(message.id, InternalFailure()))
        if isinstance(message, Allocate | Release):
            attachment = message.attachment
            others = distrust(self._registrar, Identity(attachment.container_id, attachment.ifname, event.node))
            yield from (each for each in others if not isinstance(each, Reply) or each.message.id != message.id)
        self.sessions.disown(event.node, event.connection)
        yield Send(event.connection, HelloFirst(id=message.id))

    def _received(self, event: Received) -> Iterator[Command]:
        message = event.message
        if isinstance(message, Hello):
            yield from self._greet(event, message)
            return
        session = self.sessions.hear(event.node, event.connection, event.now_s)
        if session is None:
            yield Send(event.connection, HelloFirst(id=message.id))
            return
        yield from self._heard(event.node, event.now_s)
        if isinstance(message, Ping):
            yield Send(event.connection, Pong(id=message.id))
        elif isinstance(message, Interfaces):
            self._operators.heard(event.node, message)
        elif isinstance(message, Allocate | Release):
            yield from self._registrar.take(event.node, session.boot_id, session.since_s, message, event.now_s)

    def _greet(self, event: Received, hello: Hello) -> Iterator[Command]:
        greeting = self.sessions.greet(event.node, event.connection, hello, event.now_s)
        if greeting is Greeting.NODE_TWICE:
            yield Send(event.connection, answers.declined(hello.id, NodeTwice(node=event.node)))
            yield Note("node_twice", {"node": event.node, "boot_id": hello.boot_id})
            return
        if greeting is Greeting.OUT_OF_ORDER:
            yield Send(event.connection, HelloFirst(id=hello.id))
            return
        yield from self._registrar.greeted(event.node, hello, event.now_s)
        if greeting is Greeting.WELCOME:
            yield from self._heard(event.node, event.now_s)
            yield Send(event.connection, Welcome(id=hello.id, release=self._release))
            yield Note("node_connected", {"node": event.node, "release": hello.release, "boot_id": hello.boot_id})

    def _heard(self, node: str, now_s: float) -> Iterator[Command]:
        since_s = self.sessions.speak_again(node)
        if since_s is not None:
            yield Note("node_heard_again", {"node": node, "silent_s": round(now_s - since_s, 1)})

    # What ends

    def _ended(self, finished: Finished, now_s: float) -> Iterator[Command]:
        work, outcome = finished.work, finished.outcome
        if isinstance(work, AttachmentWork) and _is_internal(outcome):
            work.is_unsure = True
        try:
            yield from self._finished(work, outcome, now_s)
        except Exception as error:
            if not isinstance(work, AttachmentWork):
                raise
            yield Mishap(type(work).__name__, error, {"attachment": str(work.identity)})
            yield from distrust(self._registrar, work.identity)

    def _finished(self, work: Work, outcome: object, now_s: float) -> Iterator[Command]:
        if isinstance(outcome, Failed) and isinstance(outcome.problem, EaUndefined):
            self._sweeper.distrust(DEFINITION_MISSED)
            self._define(now_s + START_RETRY_S, now_s)
        commands = self._operators.finished(work, outcome, now_s)
        if commands is None:
            commands = self._sweeper.finished(work, outcome, now_s)
        if commands is not None:
            yield from self._registrar.finished(work, outcome, now_s)
            yield from commands
        elif isinstance(work, DefinitionsWork):
            yield from self._defined(outcome, now_s)
        elif isinstance(work, ListWork):
            yield from self._listed(outcome, now_s)
        else:
            yield from self._registrar.finished(work, outcome, now_s)

    def _define(self, not_before_s: float, now_s: float) -> None:
        if self._defining:
            return
        self._defining = True
        work = DefinitionsWork()
        work.ready_at_s = not_before_s
        self._lane.handle(Submitted((work,), now_s))

    def _list(self, work: ListWork, now_s: float) -> None:
        self._listing = True
        self._lane.handle(Submitted((work,), now_s))

    def _defined(self, outcome: object, now_s: float) -> Iterator[Command]:
        self._defining = False
        if isinstance(outcome, Failed):
            self._define(now_s + START_RETRY_S, now_s)
            return
        assert isinstance(outcome, Defined)
        self._missing_eas = outcome.missing
        if self._registrar.is_listed and (outcome.missing or outcome.created):
            self._sweeper.distrust(DEFINITION_MISSED)
        if outcome.created:
            yield Note("definitions_created", {"names": ", ".join(outcome.created)})
        if outcome.missing:
            yield Note("definitions_missing", {"names": ", ".join(outcome.missing)})
        if not (self._registrar.is_listed or self._listing):
            self._list(ListWork(self._policy.owner, self._policy.user), now_s)

    def _listed(self, outcome: object, now_s: float) -> Iterator[Command]:
        self._listing = False
        if isinstance(outcome, Failed):
            yield Note("listing_refused", {"reason": outcome.problem.msg})
            self._define(now_s + START_RETRY_S, now_s)
            return
        assert isinstance(outcome, Listed)
        self._page = outcome
        if outcome.next_page is not None:
            self._list(outcome.next_page, now_s)
            return
        self._take_in_page()
        self._registrar.listing_ended(now_s)
        yield Note("listed", {"allocations": len(self._registrar.allocations)})

    def _take_in_page(self) -> None:
        page, self._page = self._page, None
        if page:
            self._registrar.listed(page.addresses)

    # What goes out

    def _settle(self, commands: Iterable[Command], now_s: float) -> list[Effect]:
        effects: list[Effect] = []
        self._work_off(commands, effects, now_s)
        self._proceed(effects, now_s)
        while self._work_off(self._lane.proceed(now_s), effects, now_s):
            self._proceed(effects, now_s)
        wishes = [effect.at_s for effect in effects if isinstance(effect, WakeAt)]
        wishes += [now_s] if self._page else []
        parts = (self._registrar, self._operators, self._sweeper)
        deadlines = [part.next_deadline_s() for part in parts]
        wishes += [self._forget_at_s, self._silence_look_at_s]
        at_s = min([*wishes, *(each for each in deadlines if each is not None)])
        orders = [effect for effect in effects if not isinstance(effect, WakeAt)]
        return [*sorted(orders, key=_turn), WakeAt(at_s)]

    def _proceed(self, effects: list[Effect], now_s: float) -> None:
        self._work_off(self._registrar.proceed(now_s), effects, now_s)
        self._sweeper.proceed(now_s)
        self._work_off(self._operators.proceed(now_s), effects, now_s)

    def _work_off(self, commands: Iterable[Command], effects: list[Effect], now_s: float) -> bool:
        """Settle the commands; returns whether work has ended, so that the lane may have a call to make."""
        has_finished = False
        todo = deque(commands)
        while todo:
            command = todo.popleft()
            if isinstance(command, Finished):
                has_finished = True
                todo.extend(self._ended(command, now_s))
            elif isinstance(command, Reply):
                if session := self.sessions.of(command.node):
                    effects.append(Send(session.connection, command.message))
            else:
                effects.append(command)
        return has_finished

    # What people see

    def status(self, kubernetes: KubernetesStatus | None, now_s: float) -> CoordinatorStatus:
        """The state for `/status`."""
        return self._reporter.status(self._missing_eas, kubernetes, now_s)


def _is_internal(outcome: object) -> bool:
    # The state of such a work says nothing any more.
    return isinstance(outcome, Failed) and isinstance(outcome.problem, InternalFailure)


def _turn(effect: Effect) -> int:
    """The grid is the slowest of all, so it gets its call first; who waits for an answer comes before the log."""
    return 0 if isinstance(effect, Call) else 2 if isinstance(effect, core.Note | Mishap) else 1
