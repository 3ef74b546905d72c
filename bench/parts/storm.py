"""All nodes of a large cluster reconnect at once, and each has pods that wait for an address."""

from __future__ import annotations

import resource
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.books import check_books
from bench.load.storm_nodes import Answer, StormPlan, read_answers, write_plan
from bench.load.wire_node import authorize
from bench.process import Usage, usage
from bench.result import Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from demo.cluster import Cluster, Plan
from demo.daemons import Daemon
from protocol.keys import KeyPair, load_public

NODES: Final = (1_000, 5_000)
QUICK_NODES: Final = 100
PROCESSES: Final = 2
ADDRESSES_EACH: Final = 10
LATENCY_MS: Final = 20
SUBNET: Final = "10.128.0.0/15"
PATIENCE_S: Final = 600.0
CONNECTING_S: Final = 60.0
CURVE_POINTS: Final = 200
COMPARED: Final = """\
So many nodes, each with a key of its own, in two processes, try to connect while the coordinator is away; when
it starts, all connect, prove their keys (CURVE), say hello, ask for ten addresses at once, and ask again 10 to
15 s after one is declined, as the kubelet does. The grid takes 20 ms for a call, nothing more for its
operations, so that the coordinator has the work; nodes, coordinator and simulator share the machine. Times
count from the coordinator's exec; memory is its peak."""


def measure(run: Run) -> Result:
    """Storms of growing size, each with a cluster of its own."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    samples: dict[str, Samples] = {}
    checks, curves = [], []
    for nodes in (QUICK_NODES,) if run.is_quick else NODES:
        stage = run.directory / str(nodes)
        pairs = authorize(stage / "keys", [f"storm-{number}" for number in range(nodes)])
        plan = Plan(
            grid_flags=("--latency-ms", str(LATENCY_MS)),
            coordinator_flags=("--log-level", "info", "--reserve", "0"),
        )
        with Cluster(stage, plan) as cluster:
            began_s, answers, spent = _storm(cluster, pairs, stage)
            living = {each.container: each.address for each in answers}
            checks.append(f"{nodes:,} nodes: {check_books(cluster.grid, living)}")
        ends = sorted(each.at_s - began_s for each in answers)
        curves.append(_curve(f"{nodes:,} nodes", ends))
        samples |= _samples(nodes, began_s, answers, spent)
        run.say(f"  {nodes:,} nodes: all served after {ends[-1]:.1f} s")
    panel = Panel("a reconnecting cluster", "s since the coordinator's start", "% of the addresses given", curves)
    return Result("storm", "Storm", COMPARED, _table(samples), [panel], samples, checks)


def _storm(cluster: Cluster, pairs: Mapping[str, KeyPair], stage: Path) -> tuple[float, list[Answer], Usage]:
    """When the coordinator was started, what its nodes were answered, what it took for that."""
    assert cluster.coordinator
    cluster.coordinator.stop()
    plans = [stage / f"storm-{number}.json" for number in range(PROCESSES)]
    for number, path in enumerate(plans):
        write_plan(_plan(cluster, dict(list(pairs.items())[number::PROCESSES])), path)
    with ExitStack() as stack:
        processes = [_start(path) for path in plans]
        for process in processes:
            stack.callback(process.kill)
        for process in processes:
            process.wait_for("connecting", timeout_s=CONNECTING_S)
        began_s = time.monotonic()
        coordinator = cluster.launch_coordinator()
        codes = [process.wait_exit(PATIENCE_S + CONNECTING_S) for process in processes]
        spent = usage(coordinator.pid)
    if any(codes):
        coordinator.kill()  # it has too much to do to end in time
        tails = "\n".join(process.tail() for process in processes)
        raise Wrong(f"not all were served within {PATIENCE_S:.0f} s, exit codes {codes}:\n{tails}")
    return began_s, [answer for path in plans for answer in read_answers(path)], spent


def _plan(cluster: Cluster, pairs: Mapping[str, KeyPair]) -> StormPlan:
    coordinator = load_public(cluster.keys / "coordinator" / "coordinator.key").decode()
    keys = {name: (pair.public.decode(), pair.secret.decode()) for name, pair in pairs.items()}
    return StormPlan(cluster.endpoint, coordinator, keys, ADDRESSES_EACH, SUBNET, PATIENCE_S)


def _start(plan: Path) -> Daemon:
    return Daemon([sys.executable, "-m", "bench.load.storm_nodes", str(plan)], {}, plan.with_suffix(".log"))


def _curve(name: str, ends: Sequence[float]) -> Series:
    every = max(1, len(ends) // CURVE_POINTS)
    shares = [100 * place / len(ends) for place in range(1, len(ends) + 1)]
    return Series(name, ends[::every], shares[::every])


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
    for nodes in sorted({int(name.partition(".")[0]) for name in samples}):
        took = samples[f"{nodes}.took"].values
        waits = [f"{statistics.median(took):.1f}", f"{percentile(took, 99):.1f}"]
        given, end, again, memory, cpu = (
            f"{samples[f'{nodes}.{name}'].values[0]:,.0f}"
            for name in ("addresses", "all_served", "asked_again", "memory", "cpu")
        )
        rows.append([f"{nodes:,}", given, end, *waits, again, memory, cpu])
    served = ["nodes", "addresses", "all served s", "ADD p50 s", "ADD p99 s", "asked again"]
    return Table([*served, "coordinator's peak MB", "its processor s"], rows)
