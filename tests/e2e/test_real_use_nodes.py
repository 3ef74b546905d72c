"""What happens to nodes in real use: they have two drivers, are drained, their cluster is renamed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from hostile import passes
from plans import NO_REST, WITHOUT_RESERVE, asking
from runtime_calls import a_mac, add, coordinator_of, coordinator_status, delete, grid_holds, shows

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, execute
from demo.grid import ea
from demo.links import remove_namespace

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

READY = 2
RESTS = ("--release-delay", "8")


def vanish(netns: str) -> None:
    """The pod has ended, and nobody said so."""
    remove_namespace(os.path.basename(netns))


def test_two_drivers_of_one_node_serve_side_by_side(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    node, second = cluster.node, cluster.add_node("second")
    flags = ("--node-name", node.name, "--keys", str(cluster.keys / node.name), "--run-dir", str(node.run_dir))
    other = second.start_agent(*flags, "--driver-name", "infoblox2")
    other.wait_for("coordinator_reached")
    plugins = [Path(node.plugin), Path(second.plugin).with_name("infoblox2")]
    shutil.copy(second.plugin, plugins[1])
    configs = [node.config(), second.config()]
    netns = make_netns()

    def add_one(number: int) -> str:
        invocation = Invocation("ADD", f"pod-{number}", "eth0", netns)
        return execute([str(plugins[number % 2])], invocation, configs[number % 2]).address

    with ThreadPoolExecutor(20) as pool:
        addresses = set(pool.map(add_one, range(60)))
    assert len(addresses) == 60
    assert coordinator_of(cluster).count("node_connected") == 2
    assert node.agent
    assert [agent.count("coordinator_lost") for agent in (node.agent, other)] == [0, 0]


def test_a_container_started_again_under_its_id_gets_a_new_address(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(coordinator_flags=(*RESTS, *WITHOUT_RESERVE)))
    netns = make_netns(a_mac())
    first = add(cluster.node, "container", netns)
    vanish(netns)
    second = add(cluster.node, "container", make_netns(a_mac()))
    assert (first.ok, second.ok) == (True, True)
    assert second.address != first.address
    assert cluster.grid.wait_until(lambda: list(cluster.grid.pods()) == [second.address], timeout_s=60)


def test_a_node_that_is_drained_and_switched_off_at_once_leaves_nothing_of_its_pods(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(Plan(coordinator_flags=RESTS))
    node, names = cluster.node, [f"pod-{number}" for number in range(5)]
    assert all(add(node, name, make_netns(a_mac())).ok for name in names)
    assert cluster.grid.wait_until(lambda: shows(cluster, *names, ready=READY))
    assert all(delete(node, name).ok for name in names)
    for _ in passes("releases that rest"):
        if coordinator_status(cluster)["deletions_waiting"] == len(names):
            break
    assert node.agent
    node.agent.kill()
    assert grid_holds(cluster, timeout_s=60)


def test_another_cluster_name_is_written_on_what_lives_which_stays(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(coordinator_flags=(*NO_REST, "--sweep-interval", "2")))
    node, netns = cluster.node, {name: make_netns(a_mac()) for name in ("stays", "goes")}
    given = {name: add(node, name, path).address for name, path in netns.items()}
    coordinator_of(cluster).stop()
    cluster.start_coordinator("--cluster-name", "renamed")
    cluster.wait_connected(node.name)

    def tenants() -> set[str]:
        return {ea(found, "Tenant ID") for found in (*cluster.grid.objects(), *cluster.grid.objects("network"))}

    assert cluster.grid.wait_until(lambda: tenants() == {"renamed"})
    assert set(cluster.grid.pods()) == set(given.values())
    assert add(node, "stays", netns["stays"]).address == given["stays"]
    assert add(node, "new", make_netns(a_mac())).ok
    assert delete(node, "goes").ok
    assert cluster.grid.wait_until(lambda: given["goes"] not in cluster.grid.pods())
    assert grid_holds(cluster, "stays", "new")
