"""The CURVE socket to the coordinator, with the monitor that tells why it is not connected."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from daemon.logs import Logger
from nodeagent.crash_points import OnCrashPoint
from nodeagent.domain.events import Connected, ConnectionLost, EndpointLookedUp, Event, Received
from nodeagent.link.credentials import Keys
from nodeagent.link.host_names import HostNames, LookedUp
from protocol.wire.codec import Unreadable, decode_to_agent, encode
from protocol.wire.messages import Allocated, Gone, Ping, ToCoordinator
from protocol.wire.values import MESSAGE_BYTES_MAX

CONNECT_MS: Final = 1_000
"""A coordinator whose machine is gone does not keep the agent from the next one."""
UNACKNOWLEDGED_MS: Final = 10_000
"""What the coordinator's machine has not acknowledged for so long shows that it is gone, or cut off: TCP's own
acknowledgements do not wait for a busy process. Heartbeats see to it that there is something to acknowledge."""
HEARTBEAT_MS: Final = 10_000
HEARTBEAT_TIMEOUT_MS: Final = 30_000
NEVER: Final = -1
QUEUED_MESSAGES_MAX: Final = 10_000
MESSAGES_PER_TURN: Final = 256
"""However much the coordinator has to say, plugins are heard in between."""

_WHY_LOST: Final[Mapping[int, str]] = {
    zmq.EVENT_CLOSED: "{endpoint} accepts no connection: is the coordinator running, the address right?",
    zmq.EVENT_HANDSHAKE_FAILED_AUTH: "{endpoint} refused this node's key: its public key is not in the "
    "coordinator's authorized directory",
    zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL: "{endpoint} hung up during the handshake: its key is another one than "
    "--coordinator-key says",
    zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL: "{endpoint} does not speak as a coordinator with CURVE does",
    zmq.EVENT_DISCONNECTED: "{endpoint} closed the connection",
}


class Dealer:
    """One DEALER at a time, connected to one of the endpoints with the `keys` of the moment.

    None connects twice: who is tried next, and when, is decided elsewhere.
    """

    def __init__(
        self,
        poller: zmq.Poller,
        endpoints: Sequence[str],
        keys: Callable[[], Keys],
        on_crash_point: OnCrashPoint,
        log: Logger,
    ) -> None:
        self._context = zmq.Context()
        self._poller = poller
        self._endpoints = endpoints
        self._keys = keys
        self._on_crash_point = on_crash_point
        self._log = log
        self._is_lost = False
        self._was_answered = False
        self._socket: zmq.Socket[bytes] | None = None
        self._monitor: zmq.Socket[bytes] | None = None
        self._shown = ""
        self._names = HostNames()
        self._poller.register(self._names.descriptor, zmq.POLLIN)

    def look_up(self, endpoint: int) -> None:
        """Find the addresses that the endpoint of this index has now; `collect` tells of them."""
        self._names.look_up(self._endpoints[endpoint])

    def renew(self, endpoint: int, address: str) -> None:
        """Throw the socket away, with all that it had not sent; connect a fresh one to this address."""
        self._close_sockets()
        self._is_lost = False
        name = self._endpoints[endpoint]
        self._shown = name if name == address else f"{name} ({address})"
        self._connect(address)

    def send(self, message: ToCoordinator) -> None:
        """Send, or drop what cannot leave: whatever has no answer is sent again on the next connection."""
        if self._socket is None:
            return
        self._step(message, "before")
        try:
            self._socket.send(encode(message), zmq.DONTWAIT)
        except zmq.Again:
            self._log.warning("message_not_sent", type=message.type, request=message.id)
            return
        self._step(message, "after")
        self._log.debug("message_sent", type=message.type, request=message.id)

    def collect(self, ready: Mapping[Any, int]) -> list[Event]:
        """What came in since the last call."""
        events: list[Event] = []
        if self._names.descriptor in ready:
            for looked_up in self._names.ended():
                events += self._looked_up(looked_up)
        if self._monitor in ready:
            events += self._monitored()
        if self._socket is not None and self._socket in ready:
            events += self._received(self._socket)
        return events

    def was_answered(self) -> bool:
        """Whether somebody was there since the last call, whatever became of it."""
        was_answered, self._was_answered = self._was_answered, False
        return was_answered

    def close(self) -> None:
        """Close everything; nothing is flushed."""
        self._close_sockets()
        self._context.destroy(linger=0)

    def _looked_up(self, found: LookedUp) -> list[Event]:
        numbers = [number for number, name in enumerate(self._endpoints) if name == found.endpoint]
        return [EndpointLookedUp(number, found.addresses, found.why) for number in numbers]

    def _connect(self, address: str) -> None:
        self._socket = self._new_socket()
        self._socket.setsockopt(zmq.IPV6, int("[" in address))
        self._monitor = self._socket.get_monitor_socket()
        self._poller.register(self._socket, zmq.POLLIN)
        self._poller.register(self._monitor, zmq.POLLIN)
        self._socket.connect(address)

    def _step(self, message: ToCoordinator, moment: str) -> None:
        if not isinstance(message, Ping):
            self._on_crash_point(f"wire:{message.type}:{moment}")

    def _new_socket(self) -> zmq.Socket[bytes]:
        socket: zmq.Socket[bytes] = self._context.socket(zmq.DEALER)
        for option, value in (
            (zmq.IMMEDIATE, 1),
            (zmq.LINGER, 0),
            (zmq.CONNECT_TIMEOUT, CONNECT_MS),
            (zmq.HANDSHAKE_IVL, 0),
            (zmq.TCP_MAXRT, UNACKNOWLEDGED_MS),
            (zmq.HEARTBEAT_IVL, HEARTBEAT_MS),
            (zmq.HEARTBEAT_TIMEOUT, HEARTBEAT_TIMEOUT_MS),
            (zmq.HEARTBEAT_TTL, HEARTBEAT_TIMEOUT_MS),
            (zmq.MAXMSGSIZE, MESSAGE_BYTES_MAX),
            (zmq.RECONNECT_IVL, NEVER),
            (zmq.SNDHWM, QUEUED_MESSAGES_MAX),
            (zmq.RCVHWM, QUEUED_MESSAGES_MAX),
        ):
            socket.setsockopt(option, value)
        keys = self._keys()
        socket.curve_serverkey = keys.coordinator
        socket.curve_publickey = keys.own.public
        socket.curve_secretkey = keys.own.secret
        return socket

    def _close_sockets(self) -> None:
        if self._socket is None or self._monitor is None:
            return
        self._poller.unregister(self._socket)
        self._poller.unregister(self._monitor)
        self._socket.disable_monitor()
        self._monitor.close(linger=0)
        self._socket.close(linger=0)
        self._socket = self._monitor = None

    def _received(self, socket: zmq.Socket[bytes]) -> list[Event]:
        events: list[Event] = []
        for _ in range(MESSAGES_PER_TURN):
            try:
                data = socket.recv(zmq.DONTWAIT)
            except zmq.Again:
                break
            try:
                message = decode_to_agent(data)
            except Unreadable as error:
                self._log.warning("message_unreadable", why=str(error))
                continue
            if isinstance(message, Allocated | Gone):
                self._on_crash_point(f"wire:{message.type}:received")
            self._log.debug("message_received", type=message.type, request=message.id)
            events.append(Received(message))
        return events

    def _monitored(self) -> list[Event]:
        events: list[Event] = []
        while self._monitor is not None:
            try:
                seen = parse_monitor_message(self._monitor.recv_multipart(zmq.DONTWAIT))
            except zmq.Again:
                break
            event = self._event_of(int(seen["event"]))
            if event:
                events.append(event)
        return events

    def _event_of(self, kind: int) -> Event | None:
        self._was_answered |= kind != zmq.EVENT_CLOSED and (kind in _WHY_LOST or kind == zmq.EVENT_CONNECTED)
        if kind == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return Connected()
        if self._is_lost or kind not in _WHY_LOST:
            return None
        self._is_lost = True
        return ConnectionLost(_WHY_LOST[kind].format(endpoint=self._shown))
