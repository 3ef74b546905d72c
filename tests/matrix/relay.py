"""A way between two daemons that can be closed, cut or silenced."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Final

_CHUNK_BYTES: Final = 65536


class Relay:
    """Listens on a free port of loopback and passes on to the port that `target` names when a connection comes."""

    def __init__(self, target: Callable[[], int]) -> None:
        self._target = target
        self._passes = threading.Event()
        self._passes.set()
        self._connections: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Take connections, and pass on what they say."""
        if self._listener is None:
            self._listener = socket.create_server(("127.0.0.1", self.port))
            self.port = self._listener.getsockname()[1]
            threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        self._passes.set()

    def silence(self) -> None:
        """Connections stay and new ones are taken, but nothing passes any more."""
        self._passes.clear()

    def cut(self) -> None:
        """End the connections that there are."""
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Refuse connections, and end those that there are."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._listener = None
        self._passes.set()
        self.cut()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                near, _ = listener.accept()
            except OSError:
                return
            try:
                far = socket.create_connection(("127.0.0.1", self._target()))
            except OSError:
                near.close()
                continue
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        self._connections.add(source)
        with suppress(OSError), source:
            while chunk := source.recv(_CHUNK_BYTES):
                self._passes.wait()
                sink.sendall(chunk)
        self._connections.discard(source)
        with suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
