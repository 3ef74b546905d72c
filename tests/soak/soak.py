"""The soak: two nodes under load while daemons die, in three stages, each of which ends in quiet.

Everything may die in the first thousand ADDs and in the last thousand. In between the coordinator and the second
node's agent are spared: what they have open after the first thousand, they must not exceed at the end of that long
life, nor may those that live at the very end.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Final

from demo.cluster import Cluster, Plan
from demo.daemons import Daemon
from demo.grid import ea
from tests.soak.books import Books
from tests.soak.chaos import Chaos
from tests.soak.loop import Loop
from tests.soak.pod_place import PodPlace
from tests.soak.vitals import Vitals, vitals

NODES: Final = ("node-1", "node-2")
LOOPS_PER_NODE: Final = 6
STAGES: Final = ("everything dies", "two live on", "everything dies again")
OUTER_STAGE_MAX: Final = 1000
OUTER_STAGE_SHARE: Final = 0.25
FAULTS_MAX: Final = 200
FAULT_EVERY_MIN: Final = 12
QUIET_TIMEOUT_S: Final = 100.0
MEMORY_GROWTH_MAX_KB: Final = 12 * 1024
"""What an agent remembers of 1,024 DELs, and as much again that the interpreter keeps for reuse.

A leak of 1.5 kB for each ADD, or 3 kB for each of the agent's, exceeds it in the long stage of 10,000 ADDs.
"""


@dataclass
class Report:
    """What came of it. `wrong` is empty where everything held."""

    adds: int = 0
    took_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    answers: dict[str, int] = field(default_factory=dict)
    faults: dict[str, int] = field(default_factory=dict)
    vitals: list[dict[str, Vitals]] = field(default_factory=list)
    """After each stage, by daemon."""


class Soak:
    """`adds` ADDs with what follows them; `say` gets a line now and then."""

    def __init__(self, directory: Path, adds: int, seed: int, say: Callable[[str], None]) -> None:
        self._directory = directory
        self._adds = adds
        self._seed = seed
        self._say = say
        self._books = Books()

    def run(self) -> Report:
        """Carry it out."""
        report, started_s = Report(), time.monotonic()
        plan = Plan(NODES, coordinator_flags=("--release-delay", "0"))
        with (
            Cluster(self._directory, plan) as cluster,
            self._loops(cluster) as loops,
        ):
            chaos = Chaos(cluster, self._books, Random(f"{self._seed} chaos"))
            for stage, target in enumerate(self._targets()):
                self._stage(stage, target, cluster, loops, chaos)
                if self._books.wrong:
                    break
                report.vitals.append(_vitals(cluster))
                self._books.wrong += _growth(report.vitals[0], report.vitals[-1])
            report.faults = dict(chaos.done)
        report.adds, report.answers = self._books.done, dict(self._books.answers)
        report.wrong = list(self._books.wrong)
        report.took_s = time.monotonic() - started_s
        return report

    @contextmanager
    def _loops(self, cluster: Cluster) -> Iterator[list[Loop]]:
        with ExitStack() as stack:
            yield [
                Loop(node, stack.enter_context(PodPlace()), self._books, Random(f"{self._seed} {name} {number}"))
                for name, node in cluster.nodes.items()
                for number in range(LOOPS_PER_NODE)
            ]

    def _targets(self) -> tuple[int, int, int]:
        """After how many ADDs each stage ends."""
        outer = min(OUTER_STAGE_MAX, int(self._adds * OUTER_STAGE_SHARE))
        return outer, self._adds - outer, self._adds

    def _stage(self, stage: int, target: int, cluster: Cluster, loops: Sequence[Loop], chaos: Chaos) -> None:
        first, spared = self._books.done, cluster.nodes[NODES[1]]
        faults = [chaos.cut_grid, lambda: chaos.kill_agent(cluster.node)]
        every = max(FAULT_EVERY_MIN, self._adds // FAULTS_MAX)
        if STAGES[stage] != "two live on":
            every = FAULT_EVERY_MIN
            faults += [chaos.kill_coordinator, lambda: chaos.kill_agent(spared)]
        self._books.target = target
        with ThreadPoolExecutor(len(loops) + 1) as pool:
            running = [pool.submit(loop.run) for loop in loops]
            trouble = pool.submit(chaos.run, first, every, faults)
            for each in [*running, trouble]:
                each.result()
        chaos.heal()
        self._expect_quiet(cluster)
        for loop in loops:
            loop.confirm()
        self._say(f"{STAGES[stage]}: {self._books.done} ADDs, {dict(chaos.done)}")

    def _expect_quiet(self, cluster: Cluster) -> None:
        """The grid comes to hold exactly what lives."""

        def held() -> dict[str, str]:
            return {address: ea(found, "VM ID") for address, found in cluster.grid.pods().items()}

        if not cluster.grid.wait_until(lambda: held() == self._books.living(), QUIET_TIMEOUT_S):
            surplus = held().items() - self._books.living().items()
            missing = self._books.living().items() - held().items()
            self._books.wrong.append(f"the grid holds too much: {surplus}, too little: {missing}")
        for node in cluster.nodes.values():
            left = [path.name for path in node.socket_dir.joinpath("infoblox.pending").glob("*")]
            if left:
                self._books.wrong.append(f"{node.name} left pending files: {left}")


def _vitals(cluster: Cluster) -> dict[str, Vitals]:
    agent = cluster.nodes[NODES[1]].agent
    assert agent
    assert cluster.coordinator
    return {"coordinator": _when_steady(cluster.coordinator), "agent": _when_steady(agent)}


def _when_steady(daemon: Daemon) -> Vitals:
    """Look until two looks show the same descriptors: the last plugins' connections end on their own."""
    seen = vitals(daemon.pid)
    while True:
        time.sleep(0.5)
        previous, seen = seen, vitals(daemon.pid)
        if (seen.descriptors, seen.threads) == (previous.descriptors, previous.threads):
            return seen


def _growth(early: Mapping[str, Vitals], late: Mapping[str, Vitals]) -> Iterator[str]:
    for name, now in late.items():
        before = early[name]
        if now.descriptors > before.descriptors or now.threads > before.threads:
            yield f"{name} has {now}, after {before}"
        if now.memory_kb > before.memory_kb + MEMORY_GROWTH_MAX_KB:
            yield f"{name} grew by more than {MEMORY_GROWTH_MAX_KB / 1024:.0f} MB: {now}, after {before}"
