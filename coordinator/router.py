"""The socket on which agents speak, with the identity of each message's sender taken from its key."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from coordinator.zap import ZAP_DOMAIN
from protocol.codec import MESSAGE_BYTES_MAX
from protocol.keys import KeyPair

MESSAGES_AT_ONCE_MAX: Final = 1000
_HEARTBEAT_MS: Final = 10_000
_SILENCE_MS: Final = 30_000
HANDSHAKE_MS: Final = 5_000
"""After this time a connection that has not shown a key is closed."""
_FAREWELL_MS: Final = 500
_REBIND_TRIES: Final = 400
_REBIND_PAUSE_S: Final = 0.005


@dataclass(frozen=True)
class Incoming:
    """One message as it came: on which connection, from whose key (Z85)."""

    connection: bytes
    key: bytes
    payload: bytes


class Router:
    """A ROUTER with CURVE. Without a running ZAP handler it lets nobody in."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], endpoint: str, pair: KeyPair) -> None:
        self.socket = socket = context.socket(zmq.ROUTER)
        socket.curve_server = True
        self._use(pair)
        socket.zap_domain = ZAP_DOMAIN
        socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        socket.setsockopt(zmq.IPV6, int("[" in endpoint or "*" in endpoint))
        socket.setsockopt(zmq.BACKLOG, 4096)
        socket.setsockopt(zmq.LINGER, 0)
        socket.setsockopt(zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX)
        socket.setsockopt(zmq.HANDSHAKE_IVL, HANDSHAKE_MS)
        socket.setsockopt(zmq.HEARTBEAT_IVL, _HEARTBEAT_MS)
        socket.setsockopt(zmq.HEARTBEAT_TIMEOUT, _SILENCE_MS)
        socket.setsockopt(zmq.HEARTBEAT_TTL, _SILENCE_MS)
        self.monitor = socket.get_monitor_socket(zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED)
        self._open: set[int] = set()
        socket.bind(endpoint)

    @property
    def endpoint(self) -> str:
        """The address in use, of interest when port 0 was asked for."""
        return self.socket.getsockopt_string(zmq.LAST_ENDPOINT)

    def count_connections(self) -> int:
        """How many peers are connected. Reads what the monitor has told meanwhile."""
        while True:
            try:
                frames = self.monitor.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return len(self._open)
            event = parse_monitor_message(frames)
            if event["event"] == zmq.EVENT_ACCEPTED:
                self._open.add(event["value"])
            else:
                self._open.discard(event["value"])

    def rekey(self, pair: KeyPair) -> bool:
        """Listen with another key pair, which ends every connection; False when it is the same.

        Raises `zmq.ZMQError` when the port is lost.
        """
        if pair == self._pair:
            return False
        endpoint = self.endpoint
        self.socket.unbind(endpoint)
        self._use(pair)
        self._open.clear()
        for _ in range(_REBIND_TRIES):
            # The port is free when libzmq's own thread has closed the old listener, some milliseconds later.
            with suppress(zmq.ZMQError):
                self.socket.bind(endpoint)
                return True
            time.sleep(_REBIND_PAUSE_S)
        self.socket.bind(endpoint)
        return True

    def receive(self) -> Iterator[Incoming]:
        """What waits, up to a bound, so that nobody else has to wait for one busy sender."""
        for _ in range(MESSAGES_AT_ONCE_MAX):
            try:
                frames = self.socket.recv_multipart(zmq.NOBLOCK, copy=False)
            except zmq.Again:
                return
            if len(frames) == 2:
                key = str(frames[1].get("User-Id")).encode("ascii")
                yield Incoming(frames[0].bytes, key, frames[1].bytes)

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
        self.socket.disable_monitor()
        self.monitor.close(linger=0)
        self.socket.close(linger=_FAREWELL_MS)

    def _use(self, pair: KeyPair) -> None:
        self._pair = pair
        self.socket.curve_publickey = pair.public
        self.socket.curve_secretkey = pair.secret
