"""A TLS server that answers in place of a grid, as slowly as it is told."""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Final

from gridsim.http.certificate import ensure_certificate

SILENCE_S: Final = 0.2
HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
BODY: Final = b"[" + b" " * 98 + b"]"


class SlowGrid:
    """Answers each connection once: what is `quick` at once, the rest in bytes that lie less than SILENCE_S apart.

    The whole takes many times as long as a reply may.
    """

    def __init__(
        self, folder: Path, quick: bytes, slow: bytes, *, host: str = "127.0.0.1", days: float = 1.0
    ) -> None:
        self.certificate, key = ensure_certificate(folder, [], timedelta(days=days))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server((host, 0))
        self.port = self._listener.getsockname()[1]
        self._quick, self._slow = quick, slow
        self._over = threading.Event()
        self.answered_whole = False
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                plain, _ = self._listener.accept()
                with suppress(OSError), self._context.wrap_socket(plain, server_side=True) as connection:
                    self._answer(connection)

    def _answer(self, connection: ssl.SSLSocket) -> None:
        connection.recv(65536)
        connection.sendall(self._quick)
        for byte in self._slow:
            if self._over.wait(SILENCE_S / 4):
                return
            connection.sendall(bytes([byte]))
        self.answered_whole = True
