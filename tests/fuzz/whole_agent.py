"""An agent's real front with its machines; disk, sockets and namespaces are replaced by what answers at once."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from daemon.inbox import Inbox
from nodeagent import events
from nodeagent.attachment_machine import Attachments
from nodeagent.board import Board
from nodeagent.cni.frame import BadFrame, parse
from nodeagent.cni.request_log import RequestLog
from nodeagent.cni.server import Arrived, Garbled, ServerEvent
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.presence import Directory, Sight
from nodeagent.front import Drivers, Front, Item
from nodeagent.journal_file import Contents, Erase, Reread, Write
from nodeagent.journal_records import Record, decode, encode
from nodeagent.link_machine import Link
from nodeagent.metrics import Metrics
from nodeagent.netns.mac import InterfaceMacs, own_mac
from nodeagent.netns.reader import Look, Sighting
from nodeagent.recovery import JournalRead
from nodeagent.releases import Releases
from nodeagent.reporter import Identity, Reporter, starting
from nodeagent.steps import no_step
from nodeagent.switchboard import Machines
from protocol.codec import Unreadable, decode_to_agent
from protocol.codec import encode as encode_message
from protocol.messages import Holding, ToCoordinator
from protocol.texts import is_fit
from tests.fuzz.whole_log import FitLog, texts_of
from tests.unexpected import NothingUnexpected

NETNS = 2


class Disk:
    """The journal: rows, durable at once."""

    def __init__(self, inbox: Inbox[Item], clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._clock = clock
        self._rows: dict[AttachmentId, tuple[Any, ...]] = {}
        self._last_seq = 0

    def contents(self) -> Contents:
        return Contents("j1", self._last_seq, "", tuple(map(decode, self._rows.values())))

    def submit(self, job: object) -> None:
        if isinstance(job, Write):
            self._write(job.record)
            self._inbox.put(events.Persisted(self._clock(), job.ticket))
        elif isinstance(job, Erase):
            self._rows.pop(job.attachment, None)
        elif isinstance(job, Reread):
            self._inbox.put(JournalRead(self.contents()))

    def _write(self, record: Record) -> None:
        for text in texts_of(asdict(record)):
            assert is_fit(text), text
        row = encode(record)
        for value in row:
            if isinstance(value, str):
                value.encode()  # as SQLite does
            assert not isinstance(value, int) or -(2**63) <= value < 2**63
        self._rows[record.attachment] = row
        self._last_seq = max(self._last_seq, record.seq)


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
        self._arrived.append(events.Delivered(now_s, caller))
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

    def count(self) -> int:
        return 0


class Namespaces:
    """All namespaces are there, each with an interface of its own MAC."""

    def __init__(self, inbox: Inbox[Item], clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._clock = clock

    def submit(self, look: object) -> None:
        if isinstance(look, Look):
            macs = InterfaceMacs(f"02:00:00:00:{look.caller >> 8 & 255:02x}:{look.caller & 255:02x}", None)
            self._inbox.put(events.MacRead(self._clock(), look.caller, own_mac(macs, shares_mac=look.shares_mac)))
        elif isinstance(look, Sighting):
            sights = tuple(Sight(each, Directory(1, 1), each.inode) for each in look.namespaces)
            self._inbox.put(events.NamespacesSeen(self._clock(), look.look, sights))


class Wire:
    """The connection to a coordinator; `transmit` gets what leaves."""

    def __init__(self, clock: Callable[[], float], transmit: Callable[[bytes], None]) -> None:
        self._clock = clock
        self._transmit = transmit
        self._events: deque[events.Event] = deque()

    def renew(self, endpoint: int) -> None:
        self._events.clear()
        self._events.append(events.Handshaken(self._clock(), spread_s=0.0))

    def send(self, message: ToCoordinator) -> None:
        self._transmit(encode_message(message))

    def deliver(self, payload: bytes) -> None:
        """Bytes of the coordinator."""
        try:
            message = decode_to_agent(payload)
        except Unreadable as unreadable:
            assert str(unreadable)
            return
        self._events.append(events.Received(self._clock(), message))

    def collect(self, *_: object) -> Iterable[events.Event]:
        came, self._events = list(self._events), deque()
        return came


class _Place:
    socket_path = Path("/run/cni/infoblox.sock")

    def show_alive(self) -> None:
        """It is."""

    def was_alive(self) -> bool:
        return True


class AgentWorld:
    """One agent. `transmit` gets the bytes that it sends."""

    def __init__(self, clock: Callable[[], float], transmit: Callable[[bytes], None]) -> None:
        inbox: Inbox[Item] = Inbox()
        self._inbox = inbox
        log, metrics = FitLog().logger, Metrics("test", "n1")
        self.plugins = Plugins()
        self.wire = Wire(clock, transmit)
        disk = Disk(inbox, clock)
        drivers = Drivers(
            poller=cast(Any, SimpleNamespace(poll=lambda wait_ms: [])),
            inbox=inbox,
            place=cast(Any, _Place()),
            server=cast(Any, self.plugins),
            dealer=cast(Any, self.wire),
            papers=cast(Any, SimpleNamespace(look=lambda: False)),
            journal=cast(Any, disk),
            reader=cast(Any, Namespaces(inbox, clock)),
            netns_dirs=[Path("/run/netns")],
            pending=cast(Any, SimpleNamespace(look=list, find=lambda _: None, count=lambda: 0)),
        )

        def holdings() -> list[Holding]:
            return machines.attachments.holdings()

        machines = Machines(Attachments("boot", "j1"), Releases("j1"), Link(1, "boot", "j1", "test", holdings))
        ids = (f"r-{number}" for number in range(10**6))
        identity = Identity("n1", "test", "boot", "j1")
        reporter = Reporter(identity, machines, drivers.server, drivers.pending, Path("/nonexistent"))
        board = Board(starting(identity), lambda: None)
        self._front = Front(
            *(
                machines,
                drivers,
                RequestLog(metrics, log),
                metrics,
                reporter,
                board,
                clock,
                lambda: next(ids),
                no_step,
                log,
            ),
            NothingUnexpected(),
        )
        self._front.start(events.Started(clock(), (), 0, False, False))  # noqa: FBT003

    def close(self) -> None:
        """Let go of its descriptor."""
        os.close(self._inbox.wakeup_fd)

    def turn(self) -> None:
        """One turn of the front."""
        self._front.turn()
        assert self._front.failure is None, self._front.failure
