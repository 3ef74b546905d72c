"""Takes the plugin socket's place in the file system for this process alone."""

from __future__ import annotations

import fcntl
import os
import socket
import struct
from contextlib import suppress
from pathlib import Path
from typing import Final

from nodeagent.cni.private_directory import NotPrivate, make_private, normal
from nodeagent.journal.place import file_at, identity_of
from protocol.leaving import marker

BACKLOG: Final = 1024
ANSWER_WAIT_S: Final = 1.0
KNOCK_WAIT_S: Final = 1.0
_GREETING: Final = b"CONNECT /_goRPC_ HTTP/1.0\r\n\r\n"
"""What the original's plugin begins with; nothing is asked before a call follows."""
_GREETED: Final = b"Connected to Go RPC"
_GREETED_BYTES_MAX: Final = 512
_ORIGINAL: Final = (
    "the original's daemon serves {path}: delete its DaemonSet, whose image is infoblox/cni-infoblox-daemon or "
    "infoblox/infoblox-cni-daemon, or give this agent another --socket-dir until the nodes are switched"
)
_STRANGER: Final = "another program serves {path}: end it, or give this agent another --socket-dir"
_REMOVED: Final = (
    "--socket-dir: {directory} was removed from the node, and this container still has the removed one: "
    "the next container gets a new one"
)

CREDENTIALS: Final = struct.Struct("iii")
"""What SO_PEERCRED gives: pid, uid, gid."""


class PathTaken(Exception):
    """The socket cannot be opened there; the text names the path and the remedy."""


class PathRemoved(Exception):
    """The directory is gone, and this container cannot see another one that takes its place."""


class SocketPath:
    """`DIR/DRIVER.sock` with its lock, its pending deletes, its sign of life beside it."""

    def __init__(self, socket_dir: Path, driver_name: str) -> None:
        """Raises `PathTaken` where the plugin would take no such directory."""
        try:
            directory = normal(socket_dir)
        except NotPrivate as error:
            raise PathTaken(f"--socket-dir: {error}") from None
        self.path = directory / f"{driver_name}.sock"
        self.pending_path = directory / f"{driver_name}.pending"
        self._alive_path = directory / f"{driver_name}.alive"
        self._leaving_path = marker(directory, driver_name)
        self._lock_path = directory / f"{driver_name}.lock"
        self._lock: int | None = None
        self._bound: tuple[int, int] | None = None

    def take(self) -> None:
        """Make the directories, keep every other agent out, as often as wanted.

        Raises `PathTaken`, and `PathRemoved` where only a new container can see the directory that is there now.
        """
        directory = self.path.parent
        try:
            make_private(directory)
            make_private(self.pending_path)
            self._take_lock()
        except NotPrivate as error:
            raise PathTaken(f"--socket-dir: {error}") from None
        except OSError as error:
            if _is_removed(directory):
                raise PathRemoved(_REMOVED.format(directory=directory)) from None
            raise PathTaken(f"--socket-dir: {error.filename or directory}: {error.strerror}") from None

    def _take_lock(self) -> None:
        if self._lock is not None and file_at(self._lock_path) == identity_of(os.fstat(self._lock)):
            return
        lock = os.open(self._lock_path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            raise PathTaken(f"--socket-dir: another agent of this node serves {self.path}") from None
        if self._lock is not None:
            os.close(self._lock)
        self._lock = lock

    def listen(self) -> socket.socket:
        """The listening socket, where nobody else answers. Raises `PathTaken`."""
        if server := _who_answers(self.path):
            raise PathTaken(f"--socket-dir: {server.format(path=self.path)}")
        self.path.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        # The mode must be right from the first moment on, so no chmod after the bind.
        previous = os.umask(0o177)
        try:
            listener.bind(str(self.path))
        except OSError as error:
            listener.close()
            raise PathTaken(f"--socket-dir: {self.path}: {error.strerror}") from None
        finally:
            os.umask(previous)
        listener.listen(BACKLOG)
        self._bound = file_at(self.path)
        return listener

    def is_leaving(self) -> bool:
        """Whether `cni-infoblox uninstall` waits for this node's addresses to go."""
        return self._leaving_path.exists()

    def is_bound(self) -> bool:
        """Whether the path still leads to the socket that `listen` has made."""
        return self._bound is not None and file_at(self.path) == self._bound

    def trouble(self) -> str | None:
        """Why a plugin would not reach this process by the path, None when it would. Any thread may ask."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(KNOCK_WAIT_S)
            try:
                probe.connect(str(self.path))
                credentials = probe.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, CREDENTIALS.size)
            except OSError as error:
                return f"the plugin's socket {self.path} takes no connection: {error.strerror or error}"
        pid, _, _ = CREDENTIALS.unpack(credentials)
        return None if pid == os.getpid() else f"another process serves the plugin's socket {self.path}"

    def was_alive(self) -> bool:
        """Whether an agent was well here before, in this boot: a boot empties the directory."""
        return self._alive_path.exists()

    def show_alive(self) -> None:
        """Touch the file that lets STATUS succeed while this process is being replaced.

        Where the directory is gone there is none; whoever looks after the socket's path sees to that.
        """
        with suppress(OSError):
            self._alive_path.touch(mode=0o600)
            os.utime(self._alive_path)

    def leave(self) -> None:
        """Remove the socket, unless it is another one; lock, pending deletes, sign of life stay."""
        if self.is_bound():
            self.path.unlink(missing_ok=True)


def _is_removed(directory: Path) -> bool:
    """Whether it was removed where it comes from, while a mount still shows it."""
    try:
        return os.stat(directory).st_nlink == 0
    except OSError:
        return False


def _who_answers(path: Path) -> str | None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(ANSWER_WAIT_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return None
        except OSError as error:
            raise PathTaken(f"--socket-dir: {path}: {error.strerror or error}") from None
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
