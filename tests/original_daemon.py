"""What the original's daemon says to whoever connects: Go's net/rpc over HTTP on a Unix socket."""

from __future__ import annotations

import socketserver
import threading
from pathlib import Path


class _Greeter(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        if self.request.recv(100).startswith(b"CONNECT /_goRPC_ HTTP/1.0"):
            self.request.sendall(b"HTTP/1.0 200 Connected to Go RPC\n\n")


class OriginalDaemon:
    """Serves a socket as a context manager; its directory is made."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = socketserver.ThreadingUnixStreamServer(str(path), _Greeter)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> OriginalDaemon:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
