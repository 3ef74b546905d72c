"""Looks up the host names of coordinators in threads, since a name server may be silent for half a minute."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import dataclass
from queue import Empty, SimpleQueue

from nodeagent.link.service_address import missing_variable, why_missing
from protocol.host_port import HostPort, is_address


@dataclass(frozen=True)
class LookedUp:
    """What became of an endpoint's name: endpoints with addresses in its place, or why there are none."""

    endpoint: str
    addresses: tuple[str, ...] = ()
    why: str = ""


class HostNames:
    """Lookups under way; `descriptor` is readable when one has ended."""

    def __init__(self) -> None:
        self.descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self._ended: SimpleQueue[LookedUp] = SimpleQueue()
        self._asked: set[str] = set()

    def look_up(self, endpoint: str) -> None:
        """Begin, unless a lookup of that endpoint is under way. An address stands for itself."""
        if has_address(endpoint):
            self._ended.put(LookedUp(endpoint, (endpoint,)))
            os.eventfd_write(self.descriptor, 1)
        elif endpoint not in self._asked:
            threading.Thread(target=self._run, args=(endpoint,), name="host name", daemon=True).start()
            self._asked.add(endpoint)  # only now: where no thread can be had, the next call tries again

    def ended(self) -> list[LookedUp]:
        """The lookups that have ended since the last call."""
        try:
            os.eventfd_read(self.descriptor)
        except BlockingIOError:
            return []
        found: list[LookedUp] = []
        while True:
            try:
                found.append(self._ended.get_nowait())
            except Empty:
                break
        self._asked.difference_update(each.endpoint for each in found)
        return found

    def _run(self, endpoint: str) -> None:
        self._ended.put(_look_up(endpoint))
        os.eventfd_write(self.descriptor, 1)


def has_address(endpoint: str) -> bool:
    """Whether the endpoint names an address rather than a host."""
    return not missing_variable(endpoint) and is_address(HostPort.of_endpoint(endpoint).host)


def _look_up(endpoint: str) -> LookedUp:
    if variable := missing_variable(endpoint):
        return LookedUp(endpoint, why=why_missing(variable))
    at = HostPort.of_endpoint(endpoint)
    try:
        found = socket.getaddrinfo(at.host, at.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        cause = error.strerror if isinstance(error, OSError) else "it is no host name"
        remedy = "correct --coordinator, or see this node's name servers"
        return LookedUp(endpoint, why=f"the name {at.host} of {endpoint} does not resolve ({cause}): {remedy}")
    # In the order of RFC 6724: what this machine has no route to comes last, as IPv4 where there is only IPv6.
    addresses = dict.fromkeys(HostPort(str(each[4][0]), at.port).endpoint for each in found)
    return LookedUp(endpoint, tuple(addresses))
