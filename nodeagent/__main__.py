"""Starts the agent: settings, keys, machines, drivers, threads."""

from __future__ import annotations

import os
import random
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Final

import zmq

from daemon import descriptors
from daemon.bounds import Bounds
from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.log_output import standard_error_that_never_waits
from daemon.logs import Logger, make_logger
from daemon.settings import BadSettings, warn_of_unknown_variables
from daemon.status_server import Pages, StatusServer
from nodeagent import events, settings
from nodeagent.attachment_machine import Attachments
from nodeagent.board import Board
from nodeagent.cni.pending import PendingDeletes
from nodeagent.cni.request_log import RequestLog
from nodeagent.cni.server import CONNECTIONS_MAX, DESCRIPTORS_EACH, UnixServer
from nodeagent.cni.socket_path import PlaceRemoved, PlaceTaken, SocketPlace
from nodeagent.dealer import Dealer
from nodeagent.domain.outcomes import Failure
from nodeagent.domain.presence import Sight
from nodeagent.enrolment import Enrolment
from nodeagent.front import Drivers, Front, Item, StopAsked, ThreadEnded
from nodeagent.journal_file import BadJournal, Journal, Reports
from nodeagent.journal_start import open_when_possible
from nodeagent.link.credentials import EnrolledPapers, Papers
from nodeagent.link.service_address import why_unchanging
from nodeagent.link_machine import Link
from nodeagent.metrics import Metrics
from nodeagent.netns.interface_listing import Tour
from nodeagent.netns.mac import InterfaceMacs, own_mac
from nodeagent.netns.reader import Look, NamespaceReader
from nodeagent.recovery import JournalBotched, JournalRead
from nodeagent.releases import Releases
from nodeagent.reporter import Identity, Reporter, starting
from nodeagent.settings import Settings
from nodeagent.steps import OnStep, no_step
from nodeagent.switchboard import Machines
from protocol.errors import Problem
from protocol.keys import BadKey
from protocol.messages import Holding, Interface
from protocol.status import AgentStatus

EXIT_FAILED: Final = 1
EXIT_BAD_SETTINGS: Final = 2
JOIN_S: Final = 5.0
BOOT_ID_PATH: Final = Path("/proc/sys/kernel/random/boot_id")


def main(argv: Sequence[str] | None = None) -> int:
    """The command cni-infoblox-agent."""
    try:
        return run(settings.read(argv))
    except BadSettings as error:
        return _complain(str(error), EXIT_BAD_SETTINGS)


def run(chosen: Settings, on_step: OnStep = no_step) -> int:
    """Serve until SIGTERM; the exit code. `on_step` is for tests that kill the process (see `steps`)."""
    try:
        release = _release()
        metrics = Metrics(release, chosen.node_name)
        with standard_error_that_never_waits(metrics.log_lines_lost.inc):
            failure = _serve(chosen, release, metrics, on_step)
    except BadKey as error:
        return _complain(f"--keys: {error}", EXIT_BAD_SETTINGS)
    except (PlaceTaken, PlaceRemoved, BadJournal) as error:
        return _complain(str(error), EXIT_FAILED)
    except Exception as error:  # noqa: BLE001, people get a line and not a stack trace
        return _complain(f"{type(error).__name__}: {error}", EXIT_FAILED)
    return 0 if failure is None else _complain(failure, EXIT_FAILED)


@dataclass(frozen=True)
class _Process:
    """What is there before the journal is, for everything that is made after it."""

    chosen: Settings
    identity: Identity
    papers: Papers
    metrics: Metrics
    bounds: Bounds
    inbox: Inbox[Item]
    place: SocketPlace
    board: Board[AgentStatus]
    on_step: OnStep
    log: Logger
    internal: InternalErrors


def _serve(chosen: Settings, release: str, metrics: Metrics, on_step: OnStep) -> str | None:
    boot_id = BOOT_ID_PATH.read_text(encoding="ascii").strip()
    log = make_logger(chosen.log_format, chosen.log_level, node=chosen.node_name)
    warn_of_unknown_variables(Settings, os.environ, log)
    internal = InternalErrors(log, lambda place: metrics.internal_errors.labels(place).inc(), _clock)
    papers = _papers(chosen, lambda text: log.warning("bad_key_file", reason=text))
    bounds = Bounds(lambda bound: metrics.bounded.labels(bound).inc(), log)
    inbox: Inbox[Item] = Inbox()
    signal.signal(signal.SIGTERM, lambda *_: inbox.put(StopAsked()))
    signal.signal(signal.SIGINT, lambda *_: inbox.put(StopAsked()))

    place = SocketPlace(chosen.socket_dir, chosen.driver_name)
    place.take()
    identity = Identity(chosen.node_name, release, boot_id, "")
    board = Board(starting(identity), place.trouble)
    status = _status_server(chosen, board, metrics, bounds)
    status.start()
    log.info("status_listening", port=status.port)
    try:
        journal = open_when_possible(chosen.state_dir, on_step, inbox, board, log)
        if journal is None:
            return None
        identity = replace(identity, journal_id=journal.contents.journal_id)
        process = _Process(chosen, identity, papers, metrics, bounds, inbox, place, board, on_step, log, internal)
        return _work(process, journal)
    finally:
        status.stop()


def _work(process: _Process, journal: Journal) -> str | None:
    """Serve the plugin, until told to end; why, where that was not on purpose."""
    known, boot_id, inbox = journal.contents, process.identity.boot_id, process.inbox
    served = process.place.was_alive()
    drivers = _make_drivers(process, journal)
    front = _make_front(process, journal, drivers)
    threads = [
        _start("journal", lambda: _keep_journal(journal, inbox), inbox),
        _start("namespaces", lambda: _read_namespaces(drivers.reader, inbox), inbox),
    ]
    try:
        reached, damaged = known.reached_boot_id == boot_id, journal.damage is not None
        front.run(events.Started(_clock(), known.records, known.last_seq, reached, served, damaged))
    finally:
        drivers.dealer.close()
        drivers.reader.close()
        journal.close()
        for thread in threads:
            thread.join(JOIN_S)
    return front.failure


def _make_drivers(process: _Process, journal: Journal) -> Drivers:
    chosen, papers, on_step, log = process.chosen, process.papers, process.on_step, process.log
    room = descriptors.for_connections(descriptors.raise_limit()) // DESCRIPTORS_EACH
    poller, internal = zmq.Poller(), process.internal
    return Drivers(
        poller=poller,
        inbox=process.inbox,
        place=process.place,
        server=UnixServer(
            poller, process.place, min(CONNECTIONS_MAX, room), process.bounds, log, process.internal
        ),
        dealer=Dealer(poller, chosen.coordinator, lambda: papers.keys, random.random, on_step, log),
        papers=papers,
        journal=journal,
        reader=NamespaceReader(internal),
        netns_dirs=chosen.netns_dir,
        pending=PendingDeletes(process.place.pending_path, on_step, log),
    )


def _make_front(process: _Process, journal: Journal, drivers: Drivers) -> Front:
    chosen, identity = process.chosen, process.identity
    boot_id, journal_id, release = identity.boot_id, identity.journal_id, identity.release
    attachments = Attachments(boot_id, journal_id)
    enrolment = Enrolment(chosen.node_name, boot_id, process.papers.ticket()) if chosen.enrol_token else None

    def holdings() -> list[Holding]:
        return machines.attachments.holdings()

    link = Link(
        len(chosen.coordinator),
        boot_id,
        journal_id,
        release,
        holdings,
        enrolment,
        why_unchanging(chosen.coordinator, os.environ),
    )
    machines = Machines(attachments, Releases(journal_id), link)
    return Front(
        machines=machines,
        drivers=drivers,
        desk=RequestLog(process.metrics, process.log),
        metrics=process.metrics,
        reporter=Reporter(identity, machines, drivers.server, drivers.pending, journal.damaged_path),
        board=process.board,
        clock=_clock,
        new_request_id=_new_request_id,
        on_step=process.on_step,
        log=process.log,
        internal=process.internal,
    )


def _papers(chosen: Settings, complain: Callable[[str], None]) -> Papers:
    own, coordinator = chosen.own_key_path, chosen.coordinator_key_path
    if chosen.enrol_token is None:
        return Papers(own, coordinator, complain)
    return EnrolledPapers(own, coordinator, chosen.enrol_token, complain)


def _start(name: str, live: Callable[[], None], inbox: Inbox[Item]) -> threading.Thread:
    def guarded() -> None:
        try:
            live()
        except BaseException as error:  # noqa: BLE001, whatever ends a thread must end the process
            inbox.put(ThreadEnded(name, f"{type(error).__name__}: {error}"))

    thread = threading.Thread(target=guarded, name=name, daemon=True)
    thread.start()
    return thread


def _keep_journal(journal: Journal, inbox: Inbox[Item]) -> None:
    def on_durable(tickets: list[int]) -> None:
        for ticket in tickets:
            inbox.put(events.Persisted(_clock(), ticket))

    def on_failure(cause: str) -> None:
        inbox.put(events.PersistFailed(_clock(), str(journal.path), cause))

    journal.run(
        Reports(
            durable=on_durable,
            read=lambda contents: inbox.put(JournalRead(contents)),
            botched=lambda error: inbox.put(JournalBotched(error)),
            failed=on_failure,
        )
    )


def _read_namespaces(reader: NamespaceReader, inbox: Inbox[Item]) -> None:
    def on_read(look: Look, macs: InterfaceMacs) -> None:
        inbox.put(events.MacRead(_clock(), look.caller, own_mac(macs, shares_mac=look.shares_mac)))

    def on_problem(look: Look, problem: Problem) -> None:
        inbox.put(events.MacUnread(_clock(), look.caller, Failure.of(problem)))

    def on_surveyed(tour: Tour) -> None:
        seen = [
            Interface(
                namespace=Path(each.namespace.path).name,
                ifname=each.ifname,
                mac=each.mac,
                addresses=list(each.addresses),
            )
            for each in tour.interfaces
        ]
        inbox.put(events.Surveyed(_clock(), tour.request_id, tuple(seen), tour.unreadable))

    def on_seen(look: int, sights: tuple[Sight, ...]) -> None:
        inbox.put(events.NamespacesSeen(_clock(), look, sights))

    reader.run(on_read, on_problem, on_surveyed, on_seen)


def _status_server(chosen: Settings, board: Board[AgentStatus], metrics: Metrics, bounds: Bounds) -> StatusServer:
    pages = Pages(
        lambda: board.read().unready, lambda: board.read().model_dump_json(indent=1).encode(), metrics.text
    )
    host, port = chosen.status_address
    try:
        return StatusServer(host, port, pages, bounds)
    except OSError as error:
        raise PlaceTaken(f"--status-listen: {chosen.status_listen}: {error.strerror or error}") from None


def _clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _new_request_id() -> str:
    return f"r-{secrets.token_hex(5)}"


def _release() -> str:
    try:
        return metadata.version("cni-infoblox")
    except metadata.PackageNotFoundError:
        return "unreleased"


def _complain(why: str, exit_code: int) -> int:
    with suppress(OSError):
        sys.stderr.write(f"cni-infoblox-agent: {' '.join(why.split())}\n")
    return exit_code


if __name__ == "__main__":
    sys.exit(main())
