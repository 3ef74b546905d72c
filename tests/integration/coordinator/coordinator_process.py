"""The coordinator's process beside a simulated grid, and peers that speak protocol 2 to it as agents do."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from secrets import token_hex
from typing import Any, TypeVar

import requests
import zmq

from demo.daemons import Daemon
from demo.grid import PASSWORD, SimulatedGrid
from protocol.cluster_id import CLUSTER_ID_FILE
from protocol.keys import KeyPair, generate, write_pair, write_public
from protocol.wire import messages, values
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_machine, hash_node
from protocol.wire.codec import decode_to_agent, encode

CLUSTER_ID = "c0ffee000000"
SUBNET = "10.55.0.0/24"
PATIENCE_MS = 20_000
COORDINATOR = (sys.executable, "-m", "coordinator")

M = TypeVar("M", bound=messages.Message)


class Site:
    """A grid, keys of nodes, and a coordinator that may be stopped, killed and started anew on the same port."""

    def __init__(self, directory: Path, nodes: Sequence[str] = ("node-1", "node-2"), *grid_flags: str) -> None:
        self.directory = directory
        self.keys = directory / "keys"
        (self.keys / "authorized").mkdir(mode=0o700, parents=True)
        self.pair = generate()
        write_pair(self.keys, "coordinator", self.pair)
        self.cluster_id_file.write_text(f"{CLUSTER_ID}\n")
        self.node_pairs: dict[str, KeyPair] = {}
        for node in nodes:
            self.authorize(node)
        self.grid = SimulatedGrid(directory / "grid", *grid_flags)
        self.coordinator: Daemon | None = None
        self._port = 0
        self._status_port = 0
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._peers: list[Peer] = []

    @property
    def cluster_id_file(self) -> Path:
        return self.keys / CLUSTER_ID_FILE

    def authorize(self, node: str) -> None:
        self.node_pairs[node] = generate()
        write_public(self.keys / "authorized", node, self.node_pairs[node].public)

    def rekey(self) -> None:
        """Give the coordinator another key pair while it runs."""
        self.pair = generate()
        for name in ("coordinator.key", "coordinator.key_secret"):
            (self.keys / name).unlink()
        write_pair(self.keys, "coordinator", self.pair)

    def launch(self, *flags: str, launcher: Sequence[str] = COORDINATOR) -> Daemon:
        """Start the coordinator without waiting for it."""
        argv = [
            *launcher,
            *(
                "--grid-host",
                "127.0.0.1",
                "--wapi-port",
                str(self.grid.port),
                "--ssl-verify",
                self.grid.certificate,
            ),
            *("--wapi-username", "admin", "--keys", str(self.keys), "--cluster-name", "demo"),
            *("--listen", f"tcp://127.0.0.1:{self._port}", "--status-listen", f"127.0.0.1:{self._status_port}"),
            *("--operator-socket", str(self.directory / "coordinator.sock")),
            *("--log-format", "json", "--log-level", "debug", "--release-delay", "0", *flags),
        ]
        environment = {"WAPI_PASSWORD": PASSWORD}
        self.coordinator = Daemon(argv, environment, self.directory / f"coordinator-{token_hex(3)}.log")
        return self.coordinator

    def start(self, *flags: str, launcher: Sequence[str] = COORDINATOR) -> Daemon:
        """Start the coordinator, wait until it listens and has read the grid."""
        daemon = self.launch(*flags, launcher=launcher)
        said = daemon.wait_for("started")
        self._port = int(said["listen"].rpartition(":")[2])
        self._status_port = int(said["status_port"])
        daemon.wait_for("listed")
        return daemon

    def peer(self, node: str = "node-1", pair: KeyPair | None = None, **who: str) -> Peer:
        """An agent of this node, not yet greeted."""
        endpoint = f"tcp://127.0.0.1:{self._port}"
        peer = Peer(self._context, endpoint, pair or self.node_pairs[node], self.pair.public, node, **who)
        self._peers.append(peer)
        return peer

    def page(self, name: str) -> requests.Response:
        """What the status port says."""
        return requests.get(f"http://127.0.0.1:{self._status_port}/{name}", timeout=10)

    def held(self) -> dict[str, str]:
        """The grid's allocations: address by id."""
        return {
            found["extattrs"]["Allocation ID"]["value"]: found["ipv4addr"]
            for found in self.grid.objects()
            if "Allocation ID" in found.get("extattrs", {})
        }

    def close(self) -> None:
        for peer in self._peers:
            peer.close()
        self._context.term()
        if self.coordinator:
            self.coordinator.kill()
        self.grid.stop()


class Peer:
    """A DEALER with a node's key, and with a journal of the test's own."""

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        pair: KeyPair,
        server: bytes,
        node: str,
        *,
        machine: str = "serial-1",
        boot: str = "boot-1",
        journal: str = "5" * 8,
    ) -> None:
        self.node = node
        self.owner = Owner(
            CLUSTER_ID, hash_node(node), hash_machine(machine), hash_boot(boot), hash_driver("infoblox"), journal
        )
        self.socket = context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.curve_publickey, self.socket.curve_secretkey = pair.public, pair.secret
        self.socket.curve_serverkey = server
        self.socket.connect(endpoint)
        self._heard: list[messages.Message] = []

    def send(self, message: messages.Message) -> None:
        self.socket.send(encode(message))

    def receive(self, kind: type[M], matching: Callable[[M], bool] = lambda message: True) -> M:
        """The next message of this kind, waited for; others are kept."""
        for message in self._heard:
            if isinstance(message, kind) and matching(message):
                self._heard.remove(message)
                return message
        while self.socket.poll(PATIENCE_MS):
            message = decode_to_agent(self.socket.recv())
            if isinstance(message, kind) and matching(message):
                return message
            self._heard.append(message)
        raise AssertionError(f"no {kind.__name__}; heard {self._heard}")

    def keep(self, message: messages.Message) -> None:
        """It was heard by somebody else, and is still to be received."""
        self._heard.append(message)

    def hello(self) -> None:
        self.send(
            messages.Hello(
                id=f"hello-{token_hex(3)}",
                node=self.node,
                machine=self.owner.machine,
                boot=self.owner.boot,
                driver="infoblox",
                journal=self.owner.journal,
            )
        )

    def greeted(
        self, *, claims: Sequence[values.ClaimRow] = (), let_go: Sequence[values.LetGoRow] = ()
    ) -> messages.Welcome:
        """Say hello; the welcome, which is answered."""
        self.hello()
        welcome = self.receive(messages.Welcome)
        page = {"page": 0, "last": True, "claims": list(claims), "let_go": list(let_go)}
        self.send(messages.Claims(id=f"claims-{token_hex(3)}", welcome=welcome.number, **page))
        return welcome

    def draw(self) -> str:
        return str(self.owner.draw(token_hex(6)))

    def ask(self, label: values.Label | None = None, **changes: Any) -> str:
        """Ask for an address; the id that was drawn for it."""
        allocation = self.draw()
        network = values.NetworkAsk(name="pods", subnet=SUBNET, **changes)
        ask = messages.Allocate(
            id=f"ask-{allocation[-12:]}",
            wants=[values.Want(allocation=allocation, network=network)],
            budget_ms=50_000,
            label=label,
        )
        self.send(ask)
        return allocation

    def allocated(self, label: values.Label | None = None) -> messages.Allocated:
        """Ask for an address; what is told."""
        allocation = self.ask(label)
        return self.receive(messages.Allocated, lambda told: told.allocation == allocation)

    def let_go(self, *allocations: str) -> None:
        rows = [values.LetGoRow(allocation=each, family=4, age_ms=0, was_held=True) for each in allocations]
        self.send(messages.LetGo(id=f"let-go-{token_hex(3)}", allocations=rows))

    def close(self) -> None:
        self.socket.close()


def claim(told: messages.Allocated) -> values.ClaimRow:
    """The row by which a journal claims what it was told."""
    return values.ClaimRow(
        allocation=told.allocation,
        view=told.view,
        subnet=told.subnet,
        network_name="pods",
        address=told.address,
        state=values.State.HELD,
        seal=told.seal,
    )
