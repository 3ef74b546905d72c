"""Calls that a container runtime makes, in the words of the tests."""

from __future__ import annotations

import itertools
import json
import secrets
import subprocess
from collections.abc import Mapping
from typing import Any

import requests

from demo.cluster import Cluster, Node
from demo.cni import Invocation, Outcome, pod_args
from demo.daemons import Daemon
from demo.grid import ea

_numbers = itertools.count(1)


def a_mac() -> str:
    """A MAC that no other test uses."""
    number = next(_numbers)
    return f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def a_container() -> str:
    """A container ID that no other test uses."""
    return secrets.token_hex(32)


def add(
    node: Node,
    container: str,
    netns: str,
    ifname: str = "eth0",
    config: Mapping[str, Any] | None = None,
    pod: str = "web-0",
) -> Outcome:
    """ADD of our plugin alone."""
    args = pod_args("shop", pod, container, f"uid-{container[:8]}")
    return node.ipam(Invocation("ADD", container, ifname, netns, args), config)


def delete(
    node: Node, container: str, ifname: str = "eth0", config: Mapping[str, Any] | bytes | None = None
) -> Outcome:
    """DEL with nothing but the attachment, as a runtime sends it when the namespace is gone."""
    return node.ipam(Invocation("DEL", container, ifname), config)


def coordinator_of(cluster: Cluster) -> Daemon:
    """The one coordinator, which is running."""
    assert cluster.coordinator
    return cluster.coordinator


def wait_until_listed(cluster: Cluster) -> None:
    """Wait until the first listing and what it gives rise to are over: their calls are nobody's."""
    coordinator_of(cluster).wait_for("listed")
    assert cluster.grid.wait_until(lambda: coordinator_status(cluster)["lane"]["waiting"] == 0, timeout_s=1)


def coordinator_status(cluster: Cluster) -> Any:
    """What the coordinator shows on its status page."""
    port = coordinator_of(cluster).wait_for("started")["status_port"]
    return requests.get(f"http://127.0.0.1:{port}/status", timeout=10).json()


def grid_holds(cluster: Cluster, *containers: str, timeout_s: float = 20) -> bool:
    """Wait until the grid holds addresses of exactly these containers; `timeout_s` between two calls."""

    def holds() -> bool:
        found = cluster.grid.pods().values()
        return sorted(each["extattrs"]["VM ID"]["value"] for each in found) == sorted(containers)

    return cluster.grid.wait_until(holds, timeout_s)


def allocation_ids(cluster: Cluster) -> set[str]:
    """The ids of all objects in the grid that have one."""
    return {found for each in cluster.grid.objects() if (found := ea(each, "Allocation ID"))}


def shows(cluster: Cluster, *containers: str, ready: int = 0) -> bool:
    """Whether the grid has exactly these containers by their names, and so many addresses that are ready."""
    objects = [found for found in cluster.grid.objects() if ea(found, "Allocation ID")]
    return sorted(ea(found, "VM ID") for found in objects) == sorted([*containers, *[""] * ready])


class PendingAdd:
    """An ADD that is under way."""

    def __init__(self, cluster: Cluster, container: str, netns: str) -> None:
        node = cluster.node
        args = pod_args("shop", container, container, f"uid-{container}")
        self._process = subprocess.Popen(
            [node.plugin],
            env=Invocation("ADD", container, "eth0", netns, args).environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self._process.stdin
        self._process.stdin.write(json.dumps(node.config()).encode())
        self._process.stdin.close()
        self._process.stdin = None

    def outcome(self) -> Outcome:
        stdout, _ = self._process.communicate(timeout=70)
        return Outcome(self._process.returncode, stdout)
