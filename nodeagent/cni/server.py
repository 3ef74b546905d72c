"""Serves the plugin's connections on the Unix socket."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import zmq

from daemon import descriptors
from daemon.bounds import Bounds
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger
from nodeagent.cni.connection import PeerGone, PluginConnection, Stage
from nodeagent.cni.frame import BadFrame, Frame
from nodeagent.cni.socket_path import CREDENTIALS, SocketPath
from nodeagent.domain.events import Delivered, HungUp

CONNECTIONS_MAX: Final = 2048
"""Beyond these, connections wait in the kernel's backlog."""
DESCRIPTORS_EACH: Final = 2
"""A connection, and the namespace that came with its request."""
ACCEPTS_PER_TURN: Final = 64
FRAME_S: Final = 5.0
"""How long a plugin may take to deliver its request, or to take its answer."""


@dataclass(frozen=True)
class Arrived:
    """A request is complete."""

    caller: int
    frame: Frame
    netns: int | None


@dataclass(frozen=True)
class Garbled:
    """What arrived is no request."""

    caller: int
    error: BadFrame


ServerEvent = Arrived | Garbled | HungUp | Delivered


class UnixServer:
    """All connections of the plugin; a caller is the number of one connection."""

    def __init__(
        self,
        poller: zmq.Poller,
        socket_path: SocketPath,
        connections_max: int,
        bounds: Bounds,
        log: Logger,
        internal: InternalErrors,
    ) -> None:
        self._internal = internal
        self._poller = poller
        self._socket_path = socket_path
        self._connections_max = connections_max
        self._bounds = bounds
        self._log = log
        self._accepts_again_s = 0.0
        self._listener: socket.socket | None = None
        self._is_polled = False
        self._by_descriptor: dict[int, PluginConnection] = {}
        self._by_caller: dict[int, PluginConnection] = {}
        self._last_caller = 0
        self._allowed_uids = {0, os.getuid()}

    @property
    def is_open(self) -> bool:
        """Whether new connections are accepted."""
        return self._listener is not None

    def count(self) -> int:
        """How many connections there are."""
        return len(self._by_caller)

    def open(self, now_s: float) -> None:
        """Accept connections from now on. Raises `PathTaken`."""
        self._listener = self._socket_path.listen()
        self._poll_listener(now_s)

    def bind_anew(self, now_s: float) -> bool:
        """Listen at the path again where it leads elsewhere by now; whether that was so.

        Raises `PathTaken`, `PathRemoved`; the old socket stays open then.
        """
        if self._listener is None or self._socket_path.is_bound():
            return False
        self._socket_path.take()
        listener = self._socket_path.listen()
        self._accept(now_s, self._connections_max)
        self._close_listener(self._listener)
        self._listener = listener
        self._poll_listener(now_s)
        return True

    def close(self, now_s: float) -> None:
        """Accept what has already knocked, nothing after that."""
        if self._listener is None:
            return
        self._socket_path.leave()
        self._accept(now_s, self._connections_max)
        self._close_listener(self._listener)
        self._listener = None

    def _close_listener(self, listener: socket.socket) -> None:
        if self._is_polled:
            self._poller.unregister(listener.fileno())
            self._is_polled = False
        listener.close()

    def next_caller(self) -> int:
        """A number that no connection has, for a request that comes another way."""
        self._last_caller += 1
        return self._last_caller

    def is_reading(self, caller: int) -> bool:
        """Whether this caller was answered a moment ago, and is at work with that."""
        connection = self._by_caller.get(caller)
        return connection is not None and connection.stage in (Stage.WRITING, Stage.DRAINING)

    def take_descriptor(self, caller: int) -> int | None:
        """The descriptor that came with this caller's request; closing it is now the taker's task."""
        connection = self._by_caller.get(caller)
        return connection.take_descriptor() if connection else None

    def answer(self, caller: int, data: bytes, now_s: float) -> list[ServerEvent]:
        """Answer a caller, who may be gone."""
        connection = self._by_caller.get(caller)
        if connection is None:
            return [HungUp(caller)]
        try:
            connection.answer(data, now_s)
        except PeerGone:
            return [self._hang_up(connection, now_s)]
        self._poll(connection)
        return []

    def collect(self, ready: Mapping[Any, int], now_s: float) -> list[ServerEvent]:
        """What came in since the last call."""
        events: list[ServerEvent] = []
        if self._listener is not None and self._listener.fileno() in ready:
            for admitted in self._accept(now_s, ACCEPTS_PER_TURN):
                events += self._serve(admitted, now_s)  # a plugin sends at once: its request is mostly there
        for descriptor in ready:
            connection = self._by_descriptor.get(descriptor) if isinstance(descriptor, int) else None
            if connection:
                events += self._serve(connection, now_s)
        return events

    def ticked(self, now_s: float) -> list[ServerEvent]:
        """Close the connections that take too long."""
        events: list[ServerEvent] = []
        self._poll_listener(now_s)
        for connection in list(self._by_caller.values()):
            if connection.stage is Stage.SERVING or now_s - connection.since_s < FRAME_S:
                continue
            if connection.stage is Stage.READING:
                self._log.warning("plugin_too_slow", caller=connection.caller)
                self._drop(connection, now_s)
            elif connection.stage is Stage.WRITING:
                events.append(self._hang_up(connection, now_s))
            else:
                self._drop(connection, now_s)
                events.append(Delivered(connection.caller))
        return events

    def _accept(self, now_s: float, accepts_max: int) -> list[PluginConnection]:
        admitted: list[PluginConnection] = []
        for _ in range(accepts_max):
            if self._listener is None or len(self._by_caller) >= self._connections_max:
                break
            try:
                sock, _ = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                self._accepts_again_s = now_s + descriptors.ACCEPT_PAUSE_S
                self._bounds.reached(descriptors.BOUND, port="plugin socket", reason=error.strerror)
                break
            admitted += self._admit(sock, now_s)
        self._poll_listener(now_s)
        return admitted

    def _admit(self, sock: socket.socket, now_s: float) -> list[PluginConnection]:
        sock.settimeout(0)
        credentials = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
        _, uid, _ = CREDENTIALS.unpack(credentials)
        if uid not in self._allowed_uids:
            self._log.warning("peer_refused", uid=uid)
            sock.close()
            return []
        connection = PluginConnection(sock, self.next_caller(), now_s)
        self._by_caller[connection.caller] = connection
        self._by_descriptor[sock.fileno()] = connection
        self._poll(connection)
        return [connection]

    def _serve(self, connection: PluginConnection, now_s: float) -> list[ServerEvent]:
        try:
            if connection.stage is Stage.WRITING:
                connection.write()
                self._poll(connection)
            elif connection.stage is Stage.DRAINING:
                if connection.drain():
                    self._drop(connection, now_s)
                    return [Delivered(connection.caller)]
            else:
                frame = connection.read()
                if frame is not None:
                    connection.stage = Stage.SERVING
                    return [Arrived(connection.caller, frame, connection.netns)]
        except BadFrame as error:
            connection.stage = Stage.SERVING
            return [Garbled(connection.caller, error)]
        except PeerGone:
            return [self._hang_up(connection, now_s)]
        except Exception as error:  # noqa: BLE001, whatever came with this connection ends with it
            self._internal.tell("plugin's connection", error)
            return [self._hang_up(connection, now_s)]
        return []

    def _poll(self, connection: PluginConnection) -> None:
        wanted = zmq.POLLOUT if connection.stage is Stage.WRITING else zmq.POLLIN
        self._poller.register(connection.sock.fileno(), wanted)

    def _poll_listener(self, now_s: float) -> None:
        if self._listener is None:
            return
        wanted = len(self._by_caller) < self._connections_max and now_s >= self._accepts_again_s
        if wanted and not self._is_polled:
            self._poller.register(self._listener.fileno(), zmq.POLLIN)
        elif self._is_polled and not wanted:
            self._poller.unregister(self._listener.fileno())
        self._is_polled = wanted

    def _hang_up(self, connection: PluginConnection, now_s: float) -> HungUp:
        self._drop(connection, now_s)
        return HungUp(connection.caller)

    def _drop(self, connection: PluginConnection, now_s: float) -> None:
        descriptor = connection.sock.fileno()
        self._poller.unregister(descriptor)
        del self._by_descriptor[descriptor]
        del self._by_caller[connection.caller]
        connection.close()
        self._poll_listener(now_s)
