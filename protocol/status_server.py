"""The HTTP port on which a daemon tells people and probes how it is.

Serves `/healthz`, `/readyz`, `/status` (JSON) and `/metrics` (Prometheus text) from functions that it is
given. They run on this server's threads: what they return must be an immutable snapshot.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Pages:
    """What the port serves: `ready` gives the reason for not being ready, or None."""

    ready: Callable[[], str | None]
    status: Callable[[], Mapping[str, Any]]
    metrics: Callable[[], bytes]


class StatusServer:
    """Listens on construction (raises OSError), answers after `start`."""

    def __init__(self, host: str, port: int, pages: Pages) -> None:
        self._server = _Server((host, port), _Handler)
        self._server.pages = pages
        self._thread = threading.Thread(target=self._server.serve_forever, name="status", daemon=True)

    @property
    def port(self) -> int:
        """The port in use, of interest when 0 was asked for."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve from a thread of its own until `stop`."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving and close the port."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    pages: Pages


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    timeout = 5

    def do_GET(self) -> None:
        pages = self.server.pages
        if self.path == "/healthz":
            self._send(200, "text/plain", b"ok\n")
        elif self.path == "/readyz":
            reason = pages.ready()
            self._send(200 if reason is None else 503, "text/plain", f"{reason or 'ok'}\n".encode())
        elif self.path == "/status":
            self._send(200, "application/json", json.dumps(pages.status(), indent=1).encode() + b"\n")
        elif self.path == "/metrics":
            self._send(200, "text/plain; version=0.0.4", pages.metrics())
        else:
            self._send(404, "text/plain", b"/healthz /readyz /status /metrics\n")

    def _send(self, code: int, content_type: str, body: bytes) -> None:
        self.send_response(code)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base class's name
        """Probes every few seconds are not worth a log line."""
