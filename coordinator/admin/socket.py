"""The Unix socket by which people's commands reach the coordinator.

A thread for each of few connections carries bytes; what a request means is decided by the machine, which gets
it through `ask` and answers through `answer`, under the number of the connection.
"""

from __future__ import annotations

import os
import select
import socket
import stat
import struct
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from socketserver import BaseRequestHandler, ThreadingMixIn, UnixStreamServer
from typing import Any, Final

from coordinator.admin.events import AnswerCommand, turned_down
from daemon import descriptors
from daemon.bounds import Bounds
from daemon.logs import Logger
from protocol.admin.frames import HungUp, receive_request, send_message
from protocol.admin.messages import AdminAnswer, AdminRequest
from protocol.wire.codec import Unreadable
from protocol.wire.messages import Message

CONNECTIONS_MAX: Final = 8
MESSAGE_S: Final = 5.0
"""How long a whole request, or the taking of an answer, may last."""

SILENCE_S: Final = 150.0
"""Longer than any request may be under way without a word."""

_LOOK_S: Final = 1.0
_CREDENTIALS: Final = struct.Struct("3i")

Answers = SimpleQueue[AdminAnswer]


class NoAdminSocket(Exception):
    """The socket cannot be had there; the text names flag and path."""


class AdminSocket:
    """Listens on construction (raises `NoAdminSocket`), serves between `start` and `stop`."""

    def __init__(
        self,
        path: Path,
        ask: Callable[[int, AdminRequest], None],
        leave: Callable[[int], None],
        logger: Logger,
        bounds: Bounds,
    ) -> None:
        self._path = path
        self._ask = ask
        self._leave = leave
        self._logger = logger
        self.bounds = bounds
        self._lock = threading.Lock()
        self._waiting: dict[int, Answers] = {}
        self._last_ticket = 0
        self._allowed_uids = {0, os.getuid()}
        self._server = _listen(path, self)
        self._thread = threading.Thread(target=self._server.serve_forever, name="operators", daemon=True)

    def start(self) -> None:
        """Serve from a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Serve nobody any more, remove the socket."""
        self._server.shutdown()
        self._server.server_close()
        self._path.unlink(missing_ok=True)

    def answer(self, command: AnswerCommand) -> None:
        """Hand an answer to the connection of that number; nobody may be there any more."""
        with self._lock:
            answers = self._waiting.get(command.ticket)
        if answers is not None:
            answers.put(command.message)

    def serve(self, sock: socket.socket) -> None:
        """One connection, from its own thread."""
        _, uid, _ = _CREDENTIALS.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
        if uid not in self._allowed_uids:
            self._logger.warning("operator_refused", uid=uid)
            return
        sock.settimeout(MESSAGE_S)
        with suppress(HungUp, OSError):
            self._serve(sock)

    def _serve(self, sock: socket.socket) -> None:
        try:
            request = receive_request(sock)
        except Unreadable as unreadable:
            send_message(
                sock,
                turned_down(unreadable.reply_to or "unread", str(unreadable), "Use the cni-infoblox beside it."),
            )
            return
        ticket = self._enter()
        if ticket is None:
            remedy = f"{CONNECTIONS_MAX} commands are at work: wait for one of them."
            send_message(sock, turned_down(request.id, "the coordinator is busy", remedy))
            return
        self._logger.info("operator_asked", request=request.id, type=request.type)
        try:
            self._ask(ticket, request)
            self._converse(sock, request, self._waiting[ticket])
        finally:
            with self._lock:
                del self._waiting[ticket]
            self._leave(ticket)

    def _converse(self, sock: socket.socket, request: Message, answers: Answers) -> None:
        silent_s = 0.0
        while silent_s < SILENCE_S:
            try:
                answer = answers.get(timeout=_LOOK_S)
            except Empty:
                if _has_hung_up(sock):
                    return
                silent_s += _LOOK_S
                continue
            silent_s = 0.0
            send_message(sock, answer)
            if answer.last:
                return
        send_message(sock, turned_down(request.id, "the coordinator's main thread does not answer", ""))

    def _enter(self) -> int | None:
        with self._lock:
            if len(self._waiting) >= CONNECTIONS_MAX:
                return None
            self._last_ticket += 1
            self._waiting[self._last_ticket] = SimpleQueue()
            return self._last_ticket


class _Handler(BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.server.owner.serve(self.request)


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    block_on_close = False
    owner: AdminSocket

    def get_request(self) -> tuple[socket.socket, Any]:
        """One connection; an OSError makes the base class try again, which must not be at once for ever."""
        try:
            return super().get_request()
        except OSError as error:
            if descriptors.is_shortage(error):
                self.owner.bounds.reached(descriptors.BOUND, port="operator socket", reason=error.strerror)
                time.sleep(descriptors.ACCEPT_PAUSE_S)
            raise


def _listen(path: Path, owner: AdminSocket) -> _Server:
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make_private(path.parent)
        if _is_answered(path):
            raise NoAdminSocket(f"--operator-socket: another coordinator serves {path}")
        path.unlink(missing_ok=True)
        # The mode must be right from the first moment on, so no chmod after the bind.
        previous = os.umask(0o177)
        try:
            server = _Server(str(path), _Handler)
        finally:
            os.umask(previous)
    except OSError as error:
        raise NoAdminSocket(f"--operator-socket: {error.filename or path}: {error.strerror or error}") from None
    server.owner = owner
    return server


def _make_private(directory: Path) -> None:
    status = directory.stat()
    # A directory that Kubernetes mounts belongs to root; there the socket's own mode keeps others out.
    if status.st_uid == os.getuid() and stat.S_IMODE(status.st_mode) & 0o077:
        directory.chmod(0o700)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(MESSAGE_S)
        try:
            probe.connect(str(path))
        except (FileNotFoundError, ConnectionRefusedError):
            return False
    return True


def _has_hung_up(sock: socket.socket) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLRDHUP)
    return bool(poll.poll(0))
