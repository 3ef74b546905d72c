"""Plays the container runtime of a node that is itself a container: starts pods and ends them when it is told to.

Orders come through a Unix socket in a directory that the node shares with whoever gives them, so that nothing
listens on the network.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing.connection import Client, Connection, Listener
from pathlib import Path
from typing import Any, Final

from demo.cluster import Pod
from demo.cni import Invocation, Outcome, execute

ORDERS: Final = Path("/run/pods")
PLUGINS: Final = ("/opt/cni/bin", "/usr/lib/cni")
AT_ONCE: Final = 16


class ThisNode:
    """The node in whose network this process lives."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.cni_path = ":".join(PLUGINS)

    def runtime(self, kind: str, invocation: Invocation, config: Mapping[str, Any]) -> Outcome:
        """Execute a main plugin."""
        return execute([os.path.join(PLUGINS[1], kind)], invocation, config)


@dataclass(frozen=True)
class Order:
    """What to do with which pod: `add`, `delete`, or `reach`, which pings an address from it."""

    verb: str
    namespace: str
    name: str
    container_id: str
    config: Mapping[str, Any]
    address: str = ""


def give(directory: Path, node: str, order: Order) -> Outcome:
    """Have a node's runtime carry out an order. Raises OSError or EOFError where there is none."""
    with Client(str(directory / f"{node}.sock"), "AF_UNIX") as connection:
        connection.send_bytes(json.dumps(asdict(order)).encode())
        answer = json.loads(connection.recv_bytes())
    return Outcome(answer["exit_code"], answer["stdout"].encode(), answer["stderr"].encode())


def carry_out(node: ThisNode, order: Order) -> Outcome:
    """Do it; the exit code of `reach` is that of a ping."""
    pod = Pod(node, order.name, order.config, order.namespace, order.container_id)
    match order.verb:
        case "add":
            return pod.add()
        case "delete":
            return pod.delete()
        case "reach":
            return Outcome(0 if pod.can_reach(order.address) else 1, b"")
        case verb:
            return Outcome(1, b"", f"no such order: {verb}".encode())


def main() -> None:
    """Serve until SIGTERM."""
    node = ThisNode(os.uname().nodename)
    path = ORDERS / f"{node.name}.sock"
    path.unlink(missing_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    os.umask(0o077)
    with Listener(str(path), "AF_UNIX", backlog=AT_ONCE) as listener, ThreadPoolExecutor(AT_ONCE) as pool:
        sys.stdout.write(f"{node.name} starts pods\n")
        while True:
            pool.submit(_serve, node, listener.accept())


def _serve(node: ThisNode, connection: Connection) -> None:
    with connection:
        outcome = _outcome(node, connection.recv_bytes())
        texts = {"stdout": outcome.stdout.decode(), "stderr": outcome.stderr.decode()}
        connection.send_bytes(json.dumps({"exit_code": outcome.exit_code, **texts}).encode())


def _outcome(node: ThisNode, message: bytes) -> Outcome:
    try:
        return carry_out(node, Order(**json.loads(message)))
    except Exception as error:  # noqa: BLE001, whoever gave the order is told, and the next one is served
        return Outcome(1, b"", f"{type(error).__name__}: {error}".encode())


if __name__ == "__main__":
    main()
