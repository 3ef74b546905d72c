"""Measures the memory of idle daemons."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Final

from bench.report import say
from demo.cluster import CLUSTER_NAME, Cluster, Plan

ALLOCATIONS: Final = 10_000


def measure(directory: Path) -> None:
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
