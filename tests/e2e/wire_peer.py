"""Somebody with a key of the test's own who speaks to the coordinator as agents do, or as they do not."""

from __future__ import annotations

import zmq

from demo.cluster import Cluster
from protocol.keys import KeyPair, load_public
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_node
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Claims, Hello, Orphans, Probe, Welcome, Whose

MACHINE = "2" * 8
JOURNAL = "5" * 8


class Peer:
    """A DEALER of the test's own. `owner` is what its ids are called by, once it was greeted."""

    def __init__(self, cluster: Cluster, pair: KeyPair, node: str = "node-2") -> None:
        self.node = node
        self.owner: Owner | None = None
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._cluster = cluster
        self._pair = pair
        self.connect()

    def connect(self) -> None:
        """A fresh connection, which stays away once it is cut off."""
        self.socket = self._context.socket(zmq.DEALER)
        self.socket.linger = 0
        self.socket.reconnect_ivl = -1
        self.socket.curve_publickey, self.socket.curve_secretkey = self._pair.public, self._pair.secret
        self.socket.curve_serverkey = load_public(self._cluster.keys / "node-1" / "coordinator.key")
        self._monitor = self.socket.get_monitor_socket(zmq.EVENT_DISCONNECTED)
        self.socket.connect(self._cluster.endpoint)

    def is_cut_off(self, timeout_ms: int = 20_000) -> bool:
        """Whether the coordinator has closed the connection, waited for; the socket is of no use any more."""
        is_cut_off = bool(self._monitor.poll(timeout_ms))
        self._close_socket()
        return is_cut_off

    def greet(self, boot_id: str = "") -> object:
        """Say hello, and answer the welcome, which is returned; anything else is returned as it is.

        `boot_id` is the running kernel's, where it is empty. Nothing is claimed.
        """
        boot_id = boot_id or own_boot_id()
        answer = self.answer(hello(boot_id, self.node))
        if isinstance(answer, Welcome):
            self.owner = Owner(
                answer.cluster,
                hash_node(self.node),
                MACHINE,
                hash_boot(boot_id),
                hash_driver("infoblox"),
                JOURNAL,
            )
            self.socket.send(encode(Claims(id="claims", welcome=answer.number, page=0, last=True)))
        return answer

    def draw(self, random: str) -> str:
        """An id of this journal; `random` has 12 hexadecimal digits."""
        assert self.owner
        return str(self.owner.draw(random))

    def answer(self, payload: bytes, timeout_ms: int = 10_000) -> object:
        """The answer to a payload, without what the coordinator says by itself; None for silence."""
        self.socket.send(payload)
        while self.socket.poll(timeout_ms):
            message = decode_to_agent(self.socket.recv())
            if not isinstance(message, Orphans | Probe | Whose):
                return message
        return None

    def close(self) -> None:
        self._close_socket()
        self._context.term()

    def _close_socket(self) -> None:
        if self.socket.closed:
            return
        self.socket.disable_monitor()
        self._monitor.close()
        self.socket.close()


def hello(boot_id: str, node: str = "node-2") -> bytes:
    boot = hash_boot(boot_id)
    return encode(Hello(id="hello", node=node, machine=MACHINE, boot=boot, driver="infoblox", journal=JOURNAL))


def own_boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
