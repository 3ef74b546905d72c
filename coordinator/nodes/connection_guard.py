"""Closes the agents' connections that have to go, of which libzmq's own thread accepts any number.

The monitor tells which descriptors were accepted, the kernel how many bytes were sent on each. A thread of its own
reads both, so that a busy coordinator is guarded too. Where no descriptor is left, libzmq would try to accept for
ever, at once: the guard then turns away whoever waits.
"""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

import zmq
from zmq.utils.monitor import parse_monitor_message

from coordinator.nodes.connection_book import Closing, ConnectionBook, Peer
from daemon import descriptors
from daemon.bounds import Bounds
from protocol.host_port import as_one_family

_EVENTS: Final = zmq.EVENT_ACCEPTED | zmq.EVENT_DISCONNECTED | zmq.EVENT_ACCEPT_FAILED | zmq.EVENT_MONITOR_STOPPED
EVENTS_AT_ONCE_MAX: Final = 256
LOOK_S: Final = 0.5
"""How often it is looked how far connections have come that have shown no key."""

TURNED_AWAY_MAX: Final = 4096
"""As many as the kernel keeps waiting."""

_TCP_INFO: Final = struct.Struct("=128xQ64xQ")
"""`tcpi_bytes_received` and `tcpi_bytes_sent` in struct tcp_info (Linux 4.19)."""


class ConnectionGuard:
    """Watches the connections that the socket accepts at its listener. Any thread may call its methods."""

    def __init__(
        self,
        watched: zmq.Socket[bytes],
        listener: socket.socket,
        book: ConnectionBook,
        bounds: Bounds,
        clock: Callable[[], float],
    ) -> None:
        self._watched = watched
        self._monitor = watched.get_monitor_socket(_EVENTS)
        self._listener = listener
        self._book = book
        self._bounds = bounds
        self._clock = clock
        self._lock = threading.Lock()
        self._probe = _Probe(listener)
        self._spare: int | None = _open_null()

    def run(self) -> None:
        """Watch until the monitor is stopped."""
        is_over, look_at_s = False, 0.0
        while not is_over:
            self._monitor.poll(int(LOOK_S * 1000))
            events, now_s = list(self._take_events()), self._clock()
            kinds = {kind for kind, _ in events}
            with self._lock:
                for kind, value in events:
                    self._take(kind, value, now_s)
                if now_s >= look_at_s or self._book.is_crowded:
                    look_at_s = now_s + LOOK_S
                    self._look(now_s)
                    self._close(self._book.excess(now_s))
                if zmq.EVENT_ACCEPT_FAILED in kinds:
                    self._free_descriptors()
            is_over = zmq.EVENT_MONITOR_STOPPED in kinds
        self._monitor.close(linger=0)

    def stop(self) -> None:
        """Let `run` end; called by the thread that owns the monitored socket."""
        self._watched.disable_monitor()

    def counts(self) -> Mapping[str, int]:
        """How many connections there are of each standing."""
        with self._lock:
            return self._book.counts()

    def heard(self, routing_id: bytes, descriptor: int, address: str, node: str | None) -> None:
        """A message came on this connection; `node` is None where its key is unknown."""
        if self._book.has_met(routing_id, node):
            return
        with self._lock:
            closings = self._book.heard(routing_id, descriptor, address, node)
            if not self._book.has_met(routing_id, node):
                # Its message was read before the monitor's word of it, which comes through another thread.
                self._meet(descriptor, address)
                closings = self._book.heard(routing_id, descriptor, address, node)
            self._close(closings)

    def misread(self, routing_id: bytes) -> None:
        """A message of this connection could not be read, though its id could be."""
        with self._lock:
            self._close(self._book.misread(routing_id))

    def condemn(self, routing_id: bytes, bound: str) -> None:
        """Close a connection that was heard, for the bound of this name; read nothing more of it."""
        with self._lock:
            self._close(self._book.condemn(routing_id, bound))

    def is_condemned(self, routing_id: bytes) -> bool:
        """Whether what this connection has said is not to be read."""
        return self._book.is_condemned(routing_id)

    def forget_all(self) -> None:
        """All connections were ended at once."""
        with self._lock:
            self._book.clear()

    def _take_events(self) -> Iterator[tuple[int, int]]:
        for _ in range(EVENTS_AT_ONCE_MAX):
            try:
                event = parse_monitor_message(self._monitor.recv_multipart(zmq.NOBLOCK))
            except zmq.Again:
                return
            yield event["event"], event["value"]

    def _take(self, kind: int, value: int, now_s: float) -> None:
        if kind == zmq.EVENT_DISCONNECTED:
            self._book.ended(value)
        elif kind == zmq.EVENT_ACCEPTED:
            with self._probe.at(value) as accepted:
                if accepted:
                    self._book.accepted(value, accepted.peer, now_s)

    def _meet(self, descriptor: int, address: str) -> None:
        with self._probe.at(descriptor) as accepted:
            if accepted and accepted.peer[0] == address:
                self._book.accepted(descriptor, accepted.peer, self._clock())

    def _look(self, now_s: float) -> None:
        """See how far the connections have come that have shown no key yet."""
        for descriptor, peer in self._book.keyless():
            with self._probe.at(descriptor) as accepted:
                if accepted and accepted.peer == peer:
                    sent, received = _traffic(accepted.sock)
                    self._book.progressed(descriptor, sent, received, now_s)

    def _close(self, closings: Iterable[Closing]) -> None:
        for closing in closings:
            self._bounds.reached(closing.bound, address=closing.peer[0])
            with self._probe.at(closing.descriptor) as accepted:
                if accepted and accepted.peer == closing.peer:
                    with suppress(OSError):
                        accepted.sock.shutdown(socket.SHUT_RDWR)

    def _free_descriptors(self) -> None:
        self._bounds.reached(descriptors.BOUND, port="agents")
        closings = self._book.without_key()
        self._close(closings)
        if not closings:
            self._turn_away()

    def _turn_away(self) -> None:
        """Accept and close whoever waits, by a descriptor that is kept for this."""
        if self._spare is not None:
            os.close(self._spare)
        with suppress(OSError):
            for _ in range(TURNED_AWAY_MAX):
                sock, _ = self._listener.accept()
                sock.close()
        self._spare = None
        with suppress(OSError):
            self._spare = _open_null()


@dataclass(frozen=True)
class _Accepted:
    sock: socket.socket
    peer: Peer


class _Probe:
    """Takes hold of a descriptor of libzmq's for a moment, without one more: libzmq may close it at any time."""

    def __init__(self, listener: socket.socket) -> None:
        self._own_port = listener.getsockname()[1]
        self._null = _open_null()
        self._held = os.dup(self._null)
        self._family = listener.family

    @contextmanager
    def at(self, descriptor: int) -> Iterator[_Accepted | None]:
        """The connection of this descriptor; None where it is no connection of an agent any more."""
        try:
            os.dup2(descriptor, self._held, inheritable=False)
        except OSError:
            yield None
            return
        sock = socket.socket(self._family, socket.SOCK_STREAM, 0, fileno=self._held)
        try:
            yield self._accepted(sock)
        finally:
            sock.detach()
            # What is held here would stay open when libzmq closes it.
            os.dup2(self._null, self._held, inheritable=False)

    def _accepted(self, sock: socket.socket) -> _Accepted | None:
        try:
            peer, own = sock.getpeername(), sock.getsockname()
        except OSError:
            return None
        return _Accepted(sock, (as_one_family(peer[0]), peer[1])) if own[1:2] == (self._own_port,) else None


def _traffic(sock: socket.socket) -> tuple[int, int]:
    """How many bytes were sent and received; where the kernel does not tell, as if the handshake were done."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO.size)
    if len(info) < _TCP_INFO.size:
        return sys.maxsize, 0
    received, sent = _TCP_INFO.unpack(info)
    return sent, received


def _open_null() -> int:
    return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
