"""What a server may send in place of an answer, to hold or to burst who asked. A hang-up of theirs ends it."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import Final

_HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
_PIECE: Final = b"x" * 65536
_CHUNK: Final = b"%x\r\n%s\r\n" % (len(_PIECE), _PIECE)


class Mischief:
    """Counts the exchanges that it has spoilt, and how many of them the other side gave up."""

    def __init__(self, begin: bytes, again: bytes, pause_s: float, times: int = 2**62) -> None:
        self._begin, self._again, self._pause_s, self._times = begin, again, pause_s, times
        self._over = threading.Event()
        self._given_up = threading.Semaphore(0)

    def play(self, connection: socket.socket) -> None:
        """Until the peer hangs up, `stop` is called, or all has been sent."""
        with contextlib.suppress(OSError):
            connection.sendall(_HEAD + self._begin)
            sent = 0
            while sent < self._times and not self._over.wait(self._pause_s):
                connection.sendall(self._again)
                sent += 1
            return
        self._given_up.release()

    def wait_until_given_up(self, timeout_s: float = 60) -> bool:
        """Whether the peer hung up once more within the time."""
        return self._given_up.acquire(timeout=timeout_s)

    def stop(self) -> None:
        """End all that is under way."""
        self._over.set()


def trickle(pause_s: float) -> Mischief:
    """A body that comes a byte at a time."""
    return Mischief(b"", b"1\r\n \r\n", pause_s)


def endless_body() -> Mischief:
    """A body without an end, or in a watch: a line without one."""
    return Mischief(b"", _CHUNK, 0)


def endless_chunk_length() -> Mischief:
    """The length of a chunk, with an extension that never ends."""
    return Mischief(b"1;", _PIECE, 0)
