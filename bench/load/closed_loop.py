"""A fixed number of ADDs that wait at any time: whoever is answered asks for the next address at once."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import zmq

from bench.load.wire_node import WireNode
from bench.run import Wrong
from protocol.wire.messages import Allocated, Declined

SILENCE_MS: Final = 60_000


@dataclass(frozen=True)
class Served:
    """One ADD: when it was answered, how long that took, how much of it the grid."""

    container: str
    address: str
    at_s: float
    took_s: float
    grid_s: float


@dataclass(frozen=True)
class Load:
    """The ADDs of a time in which always as many waited, in the order of their answers, and those after it."""

    took_s: float
    measured: Sequence[Served]
    drained: Sequence[Served]

    def addresses(self) -> dict[str, str]:
        """By container."""
        return {each.container: each.address for each in (*self.measured, *self.drained)}


class ClosedLoop:
    """Lets nodes ask in turn, for addresses of one subnet."""

    def __init__(self, nodes: Sequence[WireNode], subnet: str, prefix: str) -> None:
        """`prefix` begins the names of the containers."""
        self._nodes = nodes
        self._subnet = subnet
        self._prefix = prefix
        self._asked = 0
        self._asked_at_s: dict[str, float] = {}
        self._poller = zmq.Poller()
        self._by_socket = {node.socket: node for node in nodes}
        for node in nodes:
            self._poller.register(node.socket, zmq.POLLIN)

    def serve(self, count: int, waiting: int) -> Load:
        """Keep so many waiting until `count` are answered, then hear the rest. Raises `Wrong` for a refusal."""
        began_s = time.perf_counter()
        measured: list[Served] = []
        self._ask(waiting)
        while len(measured) < count:
            heard = self._hear()
            measured += heard
            self._ask(len(heard))
        drained = measured[count:]
        while self._asked_at_s:
            drained += self._hear()
        return Load(measured[count - 1].at_s - began_s, measured[:count], drained)

    def _ask(self, count: int) -> None:
        for _ in range(count):
            container = f"{self._prefix}-{self._asked}"
            self._asked_at_s[container] = time.perf_counter()
            self._nodes[self._asked % len(self._nodes)].allocate(container, self._subnet)
            self._asked += 1

    def _hear(self) -> list[Served]:
        ready = self._poller.poll(SILENCE_MS)
        if not ready:
            raise Wrong(f"{len(self._asked_at_s)} ADDs were not answered")
        now_s = time.perf_counter()
        messages = [message for socket, _ in ready for message in self._by_socket[socket].hear()]
        if declined := [message for message in messages if isinstance(message, Declined)]:
            raise Wrong(f"an ADD was declined: {declined[0].msg} ({declined[0].details})")
        return [self._served(message, now_s) for message in messages if isinstance(message, Allocated)]

    def _served(self, message: Allocated, now_s: float) -> Served:
        took_s = now_s - self._asked_at_s.pop(message.id)
        return Served(message.id, message.address, now_s, took_s, message.grid_ms / 1000)
