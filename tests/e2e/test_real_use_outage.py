"""Grid cut off, or all coordinators gone: pods start from the reserve, and end; then the grid shows who lives."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from hurry import impatient_agent
from runtime_calls import a_container, a_mac, add, delete, shows

from demo.cluster import Cluster, Node, Plan
from demo.cni import Outcome
from demo.grid import ea

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

NODES = ("node-1", "node-2")
RESERVE = 2
RECOVERY_S = 60


@dataclass(frozen=True)
class Site:
    """A node and one of the networks that its pods use."""

    node: Node
    config: Mapping[str, Any]

    def add(self, container: str, netns: str) -> Outcome:
        return add(self.node, container, netns, config=self.config)

    def delete(self, container: str) -> Outcome:
        return delete(self.node, container, config=self.config)


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    flags = ("--release-delay", "0", "--reserve", str(RESERVE))
    return make_cluster(Plan(nodes=NODES, coordinator_flags=flags, agent=impatient_agent()))


@contextmanager
def grid_cut_off(cluster: Cluster) -> Iterator[None]:
    cluster.grid.set_faults(cut_before_commit=-1)
    yield
    cluster.grid.set_faults(cut_before_commit=0)


@contextmanager
def every_coordinator_gone(cluster: Cluster) -> Iterator[None]:
    assert cluster.coordinator
    cluster.coordinator.kill()
    yield
    cluster.start_coordinator()


def sites_of(cluster: Cluster) -> list[Site]:
    networks = ({}, {"subnet": "10.56.0.0/24", "gateway": "10.56.0.1"})
    return [
        Site(node, {**node.config(**ipam), "name": f"pods-{number}"})
        for node, (number, ipam) in itertools.product(cluster.nodes.values(), enumerate(networks))
    ]


def shows_in_use(cluster: Cluster, *containers: str) -> bool:
    """Whether exactly these containers are in the grid, and whatever bears no label is kept ready by a node."""
    found = [each for each in cluster.grid.objects() if ea(each, "Allocation ID")]
    in_use = sorted(ea(each, "VM ID") for each in found if ea(each, "VM ID"))
    return in_use == sorted(containers) and all(
        each["name"] == ("web-0" if ea(each, "VM ID") else "reserve") for each in found
    )


@pytest.mark.parametrize("cut", [grid_cut_off, every_coordinator_gone])
def test_meanwhile_as_many_pods_start_as_were_ready_and_afterwards_the_grid_shows_who_lives(
    cluster: Cluster, make_netns: MakeNetns, cut: Callable[[Cluster], Any]
) -> None:
    sites = sites_of(cluster)
    living, ended = [a_container() for _ in sites], [a_container() for _ in sites]
    for containers in (living, ended):
        for site, container in zip(sites, containers, strict=True):
            assert site.add(container, make_netns(a_mac())).ok
    ready = RESERVE * len(sites)
    assert cluster.grid.wait_until(lambda: shows(cluster, *living, *ended, ready=ready))
    for site in sites:
        site.node.wait_until_ready(RESERVE, site.config["name"])

    with ThreadPoolExecutor(len(sites)) as pool, cut(cluster):
        for _ in range(RESERVE):
            started = [a_container() for _ in sites]
            for site, container in zip(sites, started, strict=True):
                assert site.add(container, make_netns(a_mac())).ok
            living += started
        namespaces = [make_netns(a_mac()) for _ in sites]
        refused = list(pool.map(lambda site, netns: site.add(a_container(), netns), sites, namespaces))
        assert [outcome.code for outcome in refused] == [11] * len(sites)
        assert all(outcome.result["msg"] for outcome in refused)
        for site, container in zip(sites, ended, strict=True):
            assert site.delete(container).ok
        last = living[-len(sites) :]
        del living[-len(sites) :]
        for site, container in zip(sites, last, strict=True):
            assert site.delete(container).ok

    # A refill that was declined meanwhile is asked for again, the sooner the shorter the outage was.
    assert cluster.grid.wait_until(lambda: shows_in_use(cluster, *living), timeout_s=RECOVERY_S)
