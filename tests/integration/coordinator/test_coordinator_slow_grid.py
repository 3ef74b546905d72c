"""A grid whose replies come a byte at a time holds the coordinator for a bounded time."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from coordinator.exchange import LostError
from coordinator.operations import HttpCall
from coordinator.wapi import Grid, Wapi
from gridsim.certificate import ensure_certificate

SILENCE_S = 0.2
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n"
BODY = b"[" + b" " * 98 + b"]"


class SlowGrid:
    """Answers each connection once: what is `quick` at once, the rest in bytes that lie less than SILENCE_S apart.

    The whole takes many times as long as a reply may.
    """

    def __init__(self, folder: Path, quick: bytes, slow: bytes) -> None:
        self.certificate, key = ensure_certificate(folder, [])
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self.certificate, key)
        self._listener = socket.create_server(("127.0.0.1", 0))
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


@pytest.fixture(params=["its head", "its body"])
def slow_grid(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SlowGrid]:
    filler = b"X-Filler: " + b"x" * 100 + b"\r\n\r\n"
    if request.param == "its head":
        running = SlowGrid(tmp_path, HEAD, filler + BODY)
    else:
        running = SlowGrid(tmp_path, HEAD + b"\r\n", BODY)
    yield running
    running.stop()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
@pytest.mark.parametrize("verifies", [True, False])
def test_a_reply_that_trickles_in_is_given_up(slow_grid: SlowGrid, verifies: bool) -> None:
    verify = str(slow_grid.certificate) if verifies else False
    grid = Grid("127.0.0.1", slow_grid.port, "2.5", "admin", verify)
    wapi = Wapi(grid, lambda: "infoblox", time.monotonic)
    with pytest.raises(LostError):
        wapi.send(HttpCall("GET", "grid", "", None), SILENCE_S)
    assert not slow_grid.answered_whole
    wapi.close()


def test_a_slow_reply_within_its_time_is_taken(tmp_path: Path) -> None:
    slow_grid = SlowGrid(tmp_path, HEAD + b"\r\n" + BODY[:97], BODY[97:])
    wapi = Wapi(
        Grid("127.0.0.1", slow_grid.port, "2.5", "admin", str(slow_grid.certificate)), lambda: "x", time.monotonic
    )
    try:
        assert wapi.send(HttpCall("GET", "grid", "", None), SILENCE_S * 10) == []
    finally:
        wapi.close()
        slow_grid.stop()
