"""What Kubernetes says is gone, the sweep frees; what it does not say, or cannot be asked, stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from leftovers import SWEEPS_SOON, an_id, end_second_agent, plant
from plans import asking
from runtime_calls import a_mac, add, coordinator_status

from coordinator.nodes.sessions import SILENT_S
from coordinator.sweep.gone_nodes import AWAY, MASS_ADDRESSES
from demo.cluster import Cluster, Plan
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

LOOKS = 5
"""So many sweeps that what may be freed is freed."""

FREED_S = SILENT_S + 30
"""An agent that was killed is taken for alive until it has been silent for a while."""


@pytest.fixture
def api(tmp_path: Path) -> Iterator[KubernetesStub]:
    directory = tmp_path / "api"
    directory.mkdir()
    with KubernetesStub(directory) as running:
        yield running


def watching_plan(api: KubernetesStub, *nodes: str) -> Plan:
    for node in nodes:
        api.cluster.add_node(node)
    where = ("--kubernetes-api", api.url, "--kubernetes-credentials", str(api.credentials))
    return asking(nodes=nodes, coordinator_flags=(*SWEEPS_SOON, "--watch-cluster", "true", *where))


def wait_for_looks(cluster: Cluster) -> None:
    assert cluster.coordinator
    cluster.coordinator.wait_for_count("listed", cluster.coordinator.count("listed") + LOOKS, timeout_s=60)


def wait_until_silent(cluster: Cluster, node: str) -> None:
    assert cluster.coordinator
    cluster.coordinator.wait_for("node_silent", lambda line: bool(line["node"] == node), timeout_s=FREED_S)


def test_a_deleted_node_loses_its_addresses_one_that_is_not_ready_does_not(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(watching_plan(api, "node-1", "node-2"))
    stays, goes = end_second_agent(cluster, make_netns)
    api.cluster.set_ready("node-2", "Unknown")
    wait_until_silent(cluster, "node-2")
    wait_for_looks(cluster)
    assert set(cluster.grid.pods()) == {stays, goes}

    api.cluster.remove_node("node-2")
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {stays}, timeout_s=60)


def test_a_small_cluster_that_loses_a_node_with_many_addresses_goes_on_sweeping(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    api.cluster.add_node("node-3")
    cluster = make_cluster(watching_plan(api, "node-1", "node-2"))
    held = add(cluster.node, "held", make_netns(a_mac()))
    assert held.ok
    for number in range(MASS_ADDRESSES + 1):
        plant(cluster, f"10.55.0.{100 + number}", f"lost-{number}", "node-3", "", an_id(cluster, "node-3"))
    wait_for_looks(cluster)
    assert len(cluster.grid.pods()) == MASS_ADDRESSES + 2

    api.cluster.remove_node("node-3")
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {held.address}, timeout_s=60)
    assert coordinator_status(cluster)["sweep"]["stopped"] == ""


def test_without_the_api_server_pods_get_addresses_and_nothing_is_freed(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    api.down()
    cluster = make_cluster(watching_plan(api, "node-1"))
    coordinator = cluster.coordinator
    assert coordinator
    held = add(cluster.node, "held", make_netns(a_mac()))
    assert held.ok
    plant(cluster, "10.55.0.77", "lost", "node-3", "", an_id(cluster, "node-3"))
    wait_for_looks(cluster)
    assert coordinator_status(cluster)["sweep"]["stopped"] == AWAY
    assert set(cluster.grid.pods()) == {held.address, "10.55.0.77"}

    api.up()
    coordinator.wait_for("cluster_listed", lambda line: bool(line["kind"] == "nodes"), timeout_s=60)
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {held.address}, timeout_s=60)
