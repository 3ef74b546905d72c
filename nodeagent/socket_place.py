"""Takes the plugin socket's place in the file system for this process alone."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path
from typing import Final

from nodeagent.private_directory import NotPrivate, make_private, normal

BACKLOG: Final = 1024
ANSWER_WAIT_S: Final = 1.0
_GREETING: Final = b"CONNECT /_goRPC_ HTTP/1.0\r\n\r\n"
"""What the original's plugin begins with; nothing is asked before a call follows."""
_GREETED: Final = b"Connected to Go RPC"
_GREETED_BYTES_MAX: Final = 512
_ORIGINAL: Final = (
    "the original's daemon serves {path}: delete its DaemonSet, whose image is infoblox/cni-infoblox-daemon or "
    "infoblox/infoblox-cni-daemon, or give this agent another --socket-dir until the nodes are switched"
)
_STRANGER: Final = "another program serves {path}: end it, or give this agent another --socket-dir"


class PlaceTaken(Exception):
    """The socket cannot be opened there; the text names the path and the remedy."""


class SocketPlace:
    """`DIR/DRIVER.sock` with its lock, its pending deletes, its sign of life beside it."""

    def __init__(self, socket_dir: Path, driver_name: str) -> None:
        """Raises `PlaceTaken` where the plugin would take no such directory."""
        try:
            directory = normal(socket_dir)
        except NotPrivate as error:
            raise PlaceTaken(f"--socket-dir: {error}") from None
        self.socket_path = directory / f"{driver_name}.sock"
        self.pending_path = directory / f"{driver_name}.pending"
        self._alive_path = directory / f"{driver_name}.alive"
        self._lock_path = directory / f"{driver_name}.lock"
        self._lock: int | None = None

    def take(self) -> None:
        """Make the directories, keep every other agent out. Raises `PlaceTaken`."""
        directory = self.socket_path.parent
        try:
            make_private(directory)
            make_private(self.pending_path)
            how = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
            self._lock = os.open(self._lock_path, how, 0o600)
        except NotPrivate as error:
            raise PlaceTaken(f"--socket-dir: {error}") from None
        except OSError as error:
            raise PlaceTaken(f"--socket-dir: {error.filename or directory}: {error.strerror}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise PlaceTaken(f"--socket-dir: another agent of this node serves {self.socket_path}") from None

    def listen(self) -> socket.socket:
        """The listening socket, where nobody else answers. Raises `PlaceTaken`."""
        if server := _who_answers(self.socket_path):
            raise PlaceTaken(f"--socket-dir: {server.format(path=self.socket_path)}")
        self.socket_path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # The mode must be right from the first moment on, so no chmod after the bind.
        previous = os.umask(0o177)
        try:
            listener.bind(str(self.socket_path))
        except OSError as error:
            listener.close()
            raise PlaceTaken(f"--socket-dir: {self.socket_path}: {error.strerror}") from None
        finally:
            os.umask(previous)
        listener.listen(BACKLOG)
        return listener

    def was_alive(self) -> bool:
        """Whether an agent was well here before, in this boot: a boot empties the directory."""
        return self._alive_path.exists()

    def show_alive(self) -> None:
        """Touch the file that lets STATUS succeed while this process is being replaced."""
        self._alive_path.touch(mode=0o600)
        os.utime(self._alive_path)

    def leave(self) -> None:
        """Remove the socket; lock, pending deletes, sign of life stay."""
        self.socket_path.unlink(missing_ok=True)


def _who_answers(path: Path) -> str | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_WAIT_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise PlaceTaken(f"--socket-dir: {path}: {error.strerror or error}") from None
        return _ORIGINAL if _speaks_as_original(probe) else _STRANGER


def _speaks_as_original(probe: socket.socket) -> bool:
    answer = b""
    try:
        probe.sendall(_GREETING)
        while len(answer) < _GREETED_BYTES_MAX and _GREETED not in answer:
            piece = probe.recv(_GREETED_BYTES_MAX)
            if not piece:
                break
            answer += piece
    except OSError:
        return False
    return _GREETED in answer
