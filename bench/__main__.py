"""Prints the memory of idle daemons, with the time of one warm ADD by hop."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from demo.cluster import CLUSTER_NAME, Cluster, Plan
from demo.cni import Invocation

ALLOCATIONS: Final = 10_000
ADDS: Final = 50
LATENCY_MS: Final = 20


def main() -> int:
    """Run both parts, or the one that is named: memory, hops."""
    chosen = sys.argv[1:] or ["memory", "hops"]
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-bench-") as directory:
        if "memory" in chosen:
            memory(Path(directory) / "memory")
        if "hops" in chosen:
            hops(Path(directory) / "hops")
    return 0


def memory(directory: Path) -> None:
    """Resident memory of an idle agent, of a coordinator without and with many allocations."""
    with Cluster(directory, Plan()) as cluster:
        assert cluster.coordinator
        assert cluster.node.agent
        say(f"idle agent                           {rss_mb(cluster.node.agent.pid):6.1f} MB RSS")
        say(f"coordinator without allocations      {rss_mb(cluster.coordinator.pid):6.1f} MB RSS")
        cluster.grid.create("network", {"network": "10.64.0.0/16"})
        for number in range(ALLOCATIONS):
            cluster.grid.create("fixedaddress", allocation(number))
        cluster.coordinator.stop()
        started_s = time.monotonic()
        cluster.start_coordinator().wait_for("listed", timeout_s=60)
        took_s = time.monotonic() - started_s
        say(f"coordinator with {ALLOCATIONS:,} allocations  {rss_mb(cluster.coordinator.pid):6.1f} MB RSS")
        say(f"its start, until the grid is listed  {took_s:6.1f} s")


def hops(directory: Path) -> None:
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
    say(f"one warm ADD, median of {len(totals)}, grid latency {LATENCY_MS} ms, plugin as a script:")
    say(f"  whole exec             {exec_ms:6.1f} ms")
    say(f"  exec alone             {exec_ms - agent_ms:6.1f} ms  (fork, interpreter, socket)")
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


def allocation(number: int) -> dict[str, Any]:
    """An address of a pod, as the grid holds it."""
    eas = {
        "Tenant ID": CLUSTER_NAME,
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
        "VM ID": f"{number:064x}",
        "Interface Name": "eth0",
        "Location": f"node-{number % 100}",
        "Network Name": "pods",
    }
    return {
        "ipv4addr": f"10.64.{number // 250}.{number % 250 + 1}",
        "match_client": "RESERVED",
        "extattrs": {name: {"value": value} for name, value in eas.items()},
    }


def rss_mb(pid: int) -> float:
    """Resident memory of a process in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    raise LookupError(f"no memory of process {pid}")


def say(text: str) -> None:
    """One line of the report."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
