"""Daemons are replaced while pods come and go: no call of the runtime fails, and no address stays behind."""

from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome
from demo.daemons import Daemon, command
from demo.links import inside

LOOPS = 4
ROLLS = 3
ROLLS_OF_BOTH = 2
PODS_PER_ROLL = 6


@dataclass
class Load:
    """Pods that come and go, each loop in a namespace of its own, until told to stop; the last of each stays."""

    cluster: Cluster
    over: threading.Event = field(default_factory=threading.Event)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    failures: list[tuple[str, Outcome]] = field(default_factory=list)

    def loop(self, netns: str) -> str:
        """Live through pods one after the other. Returns the container that still lives."""
        container = self._add(netns)
        while not self.over.is_set():
            self._expect_success(container, "STATUS", self.cluster.node.ipam(Invocation("STATUS", None, None)))
            self._expect_success(container, "DEL", delete(self.cluster.node, container))
            container = self._add(netns)
        return container

    def _add(self, netns: str) -> str:
        container = f"c{next(self.numbers)}"
        set_mac = inside(netns.rpartition("/")[2], ["ip", "link", "set", "eth0", "address", a_mac()])
        subprocess.run(set_mac, check=True)
        self._expect_success(container, "ADD", add(self.cluster.node, container, netns, pod=container))
        return container

    def _expect_success(self, container: str, verb: str, outcome: Outcome) -> None:
        if not outcome.ok:
            self.failures.append((f"{verb} {container}", outcome))


def wait_for_pods(daemon: Daemon | None) -> Daemon:
    """Wait until the daemon has served some pods."""
    assert daemon
    daemon.wait_for_count("allocated", PODS_PER_ROLL, timeout_s=60)
    return daemon


@contextmanager
def load(cluster: Cluster, make_netns: Callable[..., str]) -> Iterator[None]:
    """Four loops while the block runs. Then: nothing failed, the grid holds the four pods that stay."""
    made = Load(cluster)
    with ThreadPoolExecutor(LOOPS) as pool:
        loops = [pool.submit(made.loop, make_netns(a_mac())) for _ in range(LOOPS)]
        try:
            yield
        finally:
            made.over.set()
    containers = [loop.result() for loop in loops]
    assert made.failures == []
    assert grid_holds(cluster, *containers)


@pytest.fixture
def releases(tmp_path: Path) -> Callable[[int], list[str]]:
    """Makes the launcher of an agent that says it is release 0.2.NUMBER."""

    def make(number: int) -> list[str]:
        version = f"0.2.{number}"
        info = tmp_path / version / f"cni_infoblox-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: cni-infoblox\nVersion: {version}\n")
        return ["env", f"PYTHONPATH={info.parent}", *command("cni-infoblox-agent")]

    return make


def test_agents_of_other_releases_take_over_under_load(
    make_cluster: Callable[[Plan], Cluster], make_netns: Callable[..., str], releases: Callable[[int], list[str]]
) -> None:
    cluster = make_cluster(asking(grid_flags=("--latency-ms", "20")))
    with load(cluster, make_netns):
        for number in range(ROLLS):
            assert wait_for_pods(cluster.node.agent).stop() == 0
            cluster.node.start_agent(launcher=releases(number))
        wait_for_pods(cluster.node.agent)
    assert cluster.coordinator
    seen = [line["release"] for line in cluster.coordinator.lines if line.get("event") == "node_connected"]
    assert seen[-ROLLS:] == [f"0.2.{number}" for number in range(ROLLS)]


def test_coordinators_take_over_under_load(
    make_cluster: Callable[[Plan], Cluster], make_netns: Callable[..., str]
) -> None:
    cluster = make_cluster(asking(grid_flags=("--latency-ms", "20")))
    with load(cluster, make_netns):
        for _ in range(ROLLS):
            assert wait_for_pods(cluster.coordinator).stop() == 0
            cluster.start_coordinator()
        wait_for_pods(cluster.coordinator)


def test_both_are_replaced_at_once_under_load(
    make_cluster: Callable[[Plan], Cluster], make_netns: Callable[..., str], releases: Callable[[int], list[str]]
) -> None:
    cluster = make_cluster(asking(grid_flags=("--latency-ms", "20")))
    with load(cluster, make_netns):
        for number in range(ROLLS_OF_BOTH):
            agent = wait_for_pods(cluster.node.agent)
            assert cluster.coordinator
            assert cluster.coordinator.stop() == 0
            assert agent.stop() == 0
            cluster.node.start_agent(launcher=releases(number))
            cluster.start_coordinator()
        wait_for_pods(cluster.node.agent)
