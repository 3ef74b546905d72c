"""The socket on which agents speak, with the identity of each message's sender taken from its key."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from socket import AF_INET6
from typing import Final

import zmq

from coordinator.nodes.zap import ZAP_DOMAIN
from protocol.host_port import HostPort, as_one_family
from protocol.keys import KeyPair
from protocol.wire.values import MESSAGE_BYTES_MAX

MESSAGES_AT_ONCE_MAX: Final = 1000
BYTES_AT_ONCE_MAX: Final = 256 * 1024
"""Of what waits, so much is read before the rest of the coordinator has its turn; libzmq takes senders in turn."""

QUEUED_MAX: Final = 64
"""Most messages of one connection that wait to be read; what is beyond waits at its sender."""

_HEARTBEAT_MS: Final = 10_000
_SILENCE_MS: Final = 30_000
HANDSHAKE_MS: Final = 30_000
"""As long as handshakes may wait for this machine after a restart; who is silent meanwhile the guard closes."""
_FAREWELL_MS: Final = 500
BACKLOG: Final = 4096


@dataclass(frozen=True)
class Incoming:
    """One message as it came: on which connection, from whose key (Z85), by which descriptor and address."""

    connection: bytes
    key: bytes
    payload: bytes
    descriptor: int
    address: str


class Router:
    """A ROUTER with CURVE. Without a running ZAP handler it lets nobody in.

    `listener` is lent to libzmq, so that the port stays when the keys change. Nobody is let in before `open`.
    """

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], listener: socket.socket, pair: KeyPair) -> None:
        self.listener = listener
        listener.settimeout(0)
        self.socket = socket = context.socket(zmq.ROUTER)
        socket.curve_server = True
        self._use(pair)
        socket.zap_domain = ZAP_DOMAIN
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.IPV6, self.listener.family == AF_INET6)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
        socket.setsockopt(zmq.RCVHWM, QUEUED_MAX)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
        socket.setsockopt(zmq.HEARTBEAT_TTL, _SILENCE_MS)

    @property
    def endpoint(self) -> str:
        """The address in use, of interest when port 0 was asked for."""
        host, port = self.listener.getsockname()[:2]
        return HostPort(str(host), int(port)).endpoint

    def rekey(self, pair: KeyPair) -> bool:
        """Listen with another key pair, which ends every connection; False when it is the same."""
        if pair == self._pair:
            return False
        self.socket.unbind(self.socket.getsockopt_string(zmq.LAST_ENDPOINT))
        self._use(pair)
        self.open()
        return True

    def receive(self) -> Iterator[Incoming]:
        """What waits, up to a bound, so that nobody else has to wait for one busy sender."""
        messages = received_bytes = 0
        while messages < MESSAGES_AT_ONCE_MAX and received_bytes < BYTES_AT_ONCE_MAX:
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            messages += 1
            received_bytes += sum(len(frame) for frame in frames)
            if len(frames) == 2:
                yield _incoming(*frames)

    def send(self, connection: bytes, payload: bytes) -> bool:
        """Send at once; False when the connection is gone, or does not take in what it gets."""
        try:
            self.socket.send_multipart([connection, payload], zmq.NOBLOCK)
        except zmq.ZMQError as error:
            if error.errno in (zmq.EHOSTUNREACH, zmq.EAGAIN):
                return False
            raise
        return True

    def close(self) -> None:
        """Give the last answers half a second to leave."""
        self.socket.close(linger=_FAREWELL_MS)
        self.listener.close()

    def open(self) -> None:
        """Let agents in from now on."""
        self.socket.setsockopt(zmq.USE_FD, os.dup(self.listener.fileno()))
        self.socket.bind(self.endpoint)

    def _use(self, pair: KeyPair) -> None:
        self._pair = pair
        self.socket.curve_publickey = pair.public
        self.socket.curve_secretkey = pair.secret


def _incoming(routing: zmq.Frame, payload: zmq.Frame) -> Incoming:
    return Incoming(
        connection=routing.bytes,
        key=str(payload.get("User-Id")).encode("ascii"),
        payload=payload.bytes,
        descriptor=int(payload.get(zmq.SRCFD)),
        address=as_one_family(str(payload.get("Peer-Address"))),
    )
