"""A cluster that lives for some minutes: much goes right, and what an operator should see goes wrong in turn."""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from coordinator.nodes.sessions import SILENT_S
from demo.cluster import Cluster, Node
from demo.cni import Invocation, pod_args
from demo.links import add_namespace, remove_namespace

NODES: Final = ("worker-1", "worker-2", "worker-3")
FLAGS: Final = ("--cluster-name", "prod-1", "--release-delay", "30", "--sweep-interval", "30")
SLACK_S: Final = 60.0
LATENCY_MS: Final = 40
"""How long the grid takes for a call."""

PODS: Final = {"subnet": "10.55.0.0/24", "gateway": "10.55.0.1"}
PRINTERS: Final = {"start_addr": "10.55.0.200", "end_addr": "10.55.0.239"}
"""A DHCP range of somebody else in the network of most pods."""

BUILDS: Final = {"subnet": "10.59.0.0/23", "gateway": "10.59.0.1"}
STORAGE: Final = {"subnet": "10.56.0.0/27", "gateway": "10.56.0.1"}
EDGE: Final = {"subnet": "10.57.0.0/29", "gateway": "10.57.0.1"}
FOREIGN: Final = {"subnet": "10.58.0.0/24", "gateway": "10.58.0.1"}
"""A network of somebody else."""

WEB_EACH: Final = 20
STORAGE_EACH: Final = 12
EDGE_PODS: Final = 5
"""All that fit."""

WEB_EVERY_S: Final = 1.5
BUILDS_EACH: Final = 40
BUILD_EVERY_S: Final = 0.7
VANISHED: Final = 12
CALM_S: Final = 90.0
OUTAGE_S: Final = 30.0
RECOVERY_S: Final = 45.0
SEEN_S: Final = 20.0
"""How long a node is cut off before the pictures are made."""


@dataclass(frozen=True)
class Workload:
    """Pods of one node in one network: one comes every `every_s`, and the oldest goes when there are `keep`."""

    node: Node
    name: str
    ipam: Mapping[str, str]
    keep: int
    every_s: float

    def live(self, netns: str, over: threading.Event) -> None:
        """Let them come and go until it is over."""
        alive: deque[str] = deque()
        number = 0
        while not over.wait(self.every_s):
            alive.append(add(self.node, f"{self.name}-{number}", netns, self.ipam))
            number += 1
            if len(alive) > self.keep:
                delete(self.node, alive.popleft(), self.ipam)


def add(node: Node, pod: str, netns: str, ipam: Mapping[str, str]) -> str:
    """ADD of a pod, whatever comes of it. Returns its container's id."""
    container = secrets.token_hex(32)
    args = pod_args("shop", pod, container, f"uid-{container[:8]}")
    node.ipam(Invocation("ADD", container, "eth0", netns, args), node.config(**ipam))
    return container


def delete(node: Node, container: str, ipam: Mapping[str, str]) -> None:
    """DEL of a pod."""
    node.ipam(Invocation("DEL", container, "eth0"), node.config(**ipam))


def play(cluster: Cluster, netns: str) -> None:
    """Everything, in some four minutes. The pods share a network namespace: what is shown are their addresses."""
    cluster.grid.set_faults(latency_ms=LATENCY_MS)
    first, second, third = cluster.nodes.values()
    over, away = threading.Event(), threading.Event()
    with ThreadPoolExecutor() as pool:
        lives = [
            *(
                pool.submit(Workload(node, "web", PODS, WEB_EACH, WEB_EVERY_S).live, netns, over)
                for node in (first, second)
            ),
            pool.submit(Workload(third, "web", PODS, WEB_EACH, WEB_EVERY_S).live, netns, away),
            pool.submit(Workload(second, "build", BUILDS, BUILDS_EACH, BUILD_EVERY_S).live, netns, over),
        ]
        try:
            _fill(cluster, netns)
            _vanish(first)
            over.wait(CALM_S)
            _outage(cluster)
            over.wait(RECOVERY_S)
            _refusals(cluster, netns)
            away.set()
            lives[2].result()
            _cut_off(cluster, third)
            over.wait(SEEN_S)
        finally:
            over.set()
            away.set()
    for life in lives:
        life.result()


def _fill(cluster: Cluster, netns: str) -> None:
    """One network is nearly full, one is full, a part of one is for others."""
    first, second, _ = cluster.nodes.values()
    for number in range(STORAGE_EACH):
        for node in (first, second):
            add(node, f"db-{number}", netns, STORAGE)
    for number in range(EDGE_PODS):
        add(first, f"edge-{number}", netns, EDGE)
    cluster.grid.create("range", {"network": PODS["subnet"], **PRINTERS})


def _refusals(cluster: Cluster, netns: str) -> None:
    """Pods that get no address: their network is full, or is not for pods."""
    first, second, _ = cluster.nodes.values()
    cluster.grid.create("network", {"network": FOREIGN["subnet"]})
    for number in range(EDGE_PODS, EDGE_PODS + 2):
        add(first, f"edge-{number}", netns, EDGE)
    for _ in range(3):
        add(second, "billing-0", netns, FOREIGN)


def _vanish(node: Node) -> None:
    """Pods whose runtime removes them and never says so."""
    for number in range(VANISHED):
        name = f"vanished-{secrets.token_hex(3)}"
        path = add_namespace(name)
        try:
            add(node, f"job-{number}", path, PODS)
        finally:
            remove_namespace(name)


def _outage(cluster: Cluster) -> None:
    """The grid's appliance reloads, say."""
    cluster.grid.set_faults(status_503=-1)
    time.sleep(OUTAGE_S)
    cluster.grid.set_faults(status_503=0)


def _cut_off(cluster: Cluster, node: Node) -> None:
    assert node.agent
    assert cluster.coordinator
    node.agent.kill()
    cluster.coordinator.wait_for("node_silent", timeout_s=SILENT_S + SLACK_S)
