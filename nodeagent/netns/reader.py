"""Looks into network namespaces, or at them: for one interface's MAC, for all that there is, for what is gone.

One thread of its own enters a namespace, through the descriptor that the plugin passed, and comes back. Could it
not come back, it would read the wrong namespace from then on: then it ends, with the process.
"""

from __future__ import annotations

import ctypes
import errno
import os
import queue
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from daemon.internal_errors import InternalErrors
from nodeagent import errors
from nodeagent.domain.attachment import Namespace
from nodeagent.domain.presence import Sight
from nodeagent.netns.interface_listing import Tour
from nodeagent.netns.interfaces import mac_of
from nodeagent.netns.look import sight_of
from nodeagent.netns.mac import InterfaceMacs
from protocol.errors import Problem

_CLONE_NEWNET: Final = 0x40000000


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


@dataclass(frozen=True)
class Sighting:
    """See whether these namespaces are still where they were."""

    look: int
    namespaces: tuple[Namespace, ...]


OnRead = Callable[[Look, InterfaceMacs], None]
OnProblem = Callable[[Look, Problem], None]
OnSurveyed = Callable[[Tour], None]
OnSeen = Callable[[int, tuple[Sight, ...]], None]


class NamespaceReader:
    """Looks into one namespace after the other. `run` is the life of its thread."""

    def __init__(self, internal: InternalErrors) -> None:
        self._internal = internal
        self._looks: queue.SimpleQueue[Look | Tour | Sighting | None] = queue.SimpleQueue()
        self._libc = ctypes.CDLL(None, use_errno=True)

    def submit(self, look: Look | Tour | Sighting) -> None:
        """Have this namespace read, whose descriptor is closed then, or all of the node, or see which exist."""
        self._looks.put(look)

    def close(self) -> None:
        """Let `run` return."""
        self._looks.put(None)

    def run(self, on_read: OnRead, on_problem: OnProblem, on_surveyed: OnSurveyed, on_seen: OnSeen) -> None:
        """Serve until `close`. Raises OSError when there is no way back to the own namespace."""
        home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        try:
            while (look := self._looks.get()) is not None:
                try:
                    self._go_on(home, look, on_read, on_problem, on_surveyed, on_seen)
                except Exception as error:  # noqa: BLE001, the next namespace may be better
                    self._enter(home)
                    self._internal.tell(type(look).__name__, error)
                    if isinstance(look, Look):
                        on_problem(look, errors.NamespaceUnreadable(cause=type(error).__name__))
                    elif isinstance(look, Sighting):
                        on_seen(look.look, ())
        finally:
            os.close(home)

    def _go_on(
        self,
        home: int,
        look: Look | Tour | Sighting,
        on_read: OnRead,
        on_problem: OnProblem,
        on_surveyed: OnSurveyed,
        on_seen: OnSeen,
    ) -> None:
        if isinstance(look, Look):
            self._serve(home, look, on_read, on_problem)
        elif isinstance(look, Sighting):
            on_seen(look.look, tuple(sight_of(each, os.fstat(home).st_dev) for each in look.namespaces))
        elif look.go_on(home, self._enter):
            on_surveyed(look)
        else:
            self._looks.put(look)

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
            mac = mac_of(probe, look.ifname)
        on_read(look, InterfaceMacs(mac, _ownmac_of(look.master)))

    def _enter(self, descriptor: int) -> None:
        if self._libc.setns(descriptor, _CLONE_NEWNET) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number))


def _ownmac_of(ifname: str | None) -> str | None:
    if ifname is None:
        return None
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        return mac_of(probe, ifname)


def _problem_of(error: OSError) -> Problem:
    if error.errno == errno.EPERM:
        return errors.NamespaceUnreadable(cause=error.strerror)
    return errors.NotANamespace(cause=error.strerror)
