"""Sends each line of the history on to where a SIEM collects it: standard output, or syslog (RFC 5424)."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable, Sequence
from typing import Any, Final

from daemon.log_limit import LogLimit
from daemon.logs import Logger
from protocol.host_port import HostPort

STDOUT: Final = "stdout"
PORT: Final = 514
PRIORITY: Final = 13 * 8 + 6
"""Facility "log audit", severity "informational"."""


_SYSLOG: Final = "syslog://"
_STDOUT_DESCRIPTOR: Final = 1

Write = Callable[[Sequence[bytes]], None]


def checked_stream(text: str | None) -> str | None:
    """The name of a stream, or None. Raises ValueError where it names none."""
    try:
        if text not in (None, STDOUT):
            _address(text)
    except ValueError:
        raise ValueError(
            "must be stdout, syslog://HOST[:PORT] (UDP, an IPv6 address in brackets) or syslog:///PATH (a Unix "
            "socket, such as /dev/log)"
        ) from None
    return text


def _address(stream: str) -> str | HostPort:
    """The path or the place of a syslog. Raises ValueError."""
    place = stream.removeprefix(_SYSLOG)
    if place == stream:
        raise ValueError(f"{stream} does not begin with {_SYSLOG}")
    if place.startswith("/"):
        return place
    at = HostPort.parse(place, PORT)
    if not at.is_peer:
        raise ValueError(f"{stream} names nobody")
    return at


def open_stream(
    text: str, host: str, on_lost: Callable[[int], None], logger: Logger, clock: Callable[[], float]
) -> Write:
    """What writes to the stream of this name. `host` is who writes; `on_lost` is told of lines that are lost."""
    if text == STDOUT:
        return StandardOutput(on_lost).write
    return Syslog(_address(text), host, on_lost, logger, clock).write


class StandardOutput:
    """One line for each change; whoever reads there may be slow."""

    def __init__(self, on_lost: Callable[[int], None]) -> None:
        self._on_lost = on_lost

    def write(self, lines: Sequence[bytes]) -> None:
        """Write them; what is not taken is lost."""
        rest = memoryview(b"".join(lines))
        try:
            while rest:
                rest = rest[os.write(_STDOUT_DESCRIPTOR, rest) :]
        except OSError:
            self._on_lost(bytes(rest).count(b"\n"))


class Syslog:
    """One datagram for each line, over UDP or a Unix socket; the receiver may be away at times."""

    def __init__(
        self,
        address: str | HostPort,
        host: str,
        on_lost: Callable[[int], None],
        logger: Logger,
        clock: Callable[[], float],
    ) -> None:
        self._address = address
        self._host = re.sub(r"[^!-~]", "-", host)[:255] or "-"
        self._on_lost = on_lost
        self._logger = logger
        self._clock = clock
        self._limit = LogLimit()

    def write(self, lines: Sequence[bytes]) -> None:
        """Send each; what is not taken at once is lost."""
        sent = 0
        try:
            with _connect(self._address) as sock:
                for line in lines:
                    sock.send(self._datagram(line))
                    sent += 1
        except OSError as error:
            self._on_lost(len(lines) - sent)
            left_out = self._limit.admits("syslog", self._clock())
            if left_out is not None:
                facts = {"reason": error.strerror or str(error), "left_out": left_out}
                self._logger.warning("history_not_sent", address=str(self._address), **facts)

    def _datagram(self, line: bytes) -> bytes:
        time, body = line[9:33].decode("ascii", "replace"), line.rstrip(b"\n")
        head = f"<{PRIORITY}>1 {time} {self._host} cni-infoblox-coordinator {os.getpid()} history - "
        return head.encode() + body


def _connect(address: str | HostPort) -> socket.socket:
    """A datagram socket that never waits. Raises OSError."""
    if isinstance(address, str):
        return _connected(socket.AF_UNIX, address)
    family, _, _, _, to = socket.getaddrinfo(address.host, address.port, type=socket.SOCK_DGRAM)[0]
    return _connected(family, to)


def _connected(family: int, to: Any) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_DGRAM)
    try:
        sock.settimeout(0)
        sock.connect(to)
    except OSError:
        sock.close()
        raise
    return sock
