"""What Kubernetes says is gone, the sweep frees; what it does not say, or cannot be asked, stays."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from leftovers import SWEEPS_SOON, end_second_agent, plant
from plans import asking
from runtime_calls import a_mac, add

from coordinator.sweep.gone_nodes import MASS_ADDRESSES
from demo.cluster import Cluster, Plan
from nodeagent.__main__ import BOOT_ID_PATH
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

LOOKS = 5
"""So many sweeps would have released twice over what two looks may release."""


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
    cluster.coordinator.wait_for_count("swept", cluster.coordinator.count("swept") + LOOKS, timeout_s=60)


def leave(cluster: Cluster, address: str, name: str, pod_uid: str) -> None:
    """An object of this boot which is in no journal, as after the loss of one."""
    boot_id = BOOT_ID_PATH.read_text(encoding="ascii").strip()
    comment, pod_name = f"pod {pod_uid} boot {boot_id}", {"VM Name": f"shop/{name}"}
    plant(cluster, address, f"container-{name}", cluster.node.name, comment, pod_name)


def test_a_deleted_node_loses_its_addresses_one_that_is_not_ready_does_not(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(watching_plan(api, "node-1", "node-2"))
    stays, goes = end_second_agent(cluster, make_netns)
    api.cluster.set_ready("node-2", "Unknown")
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
        plant(cluster, f"10.55.0.{100 + number}", f"lost-{number}", "node-3", "boot earlier")

    api.cluster.remove_node("node-3")
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {held.address}, timeout_s=60)
    assert cluster.coordinator
    assert not cluster.coordinator.count("sweep_stopped")


def test_an_attachment_without_a_journal_lives_as_long_as_its_pod(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    static = {"kubernetes.io/config.hash": "uid-static"}
    uid = api.cluster.add_pod("shop", "web", "node-1", phase="Succeeded")["metadata"]["uid"]
    api.cluster.add_pod("shop", "proxy", "node-1", annotations=static)
    cluster = make_cluster(watching_plan(api, "node-1"))
    held = add(cluster.node, "held", make_netns(a_mac()), pod="in-no-list")
    assert held.ok
    leave(cluster, "10.55.0.77", "web", uid)
    leave(cluster, "10.55.0.78", "proxy", "uid-static")
    wait_for_looks(cluster)
    assert set(cluster.grid.pods()) == {held.address, "10.55.0.77", "10.55.0.78"}

    api.cluster.remove_pod("shop", "web")
    assert cluster.grid.wait_until(lambda: "10.55.0.77" not in cluster.grid.pods(), timeout_s=60)
    wait_for_looks(cluster)
    assert set(cluster.grid.pods()) == {held.address, "10.55.0.78"}


def test_without_the_api_server_pods_get_addresses_and_nothing_is_swept(
    api: KubernetesStub, make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    api.down()
    cluster = make_cluster(watching_plan(api, "node-1"))
    coordinator = cluster.coordinator
    assert coordinator
    held = add(cluster.node, "held", make_netns(a_mac()))
    assert held.ok
    leave(cluster, "10.55.0.77", "web", "uid-gone")
    wait_for_looks(cluster)
    coordinator.wait_for("sweep_stopped", lambda line: "not known at the moment" in line["reason"])
    assert set(cluster.grid.pods()) == {held.address, "10.55.0.77"}

    api.up()
    coordinator.wait_for("cluster_listed", lambda line: bool(line["kind"] == "pods"), timeout_s=60)
    assert cluster.grid.wait_until(lambda: set(cluster.grid.pods()) == {held.address}, timeout_s=60)
