"""Two clusters that are called alike share a grid, and so are their nodes: neither touches what the other has.

The minutes of coordinators and agents are `hurry.SILENCE_S`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hostile import passes
from hurry import SILENCE_S, agent_in_a_hurry, coordinator_in_a_hurry
from runtime_calls import a_mac, add, coordinator_status, delete

from demo.cluster import Cluster, Plan
from demo.grid import ea

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def own(cluster: Cluster) -> dict[str, str]:
    """What this cluster has in the grid: node by address."""
    cluster_id = (cluster.keys / "coordinator" / "cluster-id").read_text().strip()
    found = [each for each in cluster.grid.objects() if ea(each, "Allocation ID").startswith(f"{cluster_id}-")]
    return {each["ipv4addr"]: ea(each, "Location") for each in found}


def compare(*clusters: Cluster, times: int = 3) -> None:
    """Let both list the grid and compare."""
    coordinators = [each for cluster in clusters if (each := cluster.coordinator)]
    counts = [each.count("listed") for each in coordinators]
    for coordinator, count in zip(coordinators, counts, strict=True):
        coordinator.wait_for_count("listed", count + times, 60)


def restart(cluster: Cluster) -> None:
    assert cluster.coordinator
    cluster.coordinator.kill()
    cluster.start_coordinator()


def test_each_has_a_list_of_nodes_of_its_own_and_frees_nothing_but_its_own_nodes_addresses(
    make_cluster: MakeCluster, make_netns: MakeNetns, tmp_path: Path
) -> None:
    lists = {name: tmp_path / name for name in ("one", "two")}
    lists["one"].write_text("node-1\nnode-2\n")
    lists["two"].write_text("node-1\n")
    soon = ("--release-delay", "0", "--reserve", "1", "--sweep-interval", "1", "--node-gone-after", "1")
    daemons = {"coordinator": coordinator_in_a_hurry(), "agent": agent_in_a_hurry()}
    flags = {name: (*soon, "--live-nodes", str(file)) for name, file in lists.items()}
    one = make_cluster(Plan(nodes=("node-1", "node-2"), coordinator_flags=flags["one"], **daemons))
    two = make_cluster(Plan(grid=one.grid, coordinator_flags=flags["two"], **daemons))
    netns = {cluster: make_netns(a_mac()) for cluster in (one, two)}
    told = {cluster: add(cluster.node, "same-container", netns[cluster]) for cluster in (one, two)}
    assert told[one].ok
    assert told[two].ok
    assert add(one.nodes["node-2"], "second", make_netns(a_mac())).ok
    assert one.grid.wait_until(lambda: (len(own(one)), len(own(two))) == (4, 2))
    had_one, had_two = own(one), own(two)
    assert not had_one.keys() & had_two.keys()

    restart(one)
    restart(two)
    for cluster in (one, two):
        for _ in passes("the other cluster to be noticed"):
            if "another_cluster" in {each["kind"] for each in coordinator_status(cluster)["alarms"]}:
                break
    compare(one, two)
    assert (own(one), own(two)) == (had_one, had_two)

    # A node of one is gone; the other one has a node of that name, which it knows nothing about.
    second = one.nodes["node-2"].agent
    assert second
    second.kill()
    lists["one"].write_text("node-1\n")
    assert one.grid.wait_until(lambda: "node-2" not in own(one).values(), timeout_s=60)
    # Both clusters' first nodes are away, and no node of theirs is gone.
    for cluster in (one, two):
        assert cluster.node.agent
        cluster.node.agent.kill()
    compare(one, two, times=int(SILENCE_S) + 2)
    assert own(two) == had_two
    assert own(one) == {address: node for address, node in had_one.items() if node == "node-1"}

    for cluster in (one, two):
        cluster.node.start_agent()
        assert add(cluster.node, "same-container", netns[cluster]).address == told[cluster].address
    assert delete(one.node, "same-container").ok
    assert one.grid.wait_until(lambda: told[one].address not in own(one))
    compare(one, two)
    assert own(two) == had_two
