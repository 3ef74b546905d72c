"""The HTTP port on which a daemon tells people and probes how it is.

Serves `/healthz`, `/readyz`, `/status` (JSON), `/metrics` (Prometheus text) and, where there is one, a page for
people's browsers at `/`, from functions that it is given. They run on this server's threads: what they return must
be an immutable snapshot.

Whoever can connect may be hostile. Few requests are served at once, and each is over within seconds. While all
places are taken, a newcomer gets the place of the peer that has been waited for longest.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from daemon import descriptors
from daemon.bounds import Bounds
from daemon.listener import listen
from protocol.host_port import HostPort

REQUESTS_MAX: Final = 16
"""Most requests at once, a thread for each."""

REQUEST_S: Final = 5.0
"""How long reading a whole request may take, and as long again the taking of its answer."""

REQUEST_BYTES_MAX: Final = 8 * 1024

BOUND: Final = "status_requests"
"""The name under which it is counted that a request had to make way, or was too slow or too long."""

_BACKLOG: Final = 64
_STATUS_LINES: Final = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"} | {
    431: "Request Header Fields Too Large",
    503: "Service Unavailable",
}


@dataclass(frozen=True)
class BrowserPage:
    """A page for people's browsers: `html` gives it, `policy` is its Content-Security-Policy."""

    html: Callable[[], bytes]
    policy: str


@dataclass(frozen=True)
class Pages:
    """What the port serves: `ready` gives the reason for not being ready, or None; `status` gives JSON."""

    ready: Callable[[], str | None]
    status: Callable[[], bytes]
    metrics: Callable[[], bytes]
    browser: BrowserPage | None = None


@dataclass(frozen=True)
class _Answer:
    code: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def as_bytes(self) -> bytes:
        headers = {
            "Content-Type": self.content_type,
            "Content-Length": str(len(self.body)),
            "X-Content-Type-Options": "nosniff",
            "Cache-Control": "no-store",
            **self.headers,
            "Connection": "close",
        }
        lines = [f"HTTP/1.0 {self.code} {_STATUS_LINES[self.code]}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode("ascii") + self.body


class _TooLong(Exception):
    """The head of a request has no end within `REQUEST_BYTES_MAX`."""


class StatusServer:
    """Listens on construction (raises OSError), answers after `start`."""

    def __init__(self, at: HostPort, pages: Pages, bounds: Bounds) -> None:
        self._listener = listen(at, _BACKLOG)
        self._pages = pages
        self._bounds = bounds
        self._places = threading.Semaphore(REQUESTS_MAX)
        self._lock = threading.Lock()
        self._slow: dict[socket.socket, None] = {}
        """The connections that wait for their peer, in the order in which they began to."""
        self._is_stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="status", daemon=True)

    @property
    def port(self) -> int:
        """The port in use, of interest when 0 was asked for."""
        return int(self._listener.getsockname()[1])

    def start(self) -> None:
        """Serve from a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._is_stopped.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        if self._thread.is_alive():
            self._thread.join()
        self._listener.close()

    def _run(self) -> None:
        while not self._is_stopped.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError as error:
                if descriptors.is_shortage(error):
                    self._bounds.reached(descriptors.BOUND, port="status", reason=error.strerror)
                    self._is_stopped.wait(descriptors.ACCEPT_PAUSE_S)
                continue
            self._make_room()
            threading.Thread(target=self._serve, args=(sock,), name="status-request", daemon=True).start()

    def _make_room(self) -> None:
        """Take a place; where all are taken, from the one whose peer is waited for longest."""
        while not self._places.acquire(blocking=False):
            with self._lock:
                slowest = next(iter(self._slow), None)
                if slowest:
                    self._bounds.reached(BOUND, reason="too many requests at once")
                    self._cut(slowest)
            if self._places.acquire(timeout=REQUEST_S):
                return

    def _cut(self, sock: socket.socket) -> None:
        del self._slow[sock]
        with suppress(OSError):
            sock.shutdown(socket.SHUT_RDWR)

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock, suppress(OSError):
                self._exchange(sock)
        finally:
            self._places.release()

    def _exchange(self, sock: socket.socket) -> None:
        try:
            with self._waiting(sock):
                request = _read_head(sock)
            if not request:
                return
            answer = self._answer(request)
        except _TooLong:
            self._bounds.reached(BOUND, reason=f"a request of more than {REQUEST_BYTES_MAX} bytes")
            answer = _text(431, "the request is too long")
        except TimeoutError:
            self._bounds.reached(BOUND, reason=f"a request was not there within {REQUEST_S:.0f} s")
            return
        sock.settimeout(REQUEST_S)
        with self._waiting(sock):
            sock.sendall(answer.as_bytes())

    @contextmanager
    def _waiting(self, sock: socket.socket) -> Iterator[None]:
        """Meanwhile the connection may be cut off for a newcomer."""
        with self._lock:
            self._slow[sock] = None
        try:
            yield
        finally:
            with self._lock:
                self._slow.pop(sock, None)

    def _answer(self, request: bytes) -> _Answer:
        words = request.split(b"\r\n", 1)[0].split()
        if len(words) < 2:
            return _text(400, "no HTTP request")
        if words[0] != b"GET":
            return _text(405, "only GET is served")
        try:
            return self._page(words[1].decode("ascii", "replace"))
        except TimeoutError as error:
            return _text(503, str(error))

    def _page(self, path: str) -> _Answer:
        if path == "/healthz":
            return _text(200, "ok")
        if path == "/readyz":
            reason = self._pages.ready()
            return _text(200 if reason is None else 503, reason or "ok")
        if path == "/status":
            return _Answer(200, "application/json", self._pages.status() + b"\n")
        if path == "/metrics":
            return _Answer(200, "text/plain; version=0.0.4", self._pages.metrics())
        if path == "/" and (browser := self._pages.browser):
            policy = {"Content-Security-Policy": browser.policy, "Referrer-Policy": "no-referrer"}
            return _Answer(200, "text/html; charset=utf-8", browser.html(), policy)
        return _text(404, "/healthz /readyz /status /metrics")


def _read_head(sock: socket.socket) -> bytes:
    """A request up to its empty line; empty when the peer has gone. Raises `_TooLong`, TimeoutError, OSError."""
    until_s = time.monotonic() + REQUEST_S
    head = b""
    while b"\r\n\r\n" not in head:
        if len(head) > REQUEST_BYTES_MAX:
            raise _TooLong
        sock.settimeout(max(0.001, until_s - time.monotonic()))
        piece = sock.recv(REQUEST_BYTES_MAX)
        if not piece:
            return b""
        head += piece
    return head


def _text(code: int, text: str) -> _Answer:
    return _Answer(code, "text/plain", f"{text}\n".encode())
