"""The command `cni-infoblox-coordinator`: wires settings, keys, machines and drivers."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version

import zmq

from coordinator.assignment import Policy
from coordinator.caller import Caller
from coordinator.desk import Desk
from coordinator.front import Front, Item, PasswordChanged, Sockets, Stop
from coordinator.metrics import Metrics
from coordinator.ownership import Owner
from coordinator.password import PasswordWatch
from coordinator.router import Router
from coordinator.settings import Settings, read_settings
from coordinator.steps import OnStep, no_step
from coordinator.wapi import Wapi
from coordinator.zap import Authorized, Zap
from protocol.inbox import Inbox
from protocol.keys import BadKey, KeyPair, load_pair
from protocol.logs import Logger, make_logger
from protocol.settings import BadSettings
from protocol.status_server import Pages, StatusServer

EXIT_BAD_SETTINGS = 2


def main(argv: Sequence[str] | None = None) -> int:
    """Run until SIGTERM. Returns the exit code: 0, 2 for bad configuration, 1 for anything else."""
    try:
        settings = read_settings(argv)
        settings.read_password()
        return run(settings)
    except (BadSettings, BadKey) as bad:
        print(f"cni-infoblox-coordinator: {bad}", file=sys.stderr)  # noqa: T201
        return EXIT_BAD_SETTINGS
    except (OSError, zmq.ZMQError) as error:
        print(f"cni-infoblox-coordinator: {error}", file=sys.stderr)  # noqa: T201
        return 1


def run(settings: Settings, on_step: OnStep = no_step) -> int:
    """The whole daemon. `on_step` is called at the steps of `coordinator.steps`."""
    clock = time.monotonic
    release = version("cni-infoblox")
    logger = make_logger(settings.log_format, settings.log_level, cluster=settings.cluster_name)
    pair = load_pair(settings.keys / "coordinator.key_secret")
    authorized = Authorized(settings.keys / "authorized", lambda text: logger.warning("bad_key_file", reason=text))
    authorized.reread()

    policy = Policy(
        owner=Owner(settings.cluster_name),
        user=settings.wapi_username,
        rules=settings.rules,
        may_create_networks=settings.create_networks,
        release_delay_s=settings.release_delay,
    )
    desk = Desk(policy, settings.wapi_batch_size, settings.lookup_ttl, release, clock())
    metrics = Metrics(release, settings.cluster_name)
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    context.set(zmq.MAX_SOCKETS, 16)
    zap = Zap(context, authorized)
    router = _bind(context, settings, pair)
    inbox: Inbox[Item] = Inbox()
    front = Front(desk, Sockets(router, zap, authorized), inbox, metrics, logger, clock, on_step)
    password = PasswordWatch(settings.wapi_password_file, lambda: inbox.put(PasswordChanged()))
    caller = Caller(Wapi(settings.grid, settings.read_password), inbox.put, clock, on_step)
    status = StatusServer(
        *settings.status_address,
        Pages(
            ready=lambda: None,
            status=front.ask_snapshot,
            metrics=lambda: metrics.text(front.ask_snapshot()),
        ),
    )
    _on_signals(inbox)
    _warn(settings, authorized, logger)
    logger.info("started", release=release, listen=router.endpoint, status_port=status.port, nodes=len(authorized))

    threads = [_start("caller", caller.run, inbox), _start("password", password.run, inbox)]
    status.start()
    front.run(caller)
    is_healthy = all(thread.is_alive() for thread in threads)
    status.stop()
    caller.stop()
    password.stop()
    for thread in threads:
        thread.join(timeout=5)
    router.close()
    zap.close()
    context.term()
    logger.info("stopped")
    return 0 if is_healthy else 1


def _bind(context: zmq.Context[zmq.Socket[bytes]], settings: Settings, pair: KeyPair) -> Router:
    try:
        return Router(context, settings.listen, pair)
    except zmq.ZMQError as error:
        raise OSError(f"--listen {settings.listen}: {error.strerror}") from None


def _start(name: str, body: Callable[[], None], inbox: Inbox[Item]) -> threading.Thread:
    """A thread whose end, for whatever reason, ends the process."""

    def run_then_stop() -> None:
        try:
            body()
        finally:
            inbox.put(Stop())

    thread = threading.Thread(target=run_then_stop, name=name, daemon=True)
    thread.start()
    return thread


def _on_signals(inbox: Inbox[Item]) -> None:
    signal.signal(signal.SIGTERM, lambda *_: inbox.put(Stop()))
    signal.signal(signal.SIGINT, lambda *_: inbox.put(Stop()))
    signal.signal(signal.SIGHUP, lambda *_: inbox.put(PasswordChanged()))


def _warn(settings: Settings, authorized: Authorized, logger: Logger) -> None:
    if settings.ssl_verify == "false":
        logger.warning("certificate_unverified", remedy="--ssl-verify FILE makes the grid prove who it is")
    if not Owner(settings.cluster_name).may_release_by_listing:
        logger.warning(
            "default_cluster_name",
            remedy="--cluster-name must differ between clusters; under the default nothing is released by listing",
        )
    if not len(authorized):
        logger.warning("no_authorized_nodes", directory=str(settings.keys / "authorized"))


if __name__ == "__main__":
    sys.exit(main())
