"""Somebody with a key of the test's own who speaks to the coordinator as agents do, or as they do not."""

from __future__ import annotations

import zmq

from demo.cluster import Cluster
from protocol.codec import decode_to_agent, encode
from protocol.keys import KeyPair, load_public
from protocol.messages import Hello


class Peer:
    """A DEALER of the test's own."""

    def __init__(self, cluster: Cluster, pair: KeyPair) -> None:
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

    def answer(self, payload: bytes, timeout_ms: int = 10_000) -> object:
        """The answer to a payload; None for silence."""
        self.socket.send(payload)
        return decode_to_agent(self.socket.recv()) if self.socket.poll(timeout_ms) else None

    def close(self) -> None:
        self._close_socket()
        self._context.term()

    def _close_socket(self) -> None:
        if self.socket.closed:
            return
        self.socket.disable_monitor()
        self._monitor.close()
        self.socket.close()


def hello(boot_id: str) -> bytes:
    return encode(Hello(id="hello", boot_id=boot_id, journal_id="j2", page=0, last=True, holdings=[]))


def own_boot_id() -> str:
    with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as file:
        return file.read().strip()
