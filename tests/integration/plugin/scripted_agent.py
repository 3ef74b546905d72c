"""An agent that says on a real socket what a test tells it to.

As a program (`scripted_agent.py SOCKET`) it is a process of its own, for tests that stop or kill it: it prints
one line when it listens, one for each request that it has read, then never answers.
"""

from __future__ import annotations

import os
import queue
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Request:
    """What one connection brought: the bytes as they were, and the same taken apart."""

    raw: bytes
    variables: dict[str, str]
    stdin: bytes
    netns_inodes: list[int] = field(default_factory=list)


Behaviour = Callable[[socket.socket], None]


def answers(status: int, output: bytes = b"") -> Behaviour:
    """Answer as the protocol says."""
    return lambda connection: connection.sendall(bytes([status]) + len(output).to_bytes(4, "big") + output)


def hangs_up(connection: socket.socket) -> None:
    """End the connection without a word, as a killed agent does."""


def hangs_up_halfway(connection: socket.socket) -> None:
    """End the connection in the middle of an answer."""
    connection.sendall(bytes([0]) + (100).to_bytes(4, "big") + b"half")


def claims_too_much(connection: socket.socket) -> None:
    """Announce an answer larger than the protocol allows."""
    connection.sendall(bytes([0]) + (1 << 31).to_bytes(4, "big"))


def waits_for_hang_up(connection: socket.socket) -> None:
    """Say nothing until the plugin has gone."""
    connection.recv(1)


def trickles(connection: socket.socket) -> None:
    """Send a byte of a long answer every 20 ms, until the plugin has gone."""
    connection.sendall(bytes([0]) + (1 << 20).to_bytes(4, "big"))
    connection.settimeout(0.02)
    while True:
        try:
            connection.sendall(b"x")
            connection.recv(1)
        except TimeoutError:
            continue
        except OSError:
            return


def read_request(connection: socket.socket) -> Request:
    """Read one request to its last byte, with the descriptors that came along."""
    raw, descriptors = b"", []
    while len(raw) < 5 or len(raw) < 5 + int.from_bytes(raw[1:5], "big"):
        piece, fds, _, _ = socket.recv_fds(connection, 1 << 16, 4)
        if not piece:
            raise EOFError(f"the plugin hung up after {len(raw)} bytes")
        raw, descriptors = raw + piece, descriptors + list(fds)
    inodes = [os.fstat(fd).st_ino for fd in descriptors]
    for fd in descriptors:
        os.close(fd)
    return Request(raw, *_take_apart(raw), inodes)


def _take_apart(raw: bytes) -> tuple[dict[str, str], bytes]:
    position, variables = 6, {}
    for _ in range(raw[5]):
        end = position + 4 + int.from_bytes(raw[position : position + 4], "big")
        name, _, value = raw[position + 4 : end].decode().partition("=")
        variables[name] = value
        position = end
    return variables, raw[position:]


def listen(path: Path, backlog: int = 16) -> socket.socket:
    """A listening socket at `path`."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listener.bind(str(path))
    listener.listen(backlog)
    return listener


class ScriptedAgent:
    """Listens at once; treats one connection after another as the list of behaviours says."""

    def __init__(self, path: Path, behaviours: list[Behaviour]) -> None:
        self.requests: queue.Queue[Request] = queue.Queue()
        self._listener = listen(path)
        self._thread = threading.Thread(target=self._serve, args=(behaviours,))
        self._thread.start()

    def _serve(self, behaviours: list[Behaviour]) -> None:
        for behave in behaviours:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests.put(read_request(connection))
                behave(connection)

    def close(self) -> None:
        """Stop listening and wait for the last connection."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def say(word: str) -> None:
    """Tell the test that started this program how far it is."""
    sys.stdout.write(f"{word}\n")
    sys.stdout.flush()


def main() -> None:
    """Listen at the path that is the first argument, read requests, never answer."""
    listener = listen(Path(sys.argv[1]))
    say("listening")
    held = []
    while True:
        connection, _ = listener.accept()
        read_request(connection)
        held.append(connection)
        say("read")


if __name__ == "__main__":
    main()
