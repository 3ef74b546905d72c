"""One runtime that starts, checks and stops one pod after the other, and keeps the last few."""

from __future__ import annotations

import json
import subprocess
from collections import deque
from dataclasses import dataclass
from random import Random
from typing import Final

from demo.cluster import Node
from demo.cni import Invocation, Outcome, pod_args
from demo.plugin_calls import PluginCalls
from tests.soak.books import Books
from tests.soak.pod_place import IFNAME, PodPlace

KEPT: Final = 3
EXECUTED: Final = 0.03
KILLED: Final = 0.02
REPEATED: Final = 0.1
KILLED_WITHIN_S: Final = 0.06


@dataclass(frozen=True)
class Living:
    """A container with its address."""

    container: str
    address: str


class Loop:
    """Its pods are told apart by the numbers that the books give out."""

    def __init__(self, node: Node, place: PodPlace, books: Books, random: Random) -> None:
        self._node = node
        self._place = place
        self._books = books
        self._random = random
        self._plugin = PluginCalls(node)
        self._living: deque[Living] = deque()

    def run(self) -> None:
        """Go on until the books say that it is enough. The last pods stay."""
        while (number := self._books.next_number()) is not None:
            self._place.set_mac(number)
            self._live(f"c{number}")
            if len(self._living) > KEPT:
                self._stop(self._living.popleft())

    def confirm(self) -> None:
        """Every pod that stayed is told the address that it has."""
        for living in self._living:
            self._add_again(living)

    def _live(self, container: str) -> None:
        outcome = self._first_add(container)
        if outcome is None or not self._books.noted("ADD", container, outcome):
            self._books.noted("DEL", container, self._plugin.delete(container, IFNAME))
            return
        living = Living(container, outcome.address)
        self._books.holds(container, living.address)
        self._living.append(living)
        if self._random.random() < REPEATED:
            self._add_again(living)
        checked = self._plugin.check(container, IFNAME, self._place.path, outcome.result)
        self._books.noted("CHECK", container, checked)

    def _first_add(self, container: str) -> Outcome | None:
        """The answer; None where the plugin was killed before it could pass it on."""
        luck = self._random.random()
        if luck < KILLED:
            return self._killed_add(container)
        if luck < KILLED + EXECUTED:
            return self._node.ipam(self._invocation(container), self._plugin.config)
        return self._plugin.add(container, IFNAME, self._place.path)

    def _killed_add(self, container: str) -> Outcome | None:
        environment = self._invocation(container).environment()
        with subprocess.Popen(
            [self._node.plugin], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as execution:
            try:
                stdin = json.dumps(self._plugin.config).encode()
                stdout, _ = execution.communicate(stdin, timeout=self._random.random() * KILLED_WITHIN_S)
            except subprocess.TimeoutExpired:
                execution.kill()
                return None
        return Outcome(execution.returncode, stdout)

    def _invocation(self, container: str) -> Invocation:
        args = pod_args("soak", container, container, f"u-{container}")
        return Invocation("ADD", container, IFNAME, self._place.path, args)

    def _add_again(self, living: Living) -> None:
        again = self._plugin.add(living.container, IFNAME, self._place.path)
        if self._books.noted("ADD again", living.container, again):
            self._books.holds(living.container, again.address)

    def _stop(self, living: Living) -> None:
        self._books.goes(living.container, living.address)
        self._books.noted("DEL", living.container, self._plugin.delete(living.container, IFNAME))
