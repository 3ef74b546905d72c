"""The agent's loop: the thread that owns the machine and its rows, and has drivers do what is decided.

    poll → the machine hears → its rows are committed → what rests on them is said and done

All other threads hand their events in through the inbox.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import zmq
from pydantic import SecretStr

from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from nodeagent import errors
from nodeagent.attachments.node import LET_GO_WITHOUT_DEL
from nodeagent.board import Board
from nodeagent.cni.callers import Callers
from nodeagent.cni.server import UnixServer
from nodeagent.cni.socket_path import PathRemoved, PathTaken, SocketPath
from nodeagent.domain import effects, events
from nodeagent.domain.effects import Effect
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Failure
from nodeagent.journal.store import LOOK_EVERY_S
from nodeagent.link.credentials import Credentials, TokenUnreadable
from nodeagent.link.dealer import Dealer
from nodeagent.metrics import Metrics
from nodeagent.netns.interface_listing import Tour
from nodeagent.netns.reader import Look, NamespaceReader, Sighting
from nodeagent.status import Reporter
from nodeagent.turns import LINK_FAILED, AnswerAll, Turns
from protocol.wire.messages import Enrol

TICK_S: Final = 1.0
ALIVE_EVERY_S: Final = 10.0
KEYS_LOOK_EVERY_S: Final = 5.0
SOCKET_LOOK_EVERY_S: Final = 10.0
"""How long the path of the plugin's socket may lead elsewhere; an ADD waits 20 s for an agent."""
END_AFTER_S: Final = 300.0
"""How long no coordinator may answer at addresses that only a new start can change."""
STOP_GRACE_S: Final = 5.0
FAILURE_GRACE_S: Final = 2.0


@dataclass(frozen=True)
class StopAsked:
    """Somebody wants the process to end in good order."""


@dataclass(frozen=True)
class ThreadEnded:
    """A thread that should live as long as the process does not any more."""

    name: str
    why: str


Item = Event | StopAsked | ThreadEnded


@dataclass(frozen=True)
class Drivers:
    """All that act."""

    poller: zmq.Poller
    inbox: Inbox[Item]
    socket_path: SocketPath
    server: UnixServer
    callers: Callers
    dealer: Dealer
    credentials: Credentials
    reader: NamespaceReader
    netns_dirs: Sequence[Path]


@dataclass(frozen=True)
class Watchers:
    """All that tell people how the agent is."""

    board: Board
    reporter: Reporter
    metrics: Metrics
    internal: InternalErrors
    log: Logger


class Every:
    """Says when something that is done now and then is due."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self.due_s = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether it is; then it is due again a period later."""
        if now_s < self.due_s:
            return False
        self.due_s = now_s + self._period_s
        return True


class Loop:
    """The loop. `why_unchanging`: why this process can learn no other address of the coordinator, if it cannot."""

    def __init__(
        self,
        turns: Turns,
        drivers: Drivers,
        watchers: Watchers,
        clock: Callable[[], float],
        why_unchanging: str | None,
    ) -> None:
        self.failure: str | None = None
        self._turns = turns
        self._drivers = drivers
        self._watchers = watchers
        self._log = watchers.log
        self._internal = watchers.internal
        self._clock = clock
        self._why_unchanging = why_unchanging
        self._heard: list[Event] = []
        self._looks: list[Look] = []
        self._tick = Every(TICK_S)
        self._alive = Every(ALIVE_EVERY_S)
        self._keys = Every(KEYS_LOOK_EVERY_S)
        self._socket = Every(SOCKET_LOOK_EVERY_S)
        self._journal = Every(LOOK_EVERY_S)
        self._was_up = False
        self._is_leaving = False
        self._trouble: str | None = None
        self._has_reached = False
        self._answered_s = clock()
        self._end_s: float | None = None
        self._performers = self._make_performers()
        self._publish()

    def run(self) -> None:
        """Serve until told to stop; `failure` says why when that was not on purpose. Raises `PathTaken`."""
        self._drivers.poller.register(self._drivers.inbox.wakeup_fd, zmq.POLLIN)
        self._heard += self._drivers.callers.replay()
        self._work_off(self._clock())
        while self._drivers.callers.is_replaying and self._end_s is None:
            self.turn()
        if self._end_s is None:
            self._drivers.server.open(self._clock())
            self._log.info("serving", socket=str(self._drivers.socket_path.path))
        while not self._is_over():
            self.turn()

    def turn(self) -> None:
        """Wait until something happens, take in all of it, and have done what it leads to."""
        due_s = min(self._tick.due_s, self._turns.due_s)
        wait_s = 0.0 if self._heard or self._turns.has_more else max(0.0, due_s - self._clock())
        ready: Mapping[Any, int] = dict(self._drivers.poller.poll(math.ceil(wait_s * 1000)))
        now_s = self._clock()
        self._collect(ready, now_s)
        if self._tick.is_due(now_s):
            self._ticked(now_s)
        elif now_s >= self._turns.due_s:
            self._heard.append(events.Ticked())
        self._work_off(now_s)

    def _is_over(self) -> bool:
        if self._end_s is None:
            return False
        is_idle = self._turns.machine.attachments.is_quiet() and self._drivers.server.count() == 0
        return is_idle or self._clock() >= self._end_s

    def _collect(self, ready: Mapping[Any, int], now_s: float) -> None:
        try:
            self._heard += self._drivers.dealer.collect(ready)
        except Exception as error:  # noqa: BLE001, what was lost with it is asked again on the next connection
            self._internal.tell("coordinator's connection", error)
            self._heard.append(events.ConnectionUnfit(LINK_FAILED))
        self._heard += self._drivers.callers.collect(ready, now_s)
        for item in self._drivers.inbox.take_all():
            if isinstance(item, StopAsked):
                self._log.info("stopping")
                self._begin_end(STOP_GRACE_S)
            elif isinstance(item, ThreadEnded):
                self._fail(f"thread {item.name} ended: {item.why}")
            else:
                self._heard.append(item)

    def _work_off(self, now_s: float) -> None:
        """Take a turn with all that was heard; what that brings up is for the next one."""
        heard, self._heard = self._heard, []
        for effect in self._turns.take(heard, now_s):
            self._perform(effect)
        self._look_into_namespaces()
        if self._turns.machine.session.trouble != self._trouble:
            self._session_changed(now_s)

    def _look_into_namespaces(self) -> None:
        """Have the reader look, for those who were answered once they are gone: they need the processor more."""
        looks, self._looks = self._looks, []
        for look in looks:
            if self._drivers.server.is_reading(look.caller):
                self._looks.append(look)
            else:
                self._drivers.reader.submit(look)

    def _session_changed(self, now_s: float) -> None:
        self._trouble = self._turns.machine.session.trouble
        if self._was_up is not self._turns.machine.session.is_up:
            self._alive.due_s = now_s
        self._was_up = self._turns.machine.session.is_up
        self._has_reached |= self._was_up
        with self._internal.border("session"):
            self._show_alive(now_s)
            self._publish()

    def _ticked(self, now_s: float) -> None:
        self._heard.append(events.Ticked())
        if not self._turns.is_resting:  # else what is given out would be heard by nobody
            self._heard += self._drivers.callers.ticked(now_s)
        for look_after in (self._look_after_files, self._look_after_journal, self._look_after_coordinator):
            with self._internal.border(look_after.__name__.strip("_")):
                look_after(now_s)
        with self._internal.border("status"):
            self._publish()

    def _look_after_files(self, now_s: float) -> None:
        is_leaving = self._drivers.socket_path.is_leaving()
        if is_leaving is not self._is_leaving:
            self._is_leaving = is_leaving
            self._log.info("reserve_closed" if is_leaving else "reserve_opened")
            self._heard.append(events.ReserveClosed() if is_leaving else events.ReserveOpened())
        if self._socket.is_due(now_s):
            self._look_at_socket(now_s)
        self._show_alive(now_s)
        if self._keys.is_due(now_s) and self._drivers.credentials.look():
            self._heard.append(events.ConnectionUnfit("the keys of this node or of the coordinator have changed"))

    def _show_alive(self, now_s: float) -> None:
        if self._was_up and self._alive.is_due(now_s):
            self._drivers.socket_path.show_alive()

    def _look_at_socket(self, now_s: float) -> None:
        path = str(self._drivers.socket_path.path)
        try:
            if self._drivers.server.bind_anew(now_s):
                self._log.warning("socket_bound_anew", socket=path, why="its path led elsewhere, or nowhere")
        except PathTaken as error:
            self._log.error("socket_lost", socket=path, why=str(error))
        except PathRemoved as error:
            self._fail(str(error))

    def _look_after_journal(self, now_s: float) -> None:
        if not self._turns.is_resting and self._journal.is_due(now_s):
            for effect in self._turns.look_after_journal(now_s):
                self._perform(effect)

    def _look_after_coordinator(self, now_s: float) -> None:
        if self._drivers.dealer.was_answered() or self._was_up:
            self._answered_s = now_s
        unanswered_s = now_s - self._answered_s
        if self._why_unchanging and unanswered_s >= END_AFTER_S:
            self._fail(f"no coordinator answered for {unanswered_s:.0f} s: {self._why_unchanging}")

    def _perform(self, effect: Effect) -> None:
        try:
            self._performers[type(effect)](effect)
        except Exception as error:  # noqa: BLE001, what depends on it is told or begun again
            self._internal.tell(type(effect).__name__, error)
            with self._internal.border("in place of an effect"):
                self._make_up_for(effect)

    def _make_up_for(self, effect: Effect) -> None:
        if isinstance(effect, effects.Reply):
            self._heard += self._drivers.callers.give_up(effect.caller)
        elif isinstance(effect, effects.ReadMac):
            self._heard.append(events.MacUnread(effect.caller, Failure.of(errors.AgentFailed())))
        elif isinstance(effect, effects.LookAtNamespaces):
            self._heard.append(events.NamespacesSeen(effect.look, ()))
        elif isinstance(effect, effects.Transmit | effects.AskForTicket):
            self._heard.append(events.ConnectionUnfit(LINK_FAILED))
        elif isinstance(effect, effects.LookUpEndpoint):
            self._heard.append(events.EndpointLookedUp(effect.endpoint, why=LINK_FAILED))
        elif isinstance(effect, effects.RenewSocket):
            self._heard.append(events.ConnectionLost(LINK_FAILED))

    def _make_performers(self) -> Mapping[type[Effect], Callable[[Any], None]]:
        drivers = self._drivers
        return {
            AnswerAll: lambda _: self._hear(drivers.callers.fail_all()),
            effects.Reply: lambda e: self._hear(drivers.callers.reply(e.caller, e.outcome)),
            effects.Transmit: lambda e: drivers.dealer.send(e.message),
            effects.ReadMac: self._read_mac,
            effects.LookAtNamespaces: lambda e: drivers.reader.submit(Sighting(e.look, e.namespaces)),
            effects.LookAtInterfaces: lambda e: drivers.reader.submit(Tour(e.request_id, drivers.netns_dirs)),
            effects.LookUpEndpoint: lambda e: drivers.dealer.look_up(e.endpoint),
            effects.RenewSocket: lambda e: drivers.dealer.renew(e.endpoint, e.address),
            effects.AskForTicket: self._ask_for_ticket,
            effects.KeepTicket: lambda e: drivers.credentials.keep(e.ticket),
            effects.Note: self._note,
        }

    def _hear(self, heard: Sequence[Event]) -> None:
        self._heard += heard

    def _note(self, effect: effects.Note) -> None:
        if effect.event == LET_GO_WITHOUT_DEL:
            self._watchers.metrics.let_go_without_del.labels(effect.fields["why"]).inc()
        getattr(self._log, effect.level)(effect.event, **effect.fields)

    def _ask_for_ticket(self, effect: effects.AskForTicket) -> None:
        try:
            token = self._drivers.credentials.token()
        except TokenUnreadable as error:
            self._heard.append(events.TokenMissing(str(error)))
            return
        self._drivers.dealer.send(Enrol(id=effect.id, node=effect.node, token=SecretStr(token)))

    def _read_mac(self, effect: effects.ReadMac) -> None:
        descriptor = self._drivers.server.take_descriptor(effect.caller)
        if descriptor is None:
            failure = Failure.of(errors.NotANamespace(cause="Its descriptor is gone"))
            self._heard.append(events.MacUnread(effect.caller, failure))
            return
        self._looks.append(Look(effect.caller, descriptor, effect.ifname, effect.master, effect.shares_mac))

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
        watchers, turns = self._watchers, self._turns
        status = watchers.reporter.status(turns.machine, turns.rows, self._clock(), self._unready())
        watchers.board.status = status
        watchers.metrics.show(status)

    def _unready(self) -> str | None:
        if self._turns.is_resting:
            return "the agent has failed, and begins again from its journal in a moment"
        if not self._drivers.server.is_open:
            return "the plugin's socket is not open"
        if not self._has_reached:
            return f"the coordinator was not reached since start: {self._turns.machine.session.trouble}"
        return None
