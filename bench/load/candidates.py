"""Executables that are called in turn with others, so that a disturbance hits them alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.load.timed_exec import Times, execute
from demo.cluster import MAIN_PLUGINS
from demo.cni import Invocation

NETNS: Final = "/proc/self/ns/net"
IFNAME: Final = "absent0"
HOST_LOCAL: Final = f"{MAIN_PLUGINS}/host-local"
"""The reference plugin that keeps addresses in files of the node."""

Call = Callable[[int], Invocation]
"""How an executable is called the n-th time."""


@dataclass
class Candidate:
    """An executable with what it is given. What `undo` says is executed after each call, untimed."""

    name: str
    label: str
    executable: str
    invocation: Call
    stdin: bytes = b""
    undo: Call | None = None
    times: list[Times] = field(default_factory=list)

    def call(self, number: int) -> None:
        """One call that must succeed."""
        self.times.append(self._execute(self.invocation(number)))
        if self.undo:
            self._execute(self.undo(number))

    @property
    def took_ms(self) -> list[float]:
        """From exec to exit, of each call."""
        return [times.took_ms for times in self.times]

    def _execute(self, invocation: Invocation) -> Times:
        times, _ = execute([self.executable], invocation.environment(), self.stdin)
        return times


def call_in_turn(candidates: Sequence[Candidate], number: int) -> None:
    """One round: each is called once, in an order that rotates by one from round to round."""
    turn = number % len(candidates)
    for candidate in (*candidates[turn:], *candidates[:turn]):
        candidate.call(number)


def always(invocation: Invocation) -> Call:
    """The same call again and again."""
    return lambda _: invocation


def of_new_containers(verb: str, name: str, ifname: str) -> Call:
    """Each call is about a container of its own."""
    return lambda number: Invocation(verb, f"{name}-{number}", ifname, NETNS, path=MAIN_PLUGINS)


def adds_of_new_containers(name: str, executable: str, stdin: bytes, ifname: str) -> Candidate:
    """ADDs, each of which is deleted again."""
    add, delete = (of_new_containers(verb, name, ifname) for verb in ("ADD", "DEL"))
    return Candidate(name, "", executable, add, stdin, undo=delete)


def host_local_config(subnet: str, directory: Path) -> bytes:
    """What host-local is given, which keeps its files in `directory`."""
    ipam: dict[str, Any] = {"type": "host-local", "subnet": subnet, "dataDir": str(directory)}
    return json.dumps({"cniVersion": "1.0.0", "name": "bench", "type": "bridge", "ipam": ipam}).encode()
