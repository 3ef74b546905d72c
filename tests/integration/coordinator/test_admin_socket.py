"""The coordinator's Unix socket: who gets in, what is read, what becomes of commands that go away."""

from __future__ import annotations

import os
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from coordinator.admin.events import AnswerCommand
from coordinator.admin.socket import CONNECTIONS_MAX, AdminSocket, NoAdminSocket
from ctl.admin.ask import ask
from ctl.failures import Failed
from daemon.bounds import Bounds
from daemon.logs import make_logger
from protocol.admin.frames import MESSAGE_BYTES_MAX, receive_answer, send_message
from protocol.admin.messages import AdminRequest, Adopted, ListUnadopted, TurnedDown
from protocol.wire.codec import encode

PATIENCE_S = 20
REQUEST = ListUnadopted(id="o-1")
LOGGER = make_logger("console", "error")
BOUNDS = Bounds(lambda _: None, LOGGER)


class Front:
    """What the coordinator's main thread would be told."""

    def __init__(self) -> None:
        self.asked: SimpleQueue[tuple[int, AdminRequest]] = SimpleQueue()
        self.left: SimpleQueue[int] = SimpleQueue()

    def open(self, path: Path) -> AdminSocket:
        return AdminSocket(
            path, lambda ticket, request: self.asked.put((ticket, request)), self.left.put, LOGGER, BOUNDS
        )


@pytest.fixture
def front() -> Front:
    return Front()


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory) / "run" / "coordinator.sock"


@pytest.fixture
def served(front: Front, path: Path) -> Iterator[AdminSocket]:
    opened = front.open(path)
    opened.start()
    yield opened
    opened.stop()


@pytest.fixture
def connect(served: AdminSocket, path: Path) -> Iterator[Callable[[], socket.socket]]:
    socks: list[socket.socket] = []

    def one() -> socket.socket:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        socks.append(sock)
        sock.settimeout(PATIENCE_S)
        sock.connect(str(path))
        return sock

    yield one
    for sock in socks:
        sock.close()


def an_answer(*, last: bool) -> Adopted:
    return Adopted(id="o-1", results=[], last=last)


def test_directory_and_socket_are_private(served: AdminSocket, path: Path) -> None:
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_request_gets_its_answers_in_order(front: Front, served: AdminSocket, path: Path) -> None:
    answers = ask(path, REQUEST)
    collected: SimpleQueue[list[Adopted]] = SimpleQueue()
    thread = threading.Thread(target=lambda: collected.put(list(answers)))  # type: ignore[arg-type]
    thread.start()
    ticket, request = front.asked.get(timeout=PATIENCE_S)
    assert request == REQUEST
    for last in (False, False, True):
        served.answer(AnswerCommand(ticket, an_answer(last=last)))
    assert [each.last for each in collected.get(timeout=PATIENCE_S)] == [False, False, True]
    assert front.left.get(timeout=PATIENCE_S) == ticket
    thread.join()


def test_a_refusal_reaches_the_command_as_one_line(
    front: Front, served: AdminSocket, connect: Callable[[], socket.socket]
) -> None:
    sock = connect()
    send_message(sock, REQUEST)
    ticket, _ = front.asked.get(timeout=PATIENCE_S)
    served.answer(AnswerCommand(ticket, TurnedDown(id="o-1", msg="no", details="ask again")))
    assert receive_answer(sock) == TurnedDown(id="o-1", msg="no", details="ask again")
    assert sock.recv(1) == b""


def test_a_command_that_goes_away_is_noticed(front: Front, connect: Callable[[], socket.socket]) -> None:
    sock = connect()
    send_message(sock, REQUEST)
    ticket, _ = front.asked.get(timeout=PATIENCE_S)
    sock.close()
    assert front.left.get(timeout=PATIENCE_S) == ticket


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (struct.pack(">I", MESSAGE_BYTES_MAX + 1), "at most"),
        (struct.pack(">I", 3) + b"abc", "no m"),
        (struct.pack(">I", 5) + b"\x81\xa1v\xcd\x01", "no msgpack"),
        (struct.pack(">I", 4) + b"\x81\xa1v\x02", "type"),
    ],
)
def test_what_is_no_request_is_turned_down(
    front: Front, connect: Callable[[], socket.socket], data: bytes, reason: str
) -> None:
    sock = connect()
    sock.sendall(data)
    answer = receive_answer(sock)
    assert isinstance(answer, TurnedDown)
    assert reason in answer.msg
    assert front.asked.empty()


def test_no_more_commands_than_bearable_are_served(front: Front, connect: Callable[[], socket.socket]) -> None:
    for _ in range(CONNECTIONS_MAX):
        send_message(connect(), REQUEST)
        front.asked.get(timeout=PATIENCE_S)
    sock = connect()
    send_message(sock, REQUEST)
    answer = receive_answer(sock)
    assert isinstance(answer, TurnedDown)
    assert answer.msg == "the coordinator is busy"


def test_another_user_gets_nothing(front: Front, served: AdminSocket, path: Path) -> None:
    path.chmod(0o666)
    for directory in (path.parent, path.parent.parent):
        directory.chmod(0o755)
    code = """if True:
        import os, socket, sys
        os.setuid(65534)
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(sys.argv[1])
            try:
                sock.sendall(bytes.fromhex(sys.argv[2]))
                answer = sock.recv(1)
            except (BrokenPipeError, ConnectionResetError):
                answer = b""
        sys.exit(len(answer))
    """
    payload = encode(REQUEST)
    request = struct.pack(">I", len(payload)) + payload
    argv = [sys.executable, "-c", code, str(path), request.hex()]
    done = subprocess.run(argv, timeout=PATIENCE_S, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert front.asked.empty()


def test_a_left_over_socket_is_replaced_but_not_a_living_one(
    front: Front, served: AdminSocket, path: Path
) -> None:
    with pytest.raises(NoAdminSocket, match="another coordinator serves"):
        front.open(path)
    left_over = path.with_name("old.sock")
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(left_over))
    second = front.open(left_over)
    second.start()
    second.stop()
    assert not left_over.exists()


def test_in_a_directory_that_another_user_made_the_socket_is_private_all_the_same() -> None:
    code = """if True:
        import os, pathlib, stat, sys
        from coordinator.admin.socket import AdminSocket
        from daemon.bounds import Bounds
        from daemon.logs import make_logger
        os.setuid(65532)
        logger = make_logger("console", "error")
        path = pathlib.Path(sys.argv[1])
        sock = AdminSocket(path, lambda *_: None, lambda _: None, logger, Bounds(print, logger))
        sock.start()
        print(oct(stat.S_IMODE(path.stat().st_mode)))
        sock.stop()
        print(path.exists())
    """
    with tempfile.TemporaryDirectory() as directory:
        os.chmod(directory, 0o777)
        argv = [sys.executable, "-c", code, f"{directory}/coordinator.sock"]
        done = subprocess.run(argv, timeout=PATIENCE_S, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split(), done.stderr) == (0, ["0o600", "False"], "")


def test_a_place_that_cannot_be_made_is_named(front: Front) -> None:
    with pytest.raises(NoAdminSocket, match=r"^--operator-socket: /proc/nobody"):
        front.open(Path("/proc/nobody/coordinator.sock"))


def test_the_command_says_where_it_must_run(tmp_path: Path) -> None:
    with pytest.raises(Failed, match=r"no coordinator serves .* kubectl exec"):
        list(ask(tmp_path / "none.sock", REQUEST))
    assert os.listdir(tmp_path) == []
