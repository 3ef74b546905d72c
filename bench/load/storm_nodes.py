"""A process that is many nodes: all connect to one coordinator at once, then each asks for some addresses.

Started as `python -m bench.load.storm_nodes PLAN`; writes what was answered beside the plan when all are served.
"""

from __future__ import annotations

import heapq
import json
import random
import resource
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, astuple, dataclass
from pathlib import Path
from typing import Any, Final

import zmq

from bench.load.wire_node import WireNode
from protocol.keys import KeyPair
from protocol.wire.messages import Allocated, Declined, HelloFirst, ToAgent, Welcome

SPARE_SOCKETS: Final = 100
POLL_MS: Final = 1000
RETRY_S: Final = (10.0, 15.0)
"""When the kubelet starts a pod anew whose network failed."""
SILENCE_S: Final = 75.0
"""When it does so where nobody answers: the plugin gives up after 60 s."""


@dataclass(frozen=True)
class StormPlan:
    """The nodes of one process, with their keys. Times are of the machine's monotonic clock."""

    endpoint: str
    coordinator: str
    keys: dict[str, tuple[str, str]]
    addresses_each: int
    subnet: str
    patience_s: float


@dataclass(frozen=True)
class Answer:
    """One address that was asked for, so often. Times are of the machine's monotonic clock."""

    container: str
    address: str
    began_s: float
    at_s: float
    attempts: int


@dataclass
class Ask:
    """One address that is still to come: when it was first asked for, how often."""

    node: WireNode
    began_s: float = 0.0
    attempts: int = 0


class Storm:
    """All nodes of this process."""

    def __init__(self, context: zmq.Context[Any], plan: StormPlan) -> None:
        self._plan = plan
        self._nodes: dict[Any, WireNode] = {}
        self._asks: dict[str, Ask] = {}
        self._greeting: set[str] = set()
        self._due: list[tuple[float, str, int]] = []
        self._chance = random.Random(len(plan.keys))
        self._poller = zmq.Poller()
        self.answers: list[Answer] = []
        for name, (public, secret) in plan.keys.items():
            node = WireNode(context, name, KeyPair(public.encode(), secret.encode()), plan.coordinator.encode())
            self._nodes[node.socket] = node
            self._asks |= {container: Ask(node) for container in self._containers(node)}

    def connect(self) -> None:
        """Begin to connect; a socket can be written to when its handshake is through."""
        for node in self._nodes.values():
            node.socket.connect(self._plan.endpoint)
            self._poller.register(node.socket, zmq.POLLIN | zmq.POLLOUT)

    def serve(self) -> bool:
        """Let every node have its addresses; False where that took longer than the plan's patience."""
        end_s = time.monotonic() + self._plan.patience_s
        while self._asks and time.monotonic() < end_s:
            self._ask_again()
            for socket, ready in self._poller.poll(POLL_MS):
                node = self._nodes[socket]
                if ready & zmq.POLLOUT:
                    self._poller.register(socket, zmq.POLLIN)
                    self._greet(node)
                for message in node.hear():
                    self._heard(node, message)
        return not self._asks

    def close(self) -> None:
        """Let all connections go."""
        for socket in self._nodes:
            socket.close()

    def _heard(self, node: WireNode, message: ToAgent) -> None:
        if isinstance(message, HelloFirst):
            self._greet(node)
        elif isinstance(message, Welcome):
            self._greeting.discard(node.name)
            for container in self._containers(node):
                self._ask(container)
        elif isinstance(message, Declined) and message.id in self._asks:
            self._wait(message.id, self._chance.uniform(*RETRY_S))
        elif isinstance(message, Allocated) and message.id in self._asks:
            ask = self._asks.pop(message.id)
            self.answers.append(Answer(message.id, message.address, ask.began_s, time.monotonic(), ask.attempts))

    def _greet(self, node: WireNode) -> None:
        if node.name not in self._greeting:
            self._greeting.add(node.name)
            node.hello()

    def _ask(self, container: str) -> None:
        if (ask := self._asks.get(container)) is None:
            return
        now_s = time.monotonic()
        ask.began_s = ask.began_s or now_s
        ask.attempts += 1
        ask.node.allocate(container, self._plan.subnet)
        self._wait(container, SILENCE_S)

    def _wait(self, container: str, pause_s: float) -> None:
        """Ask again after this time, unless an answer has come by then, or it has been asked for already."""
        heapq.heappush(self._due, (time.monotonic() + pause_s, container, self._asks[container].attempts))

    def _ask_again(self) -> None:
        now_s = time.monotonic()
        while self._due and self._due[0][0] <= now_s:
            _, container, attempts = heapq.heappop(self._due)
            if container in self._asks and self._asks[container].attempts == attempts:
                self._ask(container)

    def _containers(self, node: WireNode) -> Iterator[str]:
        return (f"{node.name}-{number}" for number in range(self._plan.addresses_each))


def write_plan(plan: StormPlan, path: Path) -> None:
    """For the process; it holds secrets."""
    path.touch(mode=0o600)
    path.write_text(json.dumps(asdict(plan)))


def read_answers(plan: Path) -> list[Answer]:
    """What the process of this plan was answered, once it has ended."""
    return [Answer(*each) for each in json.loads(_answers_path(plan).read_text())]


def _answers_path(plan: Path) -> Path:
    return plan.with_suffix(".answers.json")


def main() -> int:
    """Returns 0 when all were served."""
    path = Path(sys.argv[1])
    plan = StormPlan(**json.loads(path.read_text()))
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with zmq.Context() as context:
        context.set(zmq.MAX_SOCKETS, len(plan.keys) + SPARE_SOCKETS)
        storm = Storm(context, plan)
        storm.connect()
        print(json.dumps({"event": "connecting"}), flush=True)
        is_served = storm.serve()
        storm.close()
    _answers_path(path).write_text(json.dumps([astuple(answer) for answer in storm.answers]))
    return 0 if is_served else 1


if __name__ == "__main__":
    sys.exit(main())
