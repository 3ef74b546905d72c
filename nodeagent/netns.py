"""Reads the MAC of an interface inside a network namespace.

One thread of its own enters the namespace through the descriptor that the plugin passed, and comes back. Could it
not come back, it would read the wrong namespace from then on: then it ends, with the process.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import queue
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from nodeagent import errors
from nodeagent.mac import InterfaceMacs
from protocol.errors import Problem

_CLONE_NEWNET: Final = 0x40000000
_SIOCGIFHWADDR: Final = 0x8927
_ARPHRD_ETHER: Final = 1
_IFREQ: Final = struct.Struct("16sH6s16x")


@dataclass(frozen=True)
class Look:
    """Read the MAC of `ifname` in the namespace of `descriptor`, that of `master` outside.

    `shares_mac` is not for the reader: it travels along for whoever judges what was read.
    """

    caller: int
    descriptor: int
    ifname: str
    master: str | None
    shares_mac: bool


OnRead = Callable[[Look, InterfaceMacs], None]
OnProblem = Callable[[Look, Problem], None]


class NamespaceReader:
    """Looks into one namespace after the other. `run` is the life of its thread."""

    def __init__(self) -> None:
        self._looks: queue.SimpleQueue[Look | None] = queue.SimpleQueue()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def submit(self, look: Look) -> None:
        """Have this namespace read; its descriptor is closed then."""
        self._looks.put(look)

    def close(self) -> None:
        """Let `run` return."""
        self._looks.put(None)

    def run(self, on_read: OnRead, on_problem: OnProblem) -> None:
        """Serve until `close`. Raises OSError when there is no way back to the own namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            while (look := self._looks.get()) is not None:
                self._serve(home, look, on_read, on_problem)
        finally:
            os.close(home)

    def _serve(
        self,
        home: int,
        look: Look,
        on_read: OnRead,
        on_problem: OnProblem,
    ) -> None:
        try:
            self._enter(look.descriptor)
        except OSError as error:
            on_problem(look, _problem_of(error))
            return
        finally:
            os.close(look.descriptor)
        try:
            # A socket belongs to the namespace in which it was made, so the thread need not stay.
            probe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        finally:
            self._enter(home)
        with probe:
            mac = _mac_of(probe, look.ifname)
        on_read(look, InterfaceMacs(mac, _own_mac_of(look.master)))

    def _enter(self, descriptor: int) -> None:
        if self._libc.setns(descriptor, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _own_mac_of(ifname: str | None) -> str | None:
    if ifname is None:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return _mac_of(probe, ifname)


def _mac_of(probe: socket.socket, ifname: str) -> str | None:
    request = _IFREQ.pack(ifname.encode(), 0, b"")
    try:
        answer = fcntl.ioctl(probe, _SIOCGIFHWADDR, request)
    except OSError:
        return None
    _, kind, mac = _IFREQ.unpack(answer)
    return mac.hex(":") if kind == _ARPHRD_ETHER else None


def _problem_of(error: OSError) -> Problem:
    if error.errno == errno.EPERM:
        return errors.NamespaceUnreadable(cause=error.strerror)
    return errors.NotANamespace(cause=error.strerror)
