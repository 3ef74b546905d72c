"""The status port while peers ask slowly, read slowly, ask for too much, or no descriptor is left."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from daemon.bounds import Bounds
from daemon.logs import make_logger
from daemon.status_server import BOUND, REQUEST_BYTES_MAX, REQUESTS_MAX, Pages, StatusServer
from protocol.host_port import HostPort

PATIENCE_S = 30.0
LARGE = b"x" * 20_000_000
"""More than the buffers of both sides hold."""


class Port:
    """A status port of the test's own."""

    def __init__(self) -> None:
        self.reached: list[str] = []
        self.computing = threading.Event()
        self.may_end = threading.Event()
        bounds = Bounds(self.reached.append, make_logger("console", "error"))
        pages = Pages(lambda: None, self._status, lambda: LARGE)
        self.server = StatusServer(HostPort("127.0.0.1", 0), pages, bounds)
        self.server.start()

    def _status(self) -> bytes:
        self.computing.set()
        assert self.may_end.wait(PATIENCE_S)
        return b"{}"

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.server.port), PATIENCE_S)

    def get(self, path: str) -> bytes:
        with self.connect() as sock:
            sock.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            return read_all(sock)


def read_all(sock: socket.socket) -> bytes:
    pieces = []
    while piece := sock.recv(65536):
        pieces.append(piece)
    return b"".join(pieces)


@pytest.fixture
def port() -> Iterator[Port]:
    opened = Port()
    yield opened
    opened.may_end.set()
    opened.server.stop()


@pytest.mark.parametrize(
    ("request_bytes", "status_line"),
    [
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.0 200 OK"),
        (b"GET /readyz HTTP/1.0\r\n\r\n", b"HTTP/1.0 200 OK"),
        (b"GET /\xff HTTP/1.1\r\n\r\n", b"HTTP/1.0 404 Not Found"),
        (b"POST /status HTTP/1.1\r\n\r\n", b"HTTP/1.0 405 Method Not Allowed"),
        (b"\x16\x03\x01\r\n\r\n", b"HTTP/1.0 400 Bad Request"),
        (b"GET /healthz HTTP/1.1\r\n" + b"A: b\r\n" * 4000, b"HTTP/1.0 431 Request Header Fields Too Large"),
    ],
)
def test_whatever_is_asked_is_answered(port: Port, request_bytes: bytes, status_line: bytes) -> None:
    with port.connect() as sock:
        sock.sendall(request_bytes[: REQUEST_BYTES_MAX + 1])
        assert read_all(sock).startswith(status_line)


def test_a_request_that_trickles_is_cut_off(port: Port) -> None:
    with port.connect() as sock:
        sock.sendall(b"GET /healthz HTTP/1.1\r\n")
        sock.settimeout(0.1)
        for _ in range(300):
            try:
                sock.sendall(b"A")
                assert sock.recv(1) == b""
                break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("the port listened for half a minute")
    assert port.reached == [BOUND]


def test_who_asks_is_served_while_others_hold_every_place(port: Port) -> None:
    with ExitStack() as stack:
        silent = [stack.enter_context(port.connect()) for _ in range(3 * REQUESTS_MAX)]
        assert port.get("/healthz").endswith(b"ok\n")
        assert silent[0].recv(1) == b""
    assert port.reached.count(BOUND) >= 2 * REQUESTS_MAX


def test_who_reads_nothing_makes_way_too(port: Port) -> None:
    with ExitStack() as stack:
        for _ in range(2 * REQUESTS_MAX):
            sock = stack.enter_context(port.connect())
            sock.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert port.get("/healthz").endswith(b"ok\n")


def test_who_has_asked_keeps_its_place_until_its_answer_is_there(port: Port) -> None:
    answers: list[bytes] = []
    asking = threading.Thread(target=lambda: answers.append(port.get("/status")))
    asking.start()
    assert port.computing.wait(PATIENCE_S)
    with ExitStack() as stack:
        for _ in range(3 * REQUESTS_MAX):
            stack.enter_context(port.connect())
        assert port.get("/healthz").endswith(b"ok\n")
    port.may_end.set()
    asking.join(PATIENCE_S)
    assert answers[0].startswith(b"HTTP/1.0 200")


SHORT_OF_DESCRIPTORS = """
import os, resource, socket, sys, threading
from daemon.bounds import Bounds
from daemon.logs import make_logger
from daemon.status_server import Pages, StatusServer
from protocol.host_port import HostPort

reached, news = [], threading.Event()
def count(bound):
    reached.append(bound)
    news.set()

bounds = Bounds(count, make_logger("console", "error"))
server = StatusServer(HostPort("127.0.0.1", 0), Pages(lambda: None, bytes, bytes), bounds)
server.start()
client = socket.socket()
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (client.fileno() + 1, hard))
client.connect(("127.0.0.1", server.port))
assert news.wait(20)
threading.Event().wait(0.5)
print(len(reached), reached[0])
resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
client.sendall(b"GET /healthz HTTP/1.1\\r\\n\\r\\n")
client.settimeout(20)
print(client.recv(15).decode())
"""


def test_where_no_descriptor_is_left_it_pauses_and_then_serves_again() -> None:
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    argv = [sys.executable, "-c", SHORT_OF_DESCRIPTORS]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, timeout=60)
    assert done.stdout.split("\n")[:2] == ["1 descriptors", "HTTP/1.0 200 OK"], done.stderr
