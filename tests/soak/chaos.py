"""Kills daemons, and cuts their connections to the grid, ever again after so many ADDs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Final

from demo.cluster import Cluster, Node
from tests.soak.books import Books

CUTS: Final = (
    "cut_before_commit",
    "cut_after_commit",
    "status_500_after_commit",
    "status_503",
    "late_commit_count",
)
CUTS_AT_ONCE: Final = 3
LATE_COMMIT_S: Final = 1.0


class Chaos:
    """What goes wrong is drawn from `random`."""

    def __init__(self, cluster: Cluster, books: Books, random: Random) -> None:
        self._cluster = cluster
        self._books = books
        self._random = random
        self.done: Counter[str] = Counter()

    def run(self, first: int, every: int, faults: Sequence[Callable[[], None]]) -> None:
        """A fault after every so many ADDs from number `first` on, all equally often, until the stage is over."""
        deck: list[Callable[[], None]] = []
        number = first + every
        while self._books.wait_done(number):
            deck = deck or self._random.sample(faults, len(faults))
            deck.pop()()
            number = self._books.done + every

    def kill_coordinator(self) -> None:
        """SIGKILL; a new one takes its place at once."""
        assert self._cluster.coordinator
        self._cluster.coordinator.kill()
        self._cluster.start_coordinator()
        self.done["coordinator killed"] += 1

    def kill_agent(self, node: Node) -> None:
        """SIGKILL; a new one takes its place at once."""
        assert node.agent
        node.agent.kill()
        node.start_agent()
        self.done["agent killed"] += 1

    def cut_grid(self) -> None:
        """Some of the next calls to the grid are lost on one way or the other."""
        kind = self._random.choice(CUTS)
        cuts = self._random.randint(1, CUTS_AT_ONCE)
        self._cluster.grid.set_faults(**{kind: cuts, "late_commit_s": LATE_COMMIT_S})
        self.done["grid cut off"] += 1

    def heal(self) -> None:
        """Nothing more goes wrong."""
        self._cluster.grid.set_faults(**dict.fromkeys(CUTS, 0))
