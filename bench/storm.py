"""All nodes of a large cluster reconnect at once, and each has pods that wait for an address."""

from __future__ import annotations

import json
import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bench.books import check_books
from bench.process import Usage, usage
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from bench.storm_nodes import StormPlan, write_plan
from bench.wire_node import authorize
from demo.cluster import Cluster, Plan
from demo.daemons import Daemon
from protocol.keys import KeyPair, load_public

NODES: Final = (1_000, 5_000)
PROCESSES: Final = 2
ADDRESSES_EACH: Final = 10
LATENCY_MS: Final = 20
SUBNET: Final = "10.128.0.0/15"
PATIENCE_S: Final = 600.0
COMPARED: Final = """\
So many nodes, each with a key of its own, in two processes, try to connect while the coordinator is away; when
it starts, all connect, prove their keys (CURVE), say hello, ask for ten addresses at once, and ask again 10 to
15 s after one is declined, as the kubelet does. The grid takes 20 ms for a call, nothing more for its
operations, so that the coordinator has the work; nodes, coordinator and simulator share the machine. Times
count from the coordinator's exec; memory is its peak."""


@dataclass(frozen=True)
class Answer:
    """One address that was asked for. Times are of the machine's monotonic clock."""

    container: str
    address: str
    began_s: float
    at_s: float
    attempts: int


def measure(run: Run) -> Result:
    """Storms of growing size, each with a cluster of its own."""
    samples: dict[str, Samples] = {}
    checks, curves = [], []
    for nodes in NODES if not run.is_quick else (100,):
        names = [f"storm-{number}" for number in range(nodes)]
        stage = run.directory / str(nodes)
        pairs = authorize(stage / "keys", names)
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        plan = Plan(grid_flags=("--latency-ms", str(LATENCY_MS)), coordinator_flags=("--log-level", "info"))
        with Cluster(stage, plan) as cluster:
            began_s, answers, spent = _storm(cluster, pairs, stage)
            checks.append(
                f"{nodes:,} nodes: {check_books(cluster.grid, {each.container: each.address for each in answers})}"
            )
        ends = sorted(each.at_s - began_s for each in answers)
        curves.append(Series(f"{nodes:,} nodes", ends[:: max(1, len(ends) // 200)], _shares(ends), Mark.LINE))
        samples |= _samples(nodes, began_s, answers, spent)
        run.say(f"  {nodes:,} nodes: all served after {ends[-1]:.1f} s")
    panel = Panel("a reconnecting cluster", "s since the coordinator's start", "% of the addresses given", curves)
    return Result("storm", "Storm", COMPARED, _table(samples), [panel], samples, checks)


def _storm(
    cluster: Cluster, pairs: Mapping[str, KeyPair], directory: Path
) -> tuple[float, Sequence[Answer], Usage]:
    assert cluster.coordinator
    cluster.coordinator.stop()
    coordinator_key = load_public(cluster.keys / "coordinator" / "coordinator.key").decode()
    plans, processes = [], []
    for number in range(PROCESSES):
        mine = list(pairs.items())[number::PROCESSES]
        keys = {name: (pair.public.decode(), pair.secret.decode()) for name, pair in mine}
        plan = StormPlan(cluster.endpoint, coordinator_key, keys, ADDRESSES_EACH, SUBNET, PATIENCE_S)
        path = directory / f"storm-{number}.json"
        write_plan(plan, path)
        plans.append((plan, path))
        argv = [sys.executable, "-m", "bench.storm_nodes", str(path)]
        processes.append(Daemon(argv, {}, directory / f"storm-{number}.log"))
    try:
        for process in processes:
            process.wait_for("connecting", timeout_s=60)
        began_s = time.monotonic()
        coordinator = cluster.launch_coordinator()
        codes = [process.wait_exit(PATIENCE_S + 60) for process in processes]
        spent = usage(coordinator.pid)
    finally:
        for process in processes:
            process.kill()
    if any(codes):
        raise Wrong(f"not all were served within {PATIENCE_S:.0f} s: {processes[0].tail()}")
    found = [Answer(*each) for plan, path in plans for each in json.loads(plan.answers_path(path).read_text())]
    return began_s, found, spent


def _shares(ends: Sequence[float]) -> list[float]:
    return [100 * place / len(ends) for place in range(0, len(ends), max(1, len(ends) // 200))]


def _samples(nodes: int, began_s: float, answers: Sequence[Answer], spent: Usage) -> dict[str, Samples]:
    took_s = [each.at_s - each.began_s for each in answers]
    every = max(1, len(took_s) // 1000)
    return {
        f"{nodes}.all_served": Samples("s", [max(each.at_s for each in answers) - began_s]),
        f"{nodes}.took": Samples("s", sorted(took_s)[::every]),
        f"{nodes}.asked_again": Samples("ADDs", [sum(each.attempts > 1 for each in answers)]),
        f"{nodes}.addresses": Samples("addresses", [len(answers)]),
        f"{nodes}.memory": Samples("MB", [spent.peak_mb]),
        f"{nodes}.cpu": Samples("s", [spent.cpu_s]),
    }


def _table(samples: Mapping[str, Samples]) -> Table:
    rows = []
    for name in samples:
        nodes, _, what = name.partition(".")
        if what != "took":
            continue
        took, single = samples[name].values, {key: samples[f"{nodes}.{key}"].values[0] for key in _SINGLE}
        row = [f"{int(nodes):,}", f"{single['addresses']:,.0f}", f"{single['all_served']:.1f}"]
        row += [f"{statistics.median(took):.1f}", f"{percentile(took, 99):.1f}", f"{single['asked_again']:.0f}"]
        rows.append([*row, f"{single['memory']:.0f}", f"{single['cpu']:.1f}"])
    headings = [
        "nodes",
        "addresses",
        "all served s",
        "ADD p50 s",
        "ADD p99 s",
        "asked again",
        "peak MB",
        "processor s",
    ]
    return Table(headings, rows)


_SINGLE: Final = ("addresses", "all_served", "asked_again", "memory", "cpu")
