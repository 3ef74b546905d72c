"""The front thread: owns every machine, sends events to them, has drivers do what they decide.

All other threads hand their events in through the inbox. What the machines tell each other is the switchboard's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import zmq

from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from nodeagent import commands, errors, events, wire_messages
from nodeagent.board import Board
from nodeagent.cni.frame import UnknownFrameVersion
from nodeagent.cni.pending import PendingDelete, PendingDeletes
from nodeagent.cni.request import (
    AddRequest,
    CheckRequest,
    DelRequest,
    GcRequest,
    Request,
    StatusRequest,
    parse,
    version_for_errors,
)
from nodeagent.cni.request_log import Case, RequestLog, answer_to
from nodeagent.cni.server import Arrived, Garbled, ServerEvent, UnixServer
from nodeagent.cni.socket_path import PlaceRemoved, PlaceTaken, SocketPlace
from nodeagent.commands import Command
from nodeagent.dealer import Dealer
from nodeagent.domain.events import HungUp
from nodeagent.domain.outcomes import Done, Failure, Outcome
from nodeagent.events import Event
from nodeagent.journal_file import Erase, Journal, Reached, Write
from nodeagent.link.credentials import Papers, TokenUnreadable
from nodeagent.metrics import Metrics
from nodeagent.netns.interface_listing import Tour
from nodeagent.netns.reader import Look, NamespaceReader, Sighting
from nodeagent.recovery import JournalBotched, JournalRead, Recovery, RecoveryDrivers
from nodeagent.reporter import Reporter
from nodeagent.steps import OnStep
from nodeagent.switchboard import Machines, Switchboard
from protocol.errors import Problem
from protocol.status import AgentStatus

TICK_S: Final = 1.0
ALIVE_EVERY_S: Final = 10.0
LOOK_EVERY_S: Final = 5.0
PLACE_LOOK_EVERY_S: Final = 10.0
"""How long the path of the plugin's socket may lead elsewhere; an ADD waits 20 s for an agent."""
STOP_GRACE_S: Final = 5.0
FAILURE_GRACE_S: Final = 2.0
ADDS_MAX: Final = 1024


@dataclass(frozen=True)
class StopAsked:
    """Somebody wants the process to end in good order."""


@dataclass(frozen=True)
class ThreadEnded:
    """A thread that should live as long as the process does not any more."""

    name: str
    why: str


Item = Event | StopAsked | ThreadEnded | JournalRead | JournalBotched


@dataclass(frozen=True)
class Drivers:
    """All that act."""

    poller: zmq.Poller
    inbox: Inbox[Item]
    place: SocketPlace
    server: UnixServer
    dealer: Dealer
    papers: Papers
    journal: Journal
    reader: NamespaceReader
    netns_dirs: Sequence[Path]
    pending: PendingDeletes


class Front:
    """The loop."""

    def __init__(
        self,
        machines: Machines,
        drivers: Drivers,
        desk: RequestLog,
        metrics: Metrics,
        reporter: Reporter,
        board: Board[AgentStatus],
        clock: Callable[[], float],
        new_request_id: Callable[[], str],
        on_step: OnStep,
        log: Logger,
        internal: InternalErrors,
    ) -> None:
        self._internal = internal
        self.failure: str | None = None
        self._reporter = reporter
        self._board = board
        self._machines = machines
        self._drivers = drivers
        self._desk = desk
        self._metrics = metrics
        self._clock = clock
        self._new_request_id = new_request_id
        self._on_step = on_step
        self._log = log
        self._switchboard = Switchboard(machines, clock)
        acting = RecoveryDrivers(drivers.journal.submit, drivers.place.was_alive, drivers.server, self._reply)
        self._recovery = Recovery(
            self._switchboard, machines, desk, acting, reporter.identity.boot_id, clock, internal, log
        )
        self._replaying: set[int] = set()
        self._next_tick_s = 0.0
        self._next_alive_s = 0.0
        self._next_look_s = 0.0
        self._next_place_look_s = 0.0
        self._has_reached = False
        self._end_s: float | None = None
        self._performers = self._make_performers()
        self._publish()

    def run(self, started: events.Started) -> None:
        """Serve until told to stop; `failure` says why when that was not on purpose. Raises `PlaceTaken`."""
        self._drivers.poller.register(self._drivers.inbox.wakeup_fd, zmq.POLLIN)
        self.start(started)
        while self._replaying and self._end_s is None:
            self.turn()
        if self._end_s is None:
            self._drivers.server.open(self._clock())
            self._log.info("serving", socket=str(self._drivers.place.socket_path))
        while not self._is_over():
            self.turn()

    def start(self, started: events.Started) -> None:
        """What an agent does before it serves."""
        self._drivers.dealer.renew(0)
        self._switchboard.tell(started)
        self._replay(self._drivers.pending.look())
        self._work_off()

    def _is_over(self) -> bool:
        if self._end_s is None:
            return False
        is_idle = self._machines.attachments.is_quiet() and self._drivers.server.count() == 0
        return is_idle or self._clock() >= self._end_s

    def turn(self) -> None:
        """Wait until something happens, take in all of it, and have done what it leads to."""
        wait_ms = math.ceil(max(0.0, self._next_tick_s - self._clock()) * 1000)
        ready: Mapping[Any, int] = dict(self._drivers.poller.poll(wait_ms))
        now_s = self._clock()
        try:
            for event in self._drivers.dealer.collect(ready, now_s):
                self._switchboard.tell(event)
        except Exception as error:  # noqa: BLE001, what was lost with it is asked again on the next connection
            self._recovery.link_failed(error)
        with self._internal.border("server"):
            for served in self._drivers.server.collect(ready, now_s):
                self._take_served(served)
        for item in self._drivers.inbox.take_all():
            with self._internal.border(type(item).__name__):
                self._take_item(item)
        if now_s >= self._next_tick_s:
            self._tick(now_s)
        self._recovery.go_on(now_s)
        self._work_off()

    def _tick(self, now_s: float) -> None:
        self._next_tick_s = now_s + TICK_S
        self._switchboard.tell(events.Ticked(now_s))
        with self._internal.border("server's tick"):
            for served in self._drivers.server.ticked(now_s):
                self._take_served(served)
        if not self._switchboard.is_closed:  # else what is given out would be heard by nobody
            with self._internal.border("pending deletes"):
                self._replay(self._drivers.pending.look())
        with self._internal.border("files"):
            self._look_after_files(now_s)
        with self._internal.border("status"):
            self._publish()

    def _look_after_files(self, now_s: float) -> None:
        if now_s >= self._next_place_look_s:
            self._next_place_look_s = now_s + PLACE_LOOK_EVERY_S
            self._look_at_place(now_s)
        if self._machines.link.is_up and now_s >= self._next_alive_s:
            self._next_alive_s = now_s + ALIVE_EVERY_S
            self._drivers.place.show_alive()
        if now_s >= self._next_look_s:
            self._next_look_s = now_s + LOOK_EVERY_S
            if self._drivers.papers.look():
                self._switchboard.tell(events.KeysChanged(now_s))

    def _look_at_place(self, now_s: float) -> None:
        path = str(self._drivers.place.socket_path)
        try:
            if self._drivers.server.bind_anew(now_s):
                self._log.warning("socket_bound_anew", socket=path, why="its path led elsewhere, or nowhere")
        except PlaceTaken as error:
            self._log.error("socket_lost", socket=path, why=str(error))
        except PlaceRemoved as error:
            self._fail(str(error))

    def _take_item(self, item: Item) -> None:
        if isinstance(item, StopAsked):
            self._log.info("stopping")
            self._begin_end(STOP_GRACE_S)
        elif isinstance(item, ThreadEnded):
            self._fail(f"thread {item.name} ended: {item.why}")
        elif isinstance(item, JournalRead):
            self._recovery.begin_anew(item.contents)
        elif isinstance(item, JournalBotched):
            self._recovery.journal_botched(item.error)
        else:
            self._switchboard.tell(item)

    def _take_served(self, served: ServerEvent) -> None:
        try:
            self._take_served_expectedly(served)
        except Exception as error:  # noqa: BLE001, the plugin hears of it, and its connection ends
            self._internal.tell(type(served).__name__, error)
            with self._internal.border("answer to what failed"):
                self._recovery.fail_request(served.caller)

    def _take_served_expectedly(self, served: ServerEvent) -> None:
        if isinstance(served, Arrived):
            self._arrived(served)
        elif isinstance(served, Garbled):
            self._garbled(served)
        else:
            now_s = self._clock()
            if isinstance(served, HungUp):
                self._desk.drop(served.caller, now_s)
                self._switchboard.tell(events.HungUp(now_s, served.caller))
            else:
                self._switchboard.tell(events.Delivered(now_s, served.caller))

    def _arrived(self, arrived: Arrived) -> None:
        verb = arrived.frame.variables.get("CNI_COMMAND", "")
        case = Case(arrived.caller, verb, self._new_request_id(), self._clock())
        try:
            request = parse(arrived.frame, arrived.netns)
        except Problem as problem:
            self._desk.open(replace(case, cni_version=version_for_errors(arrived.frame)))
            self._reply(arrived.caller, Failure.of(problem))
            return
        if isinstance(request, AddRequest) and self._desk.count() >= ADDS_MAX:
            self._desk.open(replace(case, request=request, cni_version=request.cni_version))
            self._reply(arrived.caller, Failure.of(errors.TooManyRequests(limit=ADDS_MAX)))
            return
        case = replace(case, request=request, cni_version=request.cni_version)
        self._desk.open(case)
        if self._switchboard.is_closed:
            self._recovery.fail_request(case.caller)
        else:
            self._dispatch(case, request)

    def _dispatch(self, case: Case, request: Request) -> None:
        if isinstance(request, AddRequest):
            pending = self._drivers.pending.find(request.attachment)
            self._replay([pending] if pending else [])
            self._switchboard.tell(events.Added(case.arrived_s, case.caller, case.request_id, request))
        elif isinstance(request, DelRequest):
            if request.complaint:
                self._log.warning("del_with_bad_config", request=case.request_id, why=request.complaint)
            deleted = events.Deleted(case.arrived_s, case.caller, case.request_id, request.attachment)
            self._switchboard.tell(deleted)
        elif isinstance(request, CheckRequest):
            self._switchboard.tell(events.Checked(case.arrived_s, case.caller, request))
        elif isinstance(request, StatusRequest):
            self._switchboard.tell(events.StatusAsked(case.arrived_s, case.caller))
        elif isinstance(request, GcRequest):
            self._switchboard.tell(events.GcAsked(case.arrived_s, case.caller, request))
        else:
            self._reply(case.caller, Done())

    def _garbled(self, garbled: Garbled) -> None:
        self._desk.open(Case(garbled.caller, "", self._new_request_id(), self._clock()))
        problem: type[Problem] = errors.BadRequestBytes
        if isinstance(garbled.error, UnknownFrameVersion):
            problem = errors.UnknownFrame
        text = str(garbled.error)
        self._reply(garbled.caller, Failure.of(problem(cause=text[:1].upper() + text[1:])))

    def _replay(self, found: Sequence[PendingDelete]) -> None:
        for pending in found:
            caller = self._drivers.server.next_caller()
            case = Case(caller, "DEL", self._new_request_id(), self._clock(), pending=pending)
            self._desk.open(case)
            self._replaying.add(caller)
            self._switchboard.tell(events.Deleted(case.arrived_s, caller, case.request_id, pending.attachment))

    def _work_off(self) -> None:
        for command in self._switchboard.work_off():
            try:
                self._performers[type(command)](command)
            except Exception as error:  # noqa: BLE001, what depends on it is told or begun again
                self._internal.tell(type(command).__name__, error)
                with self._internal.border("in place of a command"):
                    self._recovery.make_up_for(command)

    def _make_performers(self) -> Mapping[type[Command], Callable[[Any], None]]:
        journal, dealer, reader = self._drivers.journal, self._drivers.dealer, self._drivers.reader
        boot_id = self._reporter.identity.boot_id
        return {
            commands.ReadMac: self._read_mac,
            commands.LookAtNamespaces: lambda c: reader.submit(Sighting(c.look, c.namespaces)),
            commands.Persist: lambda c: journal.submit(Write(c.ticket, c.record)),
            commands.Forget: lambda c: journal.submit(Erase(c.attachment)),
            commands.RememberReached: lambda c: journal.submit(Reached(boot_id)),
            commands.Reply: lambda c: self._reply(c.caller, c.outcome),
            commands.Transmit: lambda c: dealer.send(c.message),
            commands.AskForTicket: self._ask_for_ticket,
            commands.KeepTicket: lambda c: self._drivers.papers.keep(c.ticket),
            commands.RenewSocket: lambda c: dealer.renew(c.endpoint),
            commands.Survey: lambda c: reader.submit(Tour(c.request_id, self._drivers.netns_dirs)),
            commands.StartRelease: self._release_started,
            commands.RaiseLink: self._link_raised,
            commands.LowerLink: self._link_lowered,
            commands.Note: lambda c: getattr(self._log, c.level)(c.event, **c.fields),
            commands.Mishap: self._recovery.mishap,
            commands.Die: lambda c: self._fail(c.reason),
        }

    def _reply(self, caller: int, outcome: Outcome) -> None:
        now_s = self._clock()
        self._replaying.discard(caller)
        case = self._desk.close(caller, outcome, now_s)
        if case is None:
            return
        if case.pending:
            if isinstance(outcome, Done):
                self._drivers.pending.remove(case.pending)
            else:
                self._drivers.pending.put_back(case.pending)
            return
        self._on_step("plugin:answer:before")
        for served in self._drivers.server.answer(caller, answer_to(case, outcome), now_s):
            self._take_served(served)
        self._on_step("plugin:answer:after")

    def _ask_for_ticket(self, command: commands.AskForTicket) -> None:
        try:
            token = self._drivers.papers.token()
        except TokenUnreadable as error:
            self._switchboard.tell(events.TokenMissing(self._clock(), str(error)))
            return
        self._drivers.dealer.send(wire_messages.enrol(command.id, command.node, command.boot_id, token))

    def _read_mac(self, command: commands.ReadMac) -> None:
        descriptor = self._drivers.server.take_descriptor(command.caller)
        if descriptor is None:
            failure = Failure.of(errors.NotANamespace(cause="Its descriptor is gone"))
            self._switchboard.tell(events.MacUnread(self._clock(), command.caller, failure))
            return
        look = Look(command.caller, descriptor, command.ifname, command.master, command.shares_mac)
        self._drivers.reader.submit(look)

    def _release_started(self, command: commands.StartRelease) -> None:
        self._metrics.releases.labels(command.record.reason).inc()

    def _link_raised(self, _: commands.RaiseLink) -> None:
        self._has_reached = True
        self._next_alive_s = self._next_tick_s = 0.0

    def _link_lowered(self, _: commands.LowerLink) -> None:
        self._next_tick_s = 0.0

    def _begin_end(self, grace_s: float) -> None:
        now_s = self._clock()
        self._end_s = min(self._end_s or now_s + grace_s, now_s + grace_s)
        self._drivers.server.close(now_s)

    def _fail(self, why: str) -> None:
        if self.failure is None:
            self.failure = why
            self._log.error("failed", why=why)
        self._begin_end(FAILURE_GRACE_S)

    def _publish(self) -> None:
        self._board.status = self._reporter.status(self._clock(), has_reached=self._has_reached)
        self._metrics.show(self._board.status)
