"""An agent's real loop with its machine and its journal; sockets and namespaces answer at once."""

from __future__ import annotations

import shutil
import tempfile
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from daemon.inbox import Inbox
from nodeagent.board import Board
from nodeagent.cni.callers import Callers, Means
from nodeagent.cni.frame import BadFrame, parse
from nodeagent.cni.request_log import RequestLog
from nodeagent.cni.server import Arrived, Garbled, ServerEvent
from nodeagent.crash_points import no_crash
from nodeagent.domain import events
from nodeagent.domain.presence import Directory, Sight
from nodeagent.journal.contents import Changes, Contents, Identity
from nodeagent.journal.place import Place
from nodeagent.journal.rows import Rows
from nodeagent.journal.start import open_journal
from nodeagent.journal.store import Store
from nodeagent.loop import Drivers, Item, Loop, Watchers
from nodeagent.machine import Machine, Options, make_machine
from nodeagent.metrics import Metrics
from nodeagent.netns.mac import InterfaceMacs, own_mac
from nodeagent.netns.reader import Look, Sighting
from nodeagent.status import Reporter, starting
from nodeagent.turns import Turns
from protocol.texts import is_fit
from protocol.wire.codec import Unreadable, decode_to_agent, encode
from protocol.wire.messages import ToCoordinator
from tests.fuzz.whole_log import FitLog, texts_of
from tests.unexpected import NothingUnexpected

NETNS = 2
MEMORY = Path("/dev/shm")
IDENTITY = Identity("boot-1", "11112222", "n1", "infoblox", "0a0a0a0a")


class Plugins:
    """The plugin's connections: each brings its bytes, and takes its answer."""

    is_open = True

    def __init__(self) -> None:
        self.answers: dict[int, bytes] = {}
        self._arrived: deque[ServerEvent] = deque()
        self._last_caller = 0

    def connect(self, data: bytes) -> int | None:
        """Bytes of a plugin, as its connection reads them; None where they are no whole request."""
        caller = self.next_caller()
        try:
            frame = parse(data)
        except BadFrame as bad:
            self._arrived.append(Garbled(caller, bad))
            return caller
        if frame is None:
            return None
        self._arrived.append(Arrived(caller, frame, NETNS))
        return caller

    def collect(self, *_: object) -> list[ServerEvent]:
        arrived, self._arrived = list(self._arrived), deque()
        return arrived

    def answer(self, caller: int, data: bytes, now_s: float) -> list[ServerEvent]:
        assert caller not in self.answers
        self.answers[caller] = data
        self._arrived.append(events.Delivered(caller))
        return []

    def bind_anew(self, now_s: float) -> bool:
        return False

    def ticked(self, now_s: float) -> list[ServerEvent]:
        return []

    def next_caller(self) -> int:
        self._last_caller += 1
        return self._last_caller

    def take_descriptor(self, caller: int) -> int:
        return -1

    def is_reading(self, caller: int) -> bool:
        return False

    def count(self) -> int:
        return 0


class Namespaces:
    """All namespaces are there, each with an interface of its own MAC."""

    def __init__(self, inbox: Inbox[Item]) -> None:
        self._inbox = inbox

    def submit(self, look: object) -> None:
        if isinstance(look, Look):
            macs = InterfaceMacs(f"02:00:00:00:{look.caller >> 8 & 255:02x}:{look.caller & 255:02x}", None)
            self._inbox.put(events.MacRead(look.caller, own_mac(macs, shares_mac=look.shares_mac)))
        elif isinstance(look, Sighting):
            sights = tuple(Sight(each, Directory(1, 1), each.inode) for each in look.namespaces)
            self._inbox.put(events.NamespacesSeen(look.look, sights))


class Wire:
    """The connection to a coordinator; `transmit` gets what leaves."""

    def __init__(self, transmit: Callable[[bytes], None]) -> None:
        self._transmit = transmit
        self._events: deque[events.Event] = deque()

    def renew(self, endpoint: int) -> None:
        self._events.clear()
        self._events.append(events.Connected())

    def send(self, message: ToCoordinator) -> None:
        self._transmit(encode(message))

    def deliver(self, payload: bytes) -> None:
        """Bytes of the coordinator."""
        try:
            message = decode_to_agent(payload)
        except Unreadable as unreadable:
            assert str(unreadable)
            return
        self._events.append(events.Received(message))

    def collect(self, *_: object) -> Iterable[events.Event]:
        came, self._events = list(self._events), deque()
        return came

    def was_answered(self) -> bool:
        return True


class FitJournal:
    """The journal's file; whatever is written is fit to be read again, by SQLite and by people."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @property
    def path(self) -> str:
        return str(self._store.path)

    def commit(self, rows: Rows) -> None:
        _check_fit(rows.changes())
        self._store.commit(rows)

    def look(self, rows: Rows) -> bool:
        return self._store.look(rows)

    def read_again(self) -> Contents:
        return self._store.read_again()


class _SocketPath:
    path = Path("/run/cni/infoblox.sock")

    def show_alive(self) -> None:
        """It is."""

    def is_leaving(self) -> bool:
        """Nobody uninstalls it."""
        return False


class AgentWorld:
    """One agent. `transmit` gets the bytes that it sends."""

    def __init__(self, clock: Callable[[], float], transmit: Callable[[bytes], None]) -> None:
        self._directory = tempfile.mkdtemp(prefix="fuzz-journal-", dir=MEMORY)
        self._inbox: Inbox[Item] = Inbox()
        self.plugins = Plugins()
        self.wire = Wire(transmit)
        log, metrics, internal = FitLog().logger, Metrics("test", "n1"), NothingUnexpected()
        numbers = (f"{number:012x}" for number in range(1, 10**6))
        place = Place(Path(self._directory), "n1", "infoblox")
        opened = open_journal(place, IDENTITY, no_crash)
        self._store = opened.store

        def make(rows: Rows, now_s: float) -> Machine:
            return make_machine(
                rows, Options(release="test", was_served=True), lambda: next(numbers), lambda: 0.5, now_s
            )

        journal = FitJournal(opened.store)
        turns = Turns(journal, opened.contents, make, internal.tell, clock())
        server = cast(Any, self.plugins)
        pending = cast(Any, SimpleNamespace(look=list, find=lambda _: None, count=lambda: 0, oldest_s=lambda: 0.0))
        requests = (f"r-{number}" for number in range(10**6))
        means = Means(
            server, pending, RequestLog(metrics, log), lambda: next(requests), clock, no_crash, log, internal
        )
        drivers = Drivers(
            poller=cast(Any, SimpleNamespace(poll=lambda wait_ms: [], register=lambda *_: None)),
            inbox=self._inbox,
            socket_path=cast(Any, _SocketPath()),
            server=server,
            callers=Callers(means),
            dealer=cast(Any, self.wire),
            credentials=cast(Any, SimpleNamespace(look=lambda: False)),
            reader=cast(Any, Namespaces(self._inbox)),
            netns_dirs=[Path("/run/netns")],
        )
        board = Board(starting(IDENTITY, "test"), lambda: None)
        reporter = Reporter("test", server, pending, Path("/nonexistent"))
        self._loop = Loop(turns, drivers, Watchers(board, reporter, metrics, internal, log), clock, None)
        self.wire.renew(0)

    def close(self) -> None:
        """Let go of its descriptors and its file."""
        self._store.close()
        shutil.rmtree(self._directory, ignore_errors=True)
        with suppress(OSError):
            self._inbox.close()

    def turn(self) -> None:
        """One turn of the loop."""
        self._loop.turn()
        assert self._loop.failure is None, self._loop.failure


def _check_fit(changes: Changes) -> None:
    rows = [*changes.allocations.values(), *changes.attachments.values()]
    for row in rows:
        for text in texts_of(asdict(row)) if row else ():
            assert is_fit(text), text
