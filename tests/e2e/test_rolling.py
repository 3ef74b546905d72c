"""Daemons are replaced while pods come and go: no call of the runtime fails, and no address stays behind."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from runtime_calls import a_mac, add, delete, grid_holds

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome
from demo.daemons import command

LOOPS = 4
ROLLS = 3
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
        self._expect_success(container, "ADD", add(self.cluster.node, container, netns, pod=container))
        return container

    def _expect_success(self, container: str, verb: str, outcome: Outcome) -> None:
        if not outcome.ok:
            self.failures.append((f"{verb} {container}", outcome))


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
    cluster = make_cluster(Plan(grid_flags=("--latency-ms", "20")))
    node = cluster.node
    with load(cluster, make_netns):
        for number in range(ROLLS):
            assert node.agent
            node.agent.wait_for_count("allocated", PODS_PER_ROLL)
            assert node.agent.stop() == 0
            node.start_agent(launcher=releases(number))
            assert cluster.coordinator
            cluster.coordinator.wait_for(
                "node_connected", lambda line, own=f"0.2.{number}": line["release"] == own
            )
        node.agent.wait_for_count("allocated", PODS_PER_ROLL)


def test_coordinators_take_over_under_load(
    make_cluster: Callable[[Plan], Cluster], make_netns: Callable[..., str]
) -> None:
    cluster = make_cluster(Plan(grid_flags=("--latency-ms", "20")))
    with load(cluster, make_netns):
        for _ in range(ROLLS):
            assert cluster.coordinator
            cluster.coordinator.wait_for_count("allocated", PODS_PER_ROLL)
            assert cluster.coordinator.stop() == 0
            cluster.start_coordinator()
        cluster.coordinator.wait_for_count("allocated", PODS_PER_ROLL)


def test_both_are_replaced_at_once_under_load(
    make_cluster: Callable[[Plan], Cluster], make_netns: Callable[..., str], releases: Callable[[int], list[str]]
) -> None:
    cluster = make_cluster(Plan(grid_flags=("--latency-ms", "20")))
    node = cluster.node
    with load(cluster, make_netns):
        for number in range(ROLLS):
            assert cluster.coordinator
            assert node.agent
            node.agent.wait_for_count("allocated", PODS_PER_ROLL)
            assert cluster.coordinator.stop() == 0
            assert node.agent.stop() == 0
            node.start_agent(launcher=releases(number))
            cluster.start_coordinator()
        node.agent.wait_for_count("allocated", PODS_PER_ROLL)
