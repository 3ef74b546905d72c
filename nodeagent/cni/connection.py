"""One connection of the plugin: bytes in, a descriptor with them, bytes out."""

from __future__ import annotations

import array
import contextlib
import os
import socket
from enum import Enum, auto
from typing import Final

from nodeagent.cni.frame import Frame, parse
from nodeagent.netns.inode import inode_of

READ_BYTES: Final = 16 * 1024
DESCRIPTORS_MAX: Final = 16
"""Room for more than the one that is wanted, so that the rest can be closed."""
_CONTROL_BYTES: Final = socket.CMSG_SPACE(DESCRIPTORS_MAX * array.array("i").itemsize)


class Stage(Enum):
    """How far a connection has come."""

    READING = auto()
    SERVING = auto()
    WRITING = auto()
    DRAINING = auto()
    """All is written; the end of file then shows whether the plugin read it."""


class PeerGone(Exception):
    """The plugin closed its end."""


class PluginConnection:
    """A non-blocking connection that carries one request with its answer."""

    def __init__(self, sock: socket.socket, caller: int, now_s: float) -> None:
        self.sock = sock
        self.caller = caller
        self.stage = Stage.READING
        self.since_s = now_s
        self._received = bytearray()
        self._unsent = b""
        self._descriptor: int | None = None

    @property
    def netns(self) -> int | None:
        """The inode of the network namespace whose descriptor came and was not taken yet; 0: it is none."""
        return None if self._descriptor is None else inode_of(self._descriptor)

    def take_descriptor(self) -> int | None:
        """The namespace's descriptor, which the caller of this closes."""
        descriptor, self._descriptor = self._descriptor, None
        return descriptor

    def read(self) -> Frame | None:
        """Read what is there; the request once it is complete. Raises `BadFrame`, `PeerGone`."""
        while True:
            data = self._receive()
            if data is None:
                return None
            if not data:
                raise PeerGone
            if self.stage is not Stage.READING:
                continue
            self._received += data
            frame = parse(self._received)
            if frame is not None:
                self._received.clear()
                return frame

    def answer(self, data: bytes, now_s: float) -> None:
        """Begin to write the answer. Raises `PeerGone`."""
        self.drop_descriptor()
        self.stage = Stage.WRITING
        self.since_s = now_s
        self._unsent = data
        self.write()

    def write(self) -> None:
        """Write what the socket takes. Raises `PeerGone`."""
        try:
            sent = self.sock.send(self._unsent, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return
        except OSError:
            raise PeerGone from None
        self._unsent = self._unsent[sent:]
        if not self._unsent:
            self.stage = Stage.DRAINING
            with contextlib.suppress(OSError):
                self.sock.shutdown(socket.SHUT_WR)

    def drain(self) -> bool:
        """Whether the plugin read all and went. Raises `PeerGone` when it went without."""
        while True:
            data = self._receive()
            if data is None:
                return False
            if not data:
                return True

    def drop_descriptor(self) -> None:
        """Close the descriptor that came, where nobody took it."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def close(self) -> None:
        """Let go of everything."""
        self.drop_descriptor()
        self.sock.close()

    def _receive(self) -> bytes | None:
        try:
            data, control, _, _ = self.sock.recvmsg(READ_BYTES, _CONTROL_BYTES, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            return None
        except OSError:
            raise PeerGone from None
        for level, kind, payload in control:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                self._keep_first(payload)
        return data

    def _keep_first(self, payload: bytes) -> None:
        descriptors = array.array("i")
        descriptors.frombytes(payload[: len(payload) - len(payload) % descriptors.itemsize])
        for descriptor in descriptors:
            if self._descriptor is None and self.stage is Stage.READING:
                self._descriptor = descriptor
            else:
                os.close(descriptor)
