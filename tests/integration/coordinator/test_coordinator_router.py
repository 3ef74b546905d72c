"""The coordinator's socket reads its senders in turn, a bounded part of what waits at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
import zmq

from coordinator.nodes.router import BACKLOG, BYTES_AT_ONCE_MAX, Incoming, Router
from coordinator.nodes.zap import Zap
from daemon.listener import listen
from protocol.host_port import HostPort
from protocol.keys import generate
from protocol.wire.codec import MESSAGE_BYTES_MAX

PATIENCE_MS = 20_000
PAYLOAD = bytes(MESSAGE_BYTES_MAX - 64)  # CURVE adds some


class Port:
    """A router that lets everybody in."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self.context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self.pair = generate()
        self._senders: list[zmq.Socket[bytes]] = []
        self._zap = Zap(self.context, time.monotonic)
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._admit)
        self._thread.start()
        self.router = Router(self.context, listen(HostPort(host, 0), BACKLOG), self.pair)
        self.router.open()

    def connect(self, host: str = "127.0.0.1") -> zmq.Socket[bytes]:
        sock = self.context.socket(zmq.DEALER)
        self._senders.append(sock)
        sock.linger = 0
        pair = generate()
        sock.curve_publickey, sock.curve_secretkey, sock.curve_serverkey = (
            pair.public,
            pair.secret,
            self.pair.public,
        )
        port = HostPort.of_endpoint(self.router.endpoint).port
        sock.ipv6 = ":" in host
        sock.connect(HostPort(host, port).endpoint)
        return sock

    def turn(self) -> list[Incoming]:
        """What one turn reads, once there is something."""
        assert self.router.socket.poll(PATIENCE_MS)
        return list(self.router.receive())

    def close(self) -> None:
        self._is_over.set()
        self._thread.join()
        self.router.close()
        self._zap.close()
        for sender in self._senders:
            sender.close()
        self.context.term()

    def _admit(self) -> None:
        while not self._is_over.is_set():
            if self._zap.socket.poll(10):
                self._zap.answer_all(lambda key, asked_at_s: True, lambda key, address: None)


@pytest.fixture
def port() -> Iterator[Port]:
    opened = Port()
    yield opened
    opened.close()


def test_a_turn_reads_a_bounded_number_of_bytes(port: Port) -> None:
    sender = port.connect()
    for _ in range(40):
        sender.send(PAYLOAD)
    read = len(port.turn())
    time.sleep(0.5)  # nothing tells how many wait without reading them
    while read < 40:
        turn = port.turn()
        assert sum(len(each.payload) for each in turn) <= BYTES_AT_ONCE_MAX + len(PAYLOAD)
        read += len(turn)


def test_a_busy_sender_keeps_no_other_waiting(port: Port) -> None:
    busy, other = port.connect(), port.connect()
    for _ in range(200):
        busy.send(PAYLOAD)
    first = port.turn()
    assert all(each.payload == PAYLOAD for each in first)
    other.send(b"hello")
    while other.get(zmq.EVENTS) & zmq.POLLOUT == 0:
        continue
    turns = 0
    while b"hello" not in [each.payload for each in port.turn()]:
        turns += 1
    # libzmq's own thread may need a moment to hand it over; two hundred of the other are fifty turns.
    assert turns < 40


def test_a_message_tells_where_it_came_from(port: Port) -> None:
    port.connect().send(b"hello")
    (incoming,) = port.turn()
    assert incoming.address == "127.0.0.1"
    assert incoming.descriptor > 2


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_a_port_at_all_addresses_knows_each_peer_by_its_own_family(host: str) -> None:
    port = Port("*")
    try:
        port.connect(host).send(b"hello")
        (incoming,) = port.turn()
        assert incoming.address == host
    finally:
        port.close()


def test_the_port_stays_while_the_keys_change(port: Port) -> None:
    before = port.router.endpoint
    port.pair = generate()
    assert port.router.rekey(port.pair)
    assert not port.router.rekey(port.pair)
    assert port.router.endpoint == before
    port.connect().send(b"hello")
    assert [each.payload for each in port.turn()] == [b"hello"]
