"""How many WAPI calls each verb costs, counted by the grid."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds, shows, wait_until_listed

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome
from demo.plugin_calls import PluginCalls

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


class Meter:
    """Counts the calls between two looks."""

    def __init__(self, cluster: Cluster) -> None:
        self._grid = cluster.grid
        self._seen = self._grid.call_count()

    def calls(self) -> int:
        before, self._seen = self._seen, self._grid.call_count()
        return self._seen - before


def test_each_verb_costs_what_was_promised(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    wait_until_listed(cluster)
    node, meter = cluster.node, Meter(cluster)
    config = {**node.config(), "cniVersion": "1.1.0"}
    netns = make_netns(a_mac())

    first = add(node, "first", netns)
    assert first.ok
    assert meter.calls() <= 6

    warm = add(node, "warm", make_netns(a_mac()))
    assert warm.ok
    assert meter.calls() == 1

    assert add(node, "first", netns).stdout == first.stdout
    assert meter.calls() == 0

    previous = {**config, "prevResult": {**first.result, "cniVersion": "1.1.0"}}
    assert node.ipam(Invocation("CHECK", "first", "eth0", netns), previous).ok
    assert node.ipam(Invocation("STATUS", None, None), config).ok
    assert node.ipam(Invocation("VERSION", None, None), config).ok
    assert meter.calls() == 0

    assert delete(node, "warm").ok
    assert grid_holds(cluster, "first")
    assert meter.calls() == 1

    assert delete(node, "nobody").ok
    assert delete(node, "warm").ok
    assert add(node, "last", make_netns(a_mac())).ok
    assert meter.calls() == 1


def test_fifty_pods_at_once_share_their_calls(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking(grid_flags=("--latency-ms", "100")))
    node = cluster.node
    assert add(node, "warm-up", make_netns(a_mac())).ok
    wait_until_listed(cluster)
    netns = [make_netns(a_mac()) for _ in range(50)]
    meter = Meter(cluster)
    with ThreadPoolExecutor(50) as pool:
        outcomes: list[Outcome] = list(pool.map(lambda n: add(node, f"pod-{n}", netns[n]), range(50)))
    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert len({outcome.address for outcome in outcomes}) == 50
    assert meter.calls() <= 8
    with ThreadPoolExecutor(50) as pool:
        deleted = list(pool.map(lambda n: delete(node, f"pod-{n}"), range(50)))
    assert all(outcome.ok for outcome in deleted)
    assert grid_holds(cluster, "warm-up")
    assert meter.calls() <= 12


def test_ten_pods_on_a_cold_cluster_make_one_network_and_one_gateway(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(grid_flags=("--latency-ms", "20")))
    netns = [make_netns(a_mac()) for _ in range(10)]
    with ThreadPoolExecutor(10) as pool:
        outcomes = list(pool.map(lambda n: add(cluster.node, f"pod-{n}", netns[n]), range(10)))
    assert len({outcome.address for outcome in outcomes}) == 10
    assert [network["network"] for network in cluster.grid.objects("network")] == ["10.55.0.0/24"]
    addresses = [found["ipv4addr"] for found in cluster.grid.objects() if found["name"] == "gateway"]
    assert addresses == ["10.55.0.1"]


def test_an_add_from_the_reserve_makes_no_call_and_labels_and_refill_share_theirs(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    flags = ("--release-delay", "0", "--reserve", "50")
    cluster = make_cluster(Plan(grid_flags=("--latency-ms", "100"), coordinator_flags=flags))
    plugin, netns = PluginCalls(cluster.node, subnet="10.56.0.0/21", gateway="10.56.0.1"), make_netns()
    assert plugin.add("warm-up", "eth0", netns).ok
    cluster.node.wait_until_ready(50)
    meter = Meter(cluster)
    names = [f"pod-{number}" for number in range(50)]
    with ThreadPoolExecutor(50) as pool:
        outcomes = list(pool.map(lambda name: plugin.add(name, "eth0", netns), names))
    assert [outcome for outcome in outcomes if not outcome.ok] == []
    assert cluster.node.agent
    told = [line for line in cluster.node.agent.lines if line.get("event") == "allocated"]
    assert [line["wapi_calls"] for line in told[1:]] == [0] * 50
    assert cluster.grid.wait_until(lambda: shows(cluster, "warm-up", *names, ready=50))
    assert meter.calls() <= 8


@pytest.mark.timeout(180)
def test_an_idle_minute_costs_nothing(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(Plan())
    assert add(cluster.node, "one", make_netns(a_mac())).ok
    assert cluster.grid.wait_until(lambda: shows(cluster, "one", ready=2))
    calls = cluster.grid.call_count()
    # The one wait in these tests that is for nothing to happen.
    assert not cluster.grid.wait_for_calls(calls + 1, timeout_s=60)
