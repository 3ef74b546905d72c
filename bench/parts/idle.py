"""What an agent and a coordinator cost while nothing happens."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Final

from bench.books import check_books
from bench.process import Usage, usage
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from demo.cluster import Cluster, Plan
from demo.cni import Invocation

CONTAINER: Final = "bench"
READY: Final = 2
QUIET_S: Final = 3.0
"""So long must the grid have been left alone before the quiet begins."""
LOOKS: Final = 6
BETWEEN_LOOKS_S: Final = 10.0
COMPARED: Final = """\
One node with one attachment and a full reserve of two, one coordinator, nothing to do for 60 s, in which memory
and processor time are read every 10 s, and the grid counts the calls. The minute begins when the grid was left
alone for 3 s. Memory is resident memory."""


def measure(run: Run) -> Result:
    """Look at both daemons at the end of each stretch of quiet."""
    looks = run.count(LOOKS, 2)
    with quiet_cluster(run) as (cluster, address):
        assert cluster.coordinator
        assert cluster.node.agent
        pids = {"agent": cluster.node.agent.pid, "coordinator": cluster.coordinator.pid}
        calls = cluster.grid.call_count()
        seen: dict[str, list[tuple[float, Usage]]] = {name: [] for name in pids}
        for number in range(looks + 1):
            for name, pid in pids.items():
                seen[name].append((time.monotonic(), usage(pid)))
            if number < looks:
                cluster.grid.wait_for_calls(cluster.grid.call_count() + 100, timeout_s=BETWEEN_LOOKS_S)
        calls = cluster.grid.call_count() - calls
        checks = [check_books(cluster.grid, {CONTAINER: address})]
    samples = {"wapi_calls": Samples("calls", [calls])}
    for name, each in seen.items():
        samples[f"{name}.rss"] = Samples("MB", [look.rss_mb for _, look in each[1:]])
        samples[f"{name}.cpu"] = Samples("% of a core", _shares(each))
    return Result("idle", "Idle", COMPARED, _table(samples, calls), _panels(samples), samples, checks)


@contextmanager
def quiet_cluster(run: Run) -> Iterator[tuple[Cluster, str]]:
    """A cluster in which everything is done: one attachment, whose address comes along, and a full reserve."""
    flags = ("--reserve", str(READY))
    with Cluster(run.directory / "cluster", Plan(coordinator_flags=flags)) as cluster:
        held = cluster.node.ipam(Invocation("ADD", CONTAINER, "absent0", "/proc/self/ns/net"))
        if not held.ok:
            raise Wrong(f"ADD failed: {held.stdout.decode()}")
        cluster.node.wait_until_ready(READY)
        cluster.grid.wait_until_left_alone(QUIET_S)
        yield cluster, held.address


def _shares(looks: Sequence[tuple[float, Usage]]) -> list[float]:
    """Percent of a core between each look and the next."""
    return [
        100 * (after.cpu_s - before.cpu_s) / (after_s - before_s)
        for (before_s, before), (after_s, after) in pairwise(looks)
    ]


def _table(samples: Mapping[str, Samples], calls: int) -> Table:
    rows = [
        [
            name,
            f"{statistics.median(samples[f'{name}.rss'].values):.1f}",
            f"{statistics.mean(samples[f'{name}.cpu'].values):.3f}",
            str(made),
        ]
        for name, made in (("agent", 0), ("coordinator", calls))
    ]
    return Table(["process", "RSS MB", "% of a core", "WAPI calls"], rows)


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    names = ["agent", "coordinator"]
    rss = [statistics.median(samples[f"{name}.rss"].values) for name in names]
    cpu = [statistics.mean(samples[f"{name}.cpu"].values) for name in names]
    return [
        Panel("memory", "", "MB resident", [Series("RSS", names, rss, Mark.BAR)]),
        Panel("processor", "", "% of a core", [Series("processor", names, cpu, Mark.BAR)]),
    ]
