"""The transport of HTTP exchanges over TLS."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import sys
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from gridsim.http.exchange import CUT, HttpReply, HttpRequest

_HANDSHAKE_S = 10.0
_IDLE_S = 300.0

Answer = Callable[[HttpRequest], HttpReply]


class TlsServer(ThreadingHTTPServer):
    """Listens for TLS connections, hands each request to `answer`, sends what that returns."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 256

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, answer: Answer) -> None:
        self.answer = answer
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self._context = context
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(address, Handler)

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The handshake belongs to the connection's own thread: a slow client must not stop the listener.
        secured = self._context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
        with self._open_lock:
            self._open.add(secured)
        return secured, address

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def cut_all(self) -> None:
        """Close every open connection."""
        with self._open_lock:
            left = list(self._open)
        for connection in left:
            _cut(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing about clients that hang up, which happens all the time; show everything else."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "Apache"
    sys_version = ""

    def version_string(self) -> str:
        """Return what the Server header says."""
        return self.server_version

    # Headers with body leave in one segment, so that Nagle plus delayed acknowledgements cannot stall a reply.
    wbufsize = -1
    server: TlsServer
    connection: ssl.SSLSocket

    def setup(self) -> None:
        self.request.settimeout(_HANDSHAKE_S)
        self.request.do_handshake()
        self.request.settimeout(_IDLE_S)
        super().setup()

    def handle(self) -> None:
        with contextlib.suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            super().finish()

    def __getattr__(self, name: str) -> Any:
        # The base class looks for a method per HTTP verb; all verbs are handled alike.
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def _exchange(self) -> None:
        received_s = time.monotonic()
        path, _, query = self.path.partition("?")
        request = HttpRequest(
            method=self.command,
            path=path,
            query=query,
            body=self._body(),
            content_type=self.headers.get("Content-Type") or "",
            client=str(self.client_address[0]),
            user_agent=self.headers.get("User-Agent") or "",
            authorization=self.headers.get("Authorization"),
            cookies=self.headers.get("Cookie"),
            client_gone=self._client_gone,
            received_s=received_s,
        )
        self._send(self.server.answer(request))

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            return self._chunked_body()
        size = self.headers.get("Content-Length") or "0"
        return self.rfile.read(int(size) if size.isdigit() else 0)

    def _chunked_body(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _send(self, reply: HttpReply) -> None:
        if reply.status == CUT:
            self.close_connection = True
            _cut(self.connection)
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)
        self.wfile.flush()
        # Unannounced, as a server whose keep-alive has run out does it.
        self.close_connection = self.close_connection or reply.closes

    def _client_gone(self) -> bool:
        try:
            return bool(select.select([self.connection], [], [], 0)[0])
        except (OSError, ValueError):
            return True

    def log_message(self, *_: Any) -> None:
        """Say nothing: the record of calls is the log."""


def _cut(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
