"""A node as the coordinator sees it: a CURVE connection that speaks the agents' protocol, without pods."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

import zmq

from protocol.codec import decode_to_agent, encode
from protocol.keys import KeyPair, generate, write_public
from protocol.messages import (
    Allocate,
    Attachment,
    Hello,
    HelloFirst,
    NetworkAsk,
    Pod,
    Release,
    ReleaseReason,
    ToAgent,
)

BUDGET_MS: Final = 60_000
IFNAME: Final = "eth0"
MESSAGES_MAX: Final = 10_000
RECONNECT_MS: Final = 100
RECONNECT_MS_MAX: Final = 5_000
HANDSHAKE_MS: Final = 30_000


class WireNode:
    """Says hello, asks for addresses, gives them back. It has no journal, and repeats nothing by itself."""

    def __init__(self, context: zmq.Context[Any], name: str, pair: KeyPair, coordinator: bytes) -> None:
        self.name = name
        self._seq = 0
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
        """Of a node that has just booted and holds nothing."""
        hello = Hello(
            id=f"hello-{self.name}", boot_id="boot", journal_id=self.name, page=0, last=True, holdings=[]
        )
        self.socket.send(encode(hello))

    def allocate(self, container: str, subnet: str, attempt: int = 1, waited_ms: int = 0) -> None:
        """Ask for the address of a container, or ask again after `waited_ms`."""
        self._seq += 1
        network = NetworkAsk(name="pods", subnet=subnet)
        pod = Pod(name=container, namespace="bench", uid=f"uid-{container}")
        self.socket.send(
            encode(Allocate(network=network, pod=pod, **self._request(container, attempt, waited_ms)))
        )

    def release(self, container: str, subnet: str) -> None:
        """Give a container's address back."""
        self._seq += 1
        self.socket.send(
            encode(Release(reason=ReleaseReason.DEL, subnet=subnet, **self._request(container, 1, 0)))
        )

    def hear(self) -> Iterator[ToAgent]:
        """What has come in."""
        while True:
            try:
                yield decode_to_agent(self.socket.recv(zmq.DONTWAIT))
            except zmq.Again:
                return

    def _request(self, container: str, attempt: int, waited_ms: int) -> dict[str, Any]:
        return {
            "id": container,
            "attachment": Attachment(container_id=container, ifname=IFNAME),
            "seq": self._seq,
            "journal_id": self.name,
            "attempt": attempt,
            "first_sent_ms_ago": waited_ms,
            "budget_ms": BUDGET_MS,
        }


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
