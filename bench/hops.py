"""Measures the time of one warm ADD by hop."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any, Final

from bench.report import say
from demo.cluster import Cluster, Plan
from demo.cni import Invocation

ADDS: Final = 50
LATENCY_MS: Final = 20


def measure(directory: Path) -> None:
    """Medians of warm ADDs through the exec, at the grid's latency."""
    with Cluster(directory, Plan(grid_flags=("--latency-ms", str(LATENCY_MS)))) as cluster:
        agent, coordinator = cluster.node.agent, cluster.coordinator
        assert agent
        assert coordinator
        totals = [timed_add(cluster, number) for number in range(ADDS)][1:]
        at_agent = took_ms(agent.lines)[1:]
        at_coordinator = took_ms(coordinator.lines)[1:]
        at_grid = [line["took_ms"] for line in coordinator.lines if line.get("event") == "wapi_call"][
            -len(totals) :
        ]
    exec_ms, agent_ms, coordinator_ms, grid_ms = (
        statistics.median(values) for values in (totals, at_agent, at_coordinator, at_grid)
    )
    say(f"one warm ADD, median of {len(totals)}, grid latency {LATENCY_MS} ms, static plugin:")
    say(f"  whole exec             {exec_ms:6.1f} ms")
    say(f"  exec alone             {exec_ms - agent_ms:6.1f} ms  (fork, start of the plugin, socket)")
    say(f"  agent and wire         {agent_ms - coordinator_ms:6.1f} ms  (checks, MAC, journal twice, ZeroMQ)")
    say(f"  coordinator and lane   {coordinator_ms - grid_ms:6.1f} ms")
    say(f"  grid                   {grid_ms:6.1f} ms  (one WAPI call)")


def timed_add(cluster: Cluster, number: int) -> float:
    """Milliseconds of one ADD, from exec to exit."""
    invocation = Invocation("ADD", f"bench-{number}", "absent0", "/proc/self/ns/net")
    started_s = time.monotonic()
    outcome = cluster.node.ipam(invocation)
    took = (time.monotonic() - started_s) * 1000
    if not outcome.ok:
        raise SystemExit(f"ADD failed: {outcome.stdout.decode()}")
    return took


def took_ms(lines: list[Any]) -> list[float]:
    """The durations that a daemon logged for its allocations."""
    return [line["took_ms"] for line in lines if line.get("event") == "allocated"]
