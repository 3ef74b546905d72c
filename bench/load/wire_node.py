"""A node as the coordinator sees it: a CURVE connection that speaks the agents' protocol, without pods."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import zmq

from protocol.family import Family
from protocol.keys import KeyPair, generate, write_public
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_machine, hash_node
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Allocate, Claims, Hello, HelloFirst, LetGo, ToAgent, Welcome
from protocol.wire.values import Label, LetGoRow, NetworkAsk, Want

BUDGET_MS: Final = 60_000
IFNAME: Final = "eth0"
NETWORK_NAME: Final = "pods"
DRIVER: Final = "infoblox"
MESSAGES_MAX: Final = 10_000
RECONNECT_MS: Final = 100
RECONNECT_MS_MAX: Final = 5_000
HANDSHAKE_MS: Final = 30_000
UNBOUNDED: Final = ("--node-allocations-max", "65536")
"""For a coordinator whose few nodes stand for many."""


class WireNode:
    """Says hello, asks for addresses, lets them go. It has no journal, and repeats nothing by itself."""

    def __init__(self, context: zmq.Context[Any], name: str, pair: KeyPair, coordinator: bytes) -> None:
        self.name = name
        self._journal = secrets.token_hex(4)
        self._owner: Owner | None = None
        self._ids: dict[str, str] = {}
        """The allocation of each container."""
        self.socket: zmq.Socket[bytes] = context.socket(zmq.DEALER)
        for option, value in (
            (zmq.IMMEDIATE, 1),
            (zmq.LINGER, 0),
            (zmq.HANDSHAKE_IVL, HANDSHAKE_MS),
            (zmq.RECONNECT_IVL, RECONNECT_MS),
            (zmq.RECONNECT_IVL_MAX, RECONNECT_MS_MAX),
            (zmq.SNDHWM, MESSAGES_MAX),
            (zmq.RCVHWM, MESSAGES_MAX),
        ):
            self.socket.setsockopt(option, value)
        self.socket.curve_publickey, self.socket.curve_secretkey = pair.public, pair.secret
        self.socket.curve_serverkey = coordinator

    def hello(self) -> None:
        """Of a node that has just booted."""
        hello = Hello(
            id=f"hello-{self.name}",
            node=self.name,
            machine=hash_machine(self.name),
            boot=hash_boot("boot"),
            driver=DRIVER,
            journal=self._journal,
        )
        self.socket.send(encode(hello))

    def allocate(self, container: str, subnet: str) -> None:
        """Ask for the address of a container, under an id of its own."""
        assert self._owner, "not welcome yet"
        self._ids[container] = str(self._owner.draw(secrets.token_hex(6)))
        message = Allocate(
            id=container,
            wants=[Want(allocation=self._ids[container], network=NetworkAsk(name=NETWORK_NAME, subnet=subnet))],
            budget_ms=BUDGET_MS,
            label=Label(
                container_id=container,
                ifname=IFNAME,
                pod=container,
                pod_namespace="bench",
                pod_uid=f"uid-{container}",
            ),
        )
        self.socket.send(encode(message))

    def let_go(self, container: str) -> None:
        """A container's pod has ended."""
        row = LetGoRow(allocation=self._ids[container], family=Family.IPV4, age_ms=0, was_held=True)
        self.socket.send(encode(LetGo(id=container, allocations=[row])))

    def hear(self) -> Iterator[ToAgent]:
        """What has come in. A welcome is answered: this node claims nothing."""
        while True:
            try:
                message = decode_to_agent(self.socket.recv(zmq.DONTWAIT))
            except zmq.Again:
                return
            if isinstance(message, Welcome):
                self._welcomed(message)
            yield message

    def _welcomed(self, welcome: Welcome) -> None:
        self._owner = Owner(
            cluster=welcome.cluster,
            node=hash_node(self.name),
            machine=hash_machine(self.name),
            boot=hash_boot("boot"),
            driver=hash_driver(DRIVER),
            journal=self._journal,
        )
        self.socket.send(encode(Claims(id=f"claims-{self.name}", welcome=welcome.number, page=0, last=True)))


def authorize(keys: Path, names: Sequence[str]) -> dict[str, KeyPair]:
    """Key pairs for nodes, of which the coordinator with this directory of keys knows the public halves."""
    authorized = keys / "coordinator" / "authorized"
    authorized.mkdir(mode=0o700, parents=True, exist_ok=True)
    pairs = {name: generate() for name in names}
    for name, pair in pairs.items():
        write_public(authorized, name, pair.public)
    return pairs


def hear_until_welcome(nodes: Sequence[WireNode], patience_ms: int) -> None:
    """Wait until each node's hello is answered. Raises TimeoutError."""
    for node in nodes:
        if not node.socket.poll(patience_ms):
            raise TimeoutError(f"the coordinator did not welcome {node.name}")
        if any(isinstance(message, HelloFirst) for message in node.hear()):
            node.hello()
