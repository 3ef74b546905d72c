"""The command `cni-infoblox-coordinator`: wires settings, keys, machines and drivers."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from random import random
from secrets import token_hex
from socket import gethostname
from typing import Final

import zmq

from coordinator.admin.events import AnswerCommand, Asked, Left
from coordinator.admin.socket import AdminSocket, NoAdminSocket
from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.copied_secret import CopiedSecret
from coordinator.cluster.kubernetes_api import KubernetesApi
from coordinator.cluster.live_nodes import LiveNodesFile
from coordinator.cluster.liveness import LivenessSource, NobodyTells
from coordinator.cluster.node_watch import NodeWatch
from coordinator.cluster.token_reviewer import Reviewer
from coordinator.core.crash_points import OnCrashPoint, no_crash
from coordinator.core.outbox import Note
from coordinator.core.policy import Policy
from coordinator.grid.caller import AllRights, Caller
from coordinator.grid.wapi import Wapi
from coordinator.history.history import History
from coordinator.lease.api import LeaseApi
from coordinator.lease.keeper import LeaseKeeper
from coordinator.lease.leadership import Leadership
from coordinator.lease.liveness import LeadersLiveness
from coordinator.loop import Item, KeysChanged, Loop, PasswordChanged, Stop
from coordinator.machine import Machine
from coordinator.metrics import Metrics
from coordinator.nodes.admission import Admission
from coordinator.nodes.agents_port import AgentsPort, Sockets
from coordinator.nodes.authorized import Authorized
from coordinator.nodes.connection_book import ConnectionBook, Limits
from coordinator.nodes.connection_guard import ConnectionGuard
from coordinator.nodes.enrolment import Enrolment
from coordinator.nodes.rate_limit import RateLimit
from coordinator.nodes.router import BACKLOG, Router
from coordinator.nodes.tickets import Tickets
from coordinator.nodes.zap import Zap
from coordinator.notes import Notes
from coordinator.page.status_page import render
from coordinator.page.style import POLICY
from coordinator.recorder.events_api import EventsApi
from coordinator.recorder.recorder import Recorder
from coordinator.settings import Settings, read_settings
from coordinator.workers import Worker, run_beside
from daemon import descriptors
from daemon.bounds import Bounds
from daemon.file_watch import FileWatch
from daemon.inbox import Inbox
from daemon.internal_errors import InternalErrors
from daemon.listener import listen
from daemon.log_output import standard_error_that_never_waits
from daemon.logs import Logger, make_logger
from daemon.settings import BadSettings, warn_of_unknown_variables
from daemon.status_server import BrowserPage, Pages, StatusServer
from protocol.cluster_id import CLUSTER_UID_FILE, BadClusterId, read_cluster_id, read_cluster_uid
from protocol.host_port import HostPort
from protocol.keys import BadKey, KeyPair, load_pair
from protocol.release import own_release
from protocol.wire.status import CoordinatorStatus

EXIT_FAILED = 1
EXIT_BAD_SETTINGS = 2

POD_VARIABLE: Final = "POD_NAME"
"""Where a manifest tells the name of the pod; elsewhere the host's stands for it."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code: 0, 2 for bad configuration, 1 for anything else."""
    try:
        return run(read_settings(argv))
    except (BadSettings, BadKey, BadClusterId) as bad:
        return _complain(bad, EXIT_BAD_SETTINGS)
    except (OSError, zmq.ZMQError) as error:
        return _complain(error, EXIT_FAILED)


def _complain(why: object, exit_code: int) -> int:
    with suppress(OSError):
        sys.stderr.write(f"cni-infoblox-coordinator: {why}\n")
    return exit_code


def run(settings: Settings, on_crash_point: OnCrashPoint = no_crash) -> int:
    """The whole daemon. `on_crash_point` is called at the points of `coordinator.core.crash_points`."""
    release = own_release()
    metrics = Metrics(release, settings.cluster_name)
    with standard_error_that_never_waits(metrics.log_lines_lost.inc):
        return _serve(settings, release, metrics, on_crash_point)


def _serve(settings: Settings, release: str, metrics: Metrics, on_crash_point: OnCrashPoint) -> int:
    clock, user_agent = time.monotonic, f"cni-infoblox/{release}"
    logger = make_logger(settings.log_format, settings.log_level, cluster=settings.cluster_name)
    internal = InternalErrors(logger, lambda place: metrics.internal_errors.labels(place).inc(), clock)
    pair = load_pair(settings.key_path)
    authorized = _authorized(settings, logger)
    live_nodes = LiveNodesFile(settings.live_nodes, clock) if settings.live_nodes else None
    api_server = ApiServer(settings.kubernetes_api or "", settings.kubernetes_credentials, clock, user_agent)
    cluster = NodeWatch(api_server, clock, logger, internal) if settings.watch_cluster else None
    inbox: Inbox[Item] = Inbox()
    keeper = _keeper(settings, api_server, inbox, logger, internal)
    leadership = keeper.leadership if keeper else None
    machine = _machine(settings, release, pair, _liveness(cluster or live_nodes, leadership))
    bounds = Bounds(lambda bound: metrics.bounded.labels(bound).inc(), logger)
    context = _context()
    sockets = _sockets(context, settings, pair, bounds, clock)
    reviewer = Reviewer(KubernetesApi(api_server), settings.token_rules, inbox.put, clock, internal)
    recorder = _recorder(settings, api_server, logger, bounds, internal)
    heard = [metrics.count, *([recorder.noted] if recorder else [])]
    notes = Notes(heard, machine.recent, logger, clock, time.time)
    admission = _admission(settings, pair, authorized, clock)
    port = AgentsPort(sockets, admission, reviewer.review, notes.tell, clock, on_crash_point, internal)
    people = _admin_socket(settings, inbox, clock, logger, bounds)
    answer = people.answer if people else lambda _: None
    history = _history(settings, metrics, answer, clock, logger, internal)
    loop = Loop(machine, port, inbox, notes, clock, internal, answer, history)
    files = FileWatch(_watched(settings, inbox, logger, live_nodes), internal)
    wapi = Wapi(settings.grid, settings.read_password, clock, user_agent)
    caller = Caller(wapi, inbox.put, clock, on_crash_point, internal, leadership or AllRights())
    pages = _pages(loop, sockets.guard, wapi, cluster, leadership, metrics, clock)
    status = _status_server(settings, pages, bounds)
    inbox.hear({signal.SIGTERM: Stop(), signal.SIGINT: Stop(), signal.SIGHUP: PasswordChanged()})
    _warn(settings, authorized, logger)
    where = {"listen": sockets.router.endpoint, "status_port": status.port}
    notes.tell(Note("started", {"release": release, **where, "nodes": len(authorized)}))
    secret = _copied_secret(settings, api_server, inbox, logger)
    workers: dict[str, Worker] = {"caller": caller, "files": files, "reviewer": reviewer, "guard": sockets.guard}
    workers |= {**history.workers, **_there(secret=secret, cluster=cluster, lease=keeper, events=recorder)}
    is_healthy = run_beside(workers, [status, *([people] if people else [])], inbox, lambda: loop.run(caller))
    port.close()
    context.term()
    logger.info("stopped")
    if secret and secret.is_copied:
        return EXIT_BAD_SETTINGS
    return 0 if is_healthy else EXIT_FAILED


def _authorized(settings: Settings, logger: Logger) -> Authorized:
    """The nodes whose keys lie in the directory."""
    authorized = Authorized(settings.keys / "authorized", lambda text: logger.warning("bad_key_file", reason=text))
    authorized.reread()
    return authorized


def _context() -> zmq.Context[zmq.Socket[bytes]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 16)
    return context


def _there(**workers: Worker | None) -> dict[str, Worker]:
    """Those that the settings ask for."""
    return {name: worker for name, worker in workers.items() if worker}


def _machine(settings: Settings, release: str, pair: KeyPair, liveness: LivenessSource) -> Machine:
    policy = Policy(
        cluster_id=read_cluster_id(settings.cluster_id_path),
        cluster_name=settings.cluster_name,
        user=settings.wapi_username,
        rules=settings.rules,
        may_create_networks=settings.create_networks,
        former=settings.former_cluster_id,
        reserve=settings.reserve,
        allocations_max=settings.node_allocations_max,
        release_delay_s=settings.release_delay,
        node_gone_after_s=settings.node_gone_after,
        lookup_ttl_s=settings.lookup_ttl,
        release=release,
        names=settings.attribute_names,
        several=settings.several,
        has_one_leader=settings.has_one_leader,
        is_elected=settings.leader_elect,
        reservations_only=settings.reservations_only,
    )
    return Machine(
        policy,
        pair.secret,
        _draw,
        operations_max=settings.wapi_batch_size,
        sweep_interval_s=settings.sweep_interval,
        liveness=liveness,
    )


def _keeper(
    settings: Settings, server: ApiServer, inbox: Inbox[Item], logger: Logger, internal: InternalErrors
) -> LeaseKeeper | None:
    """Whoever takes part in the election; None where there is none."""
    if not settings.leader_elect:
        return None
    timings = settings.lease_timings
    identity = f"{_name()}_{token_hex(4)}"
    api = LeaseApi(server, settings.read_namespace(), settings.lease_name, timings.renew_s / 2)
    return LeaseKeeper(identity, timings, api, inbox.put, _since_boot_s, random, logger, internal)


def _name() -> str:
    """What people call this coordinator."""
    return os.environ.get(POD_VARIABLE) or gethostname()


def _history(
    settings: Settings,
    metrics: Metrics,
    answer: Callable[[AnswerCommand], None],
    clock: Callable[[], float],
    logger: Logger,
    internal: InternalErrors,
) -> History:
    def lost(place: str, count: int) -> None:
        metrics.history_lost.labels(place).inc(count)

    return History(settings, _name(), lost, answer, (clock, time.time), logger, internal)


def _recorder(
    settings: Settings, server: ApiServer, logger: Logger, bounds: Bounds, internal: InternalErrors
) -> Recorder | None:
    """Whoever writes Events; None where there is nobody to write them for."""
    if not settings.kubernetes_events:
        return None
    api = EventsApi(server, settings.read_namespace(), _name(), _draw)
    return Recorder(api, time.monotonic, time.time, logger, bounds, internal)


def _liveness(source: LivenessSource | None, leadership: Leadership | None) -> LivenessSource:
    if source is None:
        return NobodyTells()
    return LeadersLiveness(source, leadership.may_write_singly) if leadership else source


def _admission(settings: Settings, pair: KeyPair, authorized: Authorized, clock: Callable[[], float]) -> Admission:
    enrolment = Enrolment(Tickets(pair.secret), int(settings.ticket_lifetime * 1000), authorized)
    return Admission(authorized, enrolment, RateLimit() if settings.enrol_tokens else None, clock, _wall_ms)


def _pages(
    loop: Loop,
    guard: ConnectionGuard,
    wapi: Wapi,
    cluster: NodeWatch | None,
    leadership: Leadership | None,
    metrics: Metrics,
    clock: Callable[[], float],
) -> Pages:
    def status() -> CoordinatorStatus:
        kubernetes = cluster.status(clock()) if cluster else None
        told = loop.ask_status(kubernetes, leadership.status() if leadership else None)
        grid = told.grid.model_copy(update={"certificate_ends": wapi.certificate_ends})
        return told.model_copy(update={"grid": grid})

    return Pages(
        lambda: None,
        lambda: status().model_dump_json(indent=1).encode(),
        lambda: metrics.text(status(), guard.counts()),
        BrowserPage(lambda: render(status(), datetime.now(UTC)).encode(), POLICY),
    )


def _watched(
    settings: Settings, inbox: Inbox[Item], logger: Logger, live_nodes: LiveNodesFile | None
) -> dict[Path, Callable[[], None]]:
    def on_keys() -> None:
        try:
            inbox.put(KeysChanged(load_pair(settings.key_path)))
        except BadKey as bad:
            logger.warning("bad_key_file", reason=str(bad))

    watched = {settings.key_path: on_keys}
    if settings.wapi_password_file:
        watched[settings.wapi_password_file] = lambda: inbox.put(PasswordChanged())
    if settings.live_nodes and live_nodes:
        watched[settings.live_nodes] = live_nodes.reread
    return watched


def _admin_socket(
    settings: Settings, inbox: Inbox[Item], clock: Callable[[], float], logger: Logger, bounds: Bounds
) -> AdminSocket | None:
    """Where people's commands are answered; pods get their addresses without it too."""
    try:
        return AdminSocket(
            settings.operator_socket,
            lambda ticket, request: inbox.put(Asked(ticket, request, clock())),
            lambda ticket: inbox.put(Left(ticket, clock())),
            logger,
            bounds,
        )
    except NoAdminSocket as closed:
        logger.warning("no_operator_socket", reason=str(closed), remedy="people's commands cannot be used")
        return None


def _copied_secret(
    settings: Settings, server: ApiServer, inbox: Inbox[Item], logger: Logger
) -> CopiedSecret | None:
    """Whoever sees to it that this cluster's id is not used in another one; None where there is no Kubernetes."""
    uid = read_cluster_uid(settings.cluster_id_path.with_name(CLUSTER_UID_FILE))
    if uid is None or not (settings.enrol_tokens or settings.watch_cluster):
        return None
    return CopiedSecret(server, uid, lambda: inbox.put(Stop()), logger)


def _draw() -> str:
    return token_hex(6)


def _since_boot_s() -> float:
    """The time in which the machine was suspended counts: others go on meanwhile."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def _wall_ms() -> int:
    return time.time_ns() // 1_000_000


def _sockets(
    context: zmq.Context[zmq.Socket[bytes]],
    settings: Settings,
    pair: KeyPair,
    bounds: Bounds,
    clock: Callable[[], float],
) -> Sockets:
    """Where agents connect, with what closes connections that are too many."""
    zap = Zap(context, clock)
    try:
        listener = listen(HostPort.of_endpoint(settings.listen), BACKLOG)
    except OSError as error:
        raise OSError(f"--listen {settings.listen}: {error.strerror}") from None
    router = Router(context, listener, pair)
    book = ConnectionBook(Limits(in_all=descriptors.for_connections(descriptors.raise_limit())))
    guard = ConnectionGuard(router.socket, listener, book, bounds, clock)
    router.open()
    return Sockets(router, guard, zap)


def _status_server(settings: Settings, pages: Pages, bounds: Bounds) -> StatusServer:
    try:
        return StatusServer(settings.status_address, pages, bounds)
    except OSError as error:
        raise OSError(f"--status-listen {settings.status_listen}: {error.strerror}") from None


def _warn(settings: Settings, authorized: Authorized, logger: Logger) -> None:
    warn_of_unknown_variables(Settings, os.environ, logger)
    if settings.ssl_verify == "false":
        logger.warning("certificate_unverified", remedy="--ssl-verify FILE makes the grid prove who it is")
    if not (len(authorized) or settings.enrol_tokens):
        logger.warning("no_authorized_nodes", directory=str(settings.keys / "authorized"))


if __name__ == "__main__":
    sys.exit(main())
