"""Starts the agent: settings, keys, journal, machine, drivers, threads."""

from __future__ import annotations

import gc
import os
import random
import secrets
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import zmq
from pydantic import ValidationError

from daemon import descriptors
from daemon.bounds import Bounds
from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.log_output import standard_error_that_never_waits
from daemon.logs import Logger, make_logger
from daemon.settings import BadSettings, warn_of_unknown_variables
from daemon.status_server import Pages, StatusServer
from nodeagent import settings
from nodeagent.board import Board
from nodeagent.cni.callers import Callers, Means
from nodeagent.cni.pending import PendingDeletes
from nodeagent.cni.request_log import RequestLog
from nodeagent.cni.server import CONNECTIONS_MAX, DESCRIPTORS_EACH, UnixServer
from nodeagent.cni.socket_path import PathRemoved, PathTaken, SocketPath
from nodeagent.crash_points import OnCrashPoint, no_crash
from nodeagent.domain import events
from nodeagent.domain.outcomes import Failure
from nodeagent.domain.presence import SeenInterface, Sight
from nodeagent.hardware import machine_serial
from nodeagent.journal.contents import Identity, draw_journal
from nodeagent.journal.place import JournalTaken, JournalUnready, Place
from nodeagent.journal.rows import Rows
from nodeagent.journal.start import BootUnbelievable, Opened, open_journal
from nodeagent.link.credentials import Credentials, EnrolledCredentials
from nodeagent.link.dealer import Dealer
from nodeagent.link.service_address import why_unchanging
from nodeagent.loop import Drivers, Item, Loop, StopAsked, ThreadEnded, Watchers
from nodeagent.machine import Machine, Options, make_machine
from nodeagent.metrics import Metrics
from nodeagent.netns.interface_listing import Tour
from nodeagent.netns.mac import InterfaceMacs, own_mac
from nodeagent.netns.reader import Look, NamespaceReader
from nodeagent.settings import Settings
from nodeagent.status import Reporter, starting
from nodeagent.turns import Turns
from protocol.errors import Problem
from protocol.keys import BadKey
from protocol.release import own_release
from protocol.wire.allocation_id import hash_machine
from protocol.wire.values import Interface

EXIT_FAILED: Final = 1
EXIT_NEVER: Final = 2
"""Another start with the same settings on the same machine ends like this one."""
JOIN_S: Final = 5.0
JOURNAL_RETRY_S: Final = 5.0
COLLECT_AFTER: Final = 20_000
"""So many more objects than before make Python look for cycles among the new ones; it is 700 by default."""
BOOT_ID_PATH: Final = Path("/proc/sys/kernel/random/boot_id")


def main(argv: Sequence[str] | None = None) -> int:
    """The command cni-infoblox-agent."""
    try:
        return run(settings.read(argv))
    except BadSettings as error:
        return _complain(str(error), EXIT_NEVER)


def run(chosen: Settings, on_crash_point: OnCrashPoint = no_crash) -> int:
    """Serve until SIGTERM; the exit code. `on_crash_point` is for tests that kill the process (`crash_points`)."""
    try:
        release = own_release()
        metrics = Metrics(release, chosen.node_name)
        with standard_error_that_never_waits(metrics.log_lines_lost.inc):
            failure = _serve(chosen, release, metrics, on_crash_point)
    except BadKey as error:
        return _complain(f"--keys: {error}", EXIT_NEVER)
    except (JournalTaken, BootUnbelievable) as error:
        return _complain(str(error), EXIT_NEVER)
    except (PathTaken, PathRemoved) as error:
        return _complain(str(error), EXIT_FAILED)
    except Exception as error:  # noqa: BLE001, people get a line and not a stack trace
        return _complain(f"{type(error).__name__}: {error}", EXIT_FAILED)
    return 0 if failure is None else _complain(failure, EXIT_FAILED)


@dataclass(frozen=True)
class _Process:
    """What is there before the journal is, for everything that is made after it."""

    chosen: Settings
    release: str
    fresh: Identity
    credentials: Credentials
    metrics: Metrics
    bounds: Bounds
    inbox: Inbox[Item]
    socket_path: SocketPath
    journal_place: Place
    board: Board
    on_crash_point: OnCrashPoint
    log: Logger
    internal: InternalErrors


def _serve(chosen: Settings, release: str, metrics: Metrics, on_crash_point: OnCrashPoint) -> str | None:
    log = make_logger(chosen.log_format, chosen.log_level, node=chosen.node_name)
    warn_of_unknown_variables(Settings, os.environ, log)
    inbox: Inbox[Item] = Inbox()
    inbox.hear({signal.SIGTERM: StopAsked(), signal.SIGINT: StopAsked()})
    socket_path, fresh = SocketPath(chosen.socket_dir, chosen.driver_name), _fresh_identity(chosen)
    process = _Process(
        chosen=chosen,
        release=release,
        fresh=fresh,
        credentials=_credentials(chosen, lambda text: log.warning("bad_key_file", reason=text)),
        metrics=metrics,
        bounds=Bounds(lambda bound: metrics.bounded.labels(bound).inc(), log),
        inbox=inbox,
        socket_path=socket_path,
        journal_place=Place(chosen.run_dir, chosen.node_name, chosen.driver_name),
        board=Board(starting(fresh, release), socket_path.trouble),
        on_crash_point=on_crash_point,
        log=log,
        internal=InternalErrors(log, lambda place: metrics.internal_errors.labels(place).inc(), _clock),
    )
    status = _status_server(process)
    status.start()
    log.info("status_listening", port=status.port)
    try:
        opened = _open_when_possible(process)
        socket_path.take()
        return None if opened is None else _work(process, opened)
    finally:
        status.stop()


def _fresh_identity(chosen: Settings) -> Identity:
    return Identity(
        boot_id=BOOT_ID_PATH.read_text(encoding="ascii").strip(),
        machine=hash_machine(chosen.machine or machine_serial(Path("/"))),
        node=chosen.node_name,
        driver=chosen.driver_name,
        journal=draw_journal(_draw),
    )


def _open_when_possible(process: _Process) -> Opened | None:
    """The journal, None when the process is told to end before. Raises `JournalTaken`, `BootUnbelievable`."""
    told = ""
    while True:
        try:
            opened = open_journal(process.journal_place, process.fresh, process.on_crash_point)
        except JournalUnready as error:
            if str(error) != told:
                told = str(error)
                process.log.error("journal_unready", why=told)
            process.board.wait_for(told)
        else:
            identity = opened.contents.identity
            if opened.alarm:
                process.log.error("journal_damaged", why=opened.alarm)
            process.log.info(
                "journal_open",
                path=opened.store.path,
                journal=identity.journal,
                machine=identity.machine,
                allocations=len(opened.contents.allocations),
            )
            return opened
        if _is_stopped(process.inbox):
            return None


def _is_stopped(inbox: Inbox[Item]) -> bool:
    select.select([inbox.wakeup_fd], [], [], JOURNAL_RETRY_S)
    return any(isinstance(item, StopAsked) for item in inbox.take_all())


def _work(process: _Process, opened: Opened) -> str | None:
    """Serve the plugin, until told to end; why, where that was not on purpose."""
    drivers, watchers = _make_drivers(process)
    loop = Loop(
        turns=_make_turns(process, opened),
        drivers=drivers,
        watchers=watchers,
        clock=_clock,
        why_unchanging=why_unchanging(process.chosen.coordinator, os.environ),
    )
    thread = _start("namespaces", lambda: _read_namespaces(drivers.reader, process.inbox), process.inbox)
    try:
        _collect_rarely()
        loop.run()
    finally:
        drivers.dealer.close()
        drivers.reader.close()
        thread.join(JOIN_S)
        opened.store.close()
    return loop.failure


def _make_turns(process: _Process, opened: Opened) -> Turns:
    chosen, credentials = process.chosen, process.credentials
    was_served = process.socket_path.was_alive()

    def make(rows: Rows, now_s: float) -> Machine:
        options = Options(
            endpoints=len(chosen.coordinator),
            release=process.release,
            enrols=chosen.enrol_token is not None,
            ticket=credentials.ticket(),
            was_served=was_served,
            is_leaving=process.socket_path.is_leaving(),
        )
        return make_machine(rows, options, _draw, random.random, now_s)

    return Turns(opened.store, opened.contents, make, process.internal.tell, _clock())


def _make_drivers(process: _Process) -> tuple[Drivers, Watchers]:
    chosen, credentials, log = process.chosen, process.credentials, process.log
    room = descriptors.for_connections(descriptors.raise_limit()) // DESCRIPTORS_EACH
    poller, internal = zmq.Poller(), process.internal
    server = UnixServer(poller, process.socket_path, min(CONNECTIONS_MAX, room), process.bounds, log, internal)
    pending = PendingDeletes(process.socket_path.pending_path, process.on_crash_point, log)
    requests = RequestLog(process.metrics, log)
    means = Means(server, pending, requests, _new_request_id, _clock, process.on_crash_point, log, internal)
    drivers = Drivers(
        poller=poller,
        inbox=process.inbox,
        socket_path=process.socket_path,
        server=server,
        callers=Callers(means),
        dealer=Dealer(poller, chosen.coordinator, lambda: credentials.keys, process.on_crash_point, log),
        credentials=credentials,
        reader=NamespaceReader(internal),
        netns_dirs=chosen.netns_dir,
    )
    reporter = Reporter(process.release, server, pending, process.journal_place.damaged_path)
    return drivers, Watchers(process.board, reporter, process.metrics, internal, log)


def _credentials(chosen: Settings, complain: Callable[[str], None]) -> Credentials:
    own, coordinator = chosen.own_key_path, chosen.coordinator_key_path
    if chosen.enrol_token is None:
        return Credentials(own, coordinator, complain)
    return EnrolledCredentials(own, coordinator, chosen.enrol_token, complain)


def _start(name: str, live: Callable[[], None], inbox: Inbox[Item]) -> threading.Thread:
    def guarded() -> None:
        try:
            live()
        except BaseException as error:  # noqa: BLE001, whatever ends a thread must end the process
            inbox.put(ThreadEnded(name, f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread


def _read_namespaces(reader: NamespaceReader, inbox: Inbox[Item]) -> None:
    def on_read(look: Look, macs: InterfaceMacs) -> None:
        inbox.put(events.MacRead(look.caller, own_mac(macs, shares_mac=look.shares_mac)))

    def on_problem(look: Look, problem: Problem) -> None:
        inbox.put(events.MacUnread(look.caller, Failure.of(problem)))

    def on_surveyed(tour: Tour) -> None:
        told = {each: _told(each) for each in tour.interfaces}
        untold = {each.namespace for each, interface in told.items() if interface is None}
        interfaces = tuple(interface for interface in told.values() if interface)
        inbox.put(events.InterfacesSeen(tour.request_id, interfaces, tour.unreadable + len(untold)))

    def on_seen(look: int, sights: tuple[Sight, ...]) -> None:
        inbox.put(events.NamespacesSeen(look, sights))

    reader.run(on_read, on_problem, on_surveyed, on_seen)


def _told(seen: SeenInterface) -> Interface | None:
    """None where the pod has given it a name that no message takes: the kernel takes almost any bytes."""
    try:
        return Interface(
            namespace=seen.namespace.path,
            inode=seen.namespace.inode,
            ifname=seen.ifname,
            mac=seen.mac,
            addresses=list(seen.addresses),
        )
    except ValidationError:
        return None


def _status_server(process: _Process) -> StatusServer:
    board, chosen = process.board, process.chosen
    pages = Pages(
        lambda: board.read().unready, lambda: board.read().model_dump_json(indent=1).encode(), process.metrics.text
    )
    try:
        return StatusServer(chosen.status_address, pages, process.bounds)
    except OSError as error:
        raise PathTaken(f"--status-listen: {chosen.status_listen}: {error.strerror or error}") from None


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _draw() -> str:
    return secrets.token_hex(6)


def _new_request_id() -> str:
    return f"r-{secrets.token_hex(5)}"


def _collect_rarely() -> None:
    """Let no ADD wait for a search for cycles: what was made at start stays, and few are made after that."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER)


def _complain(why: str, exit_code: int) -> int:
    with suppress(OSError):
        sys.stderr.write(f"cni-infoblox-agent: {' '.join(why.split())}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
