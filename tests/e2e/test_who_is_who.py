"""Whose an address is, in real processes: another name or id of the cluster, another cluster, another driver."""

from __future__ import annotations

from collections.abc import Callable

from hurry import impatient_agent
from plans import asking
from runtime_calls import add, allocation_ids, coordinator_status, delete

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, execute, pod_args
from demo.daemons import Daemon
from demo.grid import ea

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]
OTHER_ID = "decaf0000000"


def restart(cluster: Cluster, *flags: str) -> Daemon:
    assert cluster.coordinator
    cluster.coordinator.kill()
    return cluster.start_coordinator(*flags)


def give_other_id(cluster: Cluster) -> None:
    (cluster.keys / "coordinator" / "cluster-id").write_text(f"{OTHER_ID}\n")


def alarms(cluster: Cluster) -> list[str]:
    return [each["kind"] for each in coordinator_status(cluster)["alarms"]]


def tenants(cluster: Cluster) -> set[str]:
    return {found for each in cluster.grid.objects() if (found := ea(each, "Tenant ID"))}


def restart_agent(cluster: Cluster) -> Daemon:
    assert cluster.node.agent
    cluster.node.agent.kill()
    return cluster.node.start_agent()


def test_a_cluster_that_is_called_otherwise_keeps_its_addresses_and_shows_them_under_the_new_name(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    assert cluster.node.agent
    netns = make_netns()
    lives = add(cluster.node, "lives", netns)
    assert tenants(cluster) == {"demo"}

    coordinator = restart(cluster, "--cluster-name", "blue")
    cluster.wait_connected("node-1")
    coordinator.wait_for("renamed")

    assert tenants(cluster) == {"blue"}
    assert add(cluster.node, "lives", netns).address == lives.address
    assert add(cluster.node, "new", make_netns()).ok
    for container in ("lives", "new"):
        assert delete(cluster.node, container).ok
        cluster.node.agent.wait_for("released", lambda line, of=container: line["container"] == of)
    assert allocation_ids(cluster) == set()


def test_pods_with_addresses_of_another_cluster_run_on_and_when_they_have_ended_the_node_begins_anew(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(agent=impatient_agent()))
    assert cluster.node.agent
    netns = make_netns()
    lives = add(cluster.node, "lives", netns)
    kept = allocation_ids(cluster)

    give_other_id(cluster)
    coordinator = restart(cluster)
    cluster.node.agent.wait_for("wrong_cluster")
    coordinator.wait_for("wrong_cluster")
    coordinator.wait_for("another_cluster")
    assert set(alarms(cluster)) == {"another_cluster", "wrong_cluster"}
    assert add(cluster.node, "lives", netns).address == lives.address
    refused = add(cluster.node, "new", make_netns())
    assert refused.code == 11
    assert allocation_ids(cluster) == kept

    assert delete(cluster.node, "lives").ok
    restart_agent(cluster).wait_for("cluster_changed")
    cluster.wait_connected("node-1")
    assert add(cluster.node, "new", make_netns()).ok
    assert kept < allocation_ids(cluster)


def test_with_the_former_id_told_nothing_is_noticed_of_the_new_one(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    assert cluster.node.agent
    netns = make_netns()
    lives = add(cluster.node, "lives", netns)
    (former,) = {each.partition("-")[0] for each in allocation_ids(cluster)}

    give_other_id(cluster)
    restart(cluster, "--former-cluster-id", former)
    cluster.wait_connected("node-1")

    assert alarms(cluster) == []
    assert add(cluster.node, "lives", netns).address == lives.address
    assert delete(cluster.node, "lives").ok
    cluster.node.agent.wait_for("released", lambda line: line["container"] == "lives")
    assert allocation_ids(cluster) == set()
    assert add(cluster.node, "new", make_netns()).ok
    assert {each.partition("-")[0] for each in allocation_ids(cluster)} == {OTHER_ID}


def test_two_drivers_of_one_node_have_a_session_each(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(Plan(coordinator_flags=("--release-delay", "0", "--reserve", "1")))
    node, first = cluster.node, cluster.node.agent
    assert first
    assert cluster.coordinator
    second = node.start_agent("--driver-name", "fast")
    try:
        cluster.coordinator.wait_for("node_connected", lambda line: line["driver"] == "fast")
        (node.bin_dir / "fast").symlink_to(node.plugin)
        config = node.config()
        config["ipam"]["type"] = "fast"
        addresses = set()
        for number in range(10):
            addresses.add(add(cluster.node, f"slow-{number}", make_netns()).address)
            args = pod_args("shop", f"fast-{number}", f"fast-{number}", f"uid-{number}")
            invocation = Invocation("ADD", f"fast-{number}", "eth0", make_netns(), args)
            addresses.add(execute([str(node.bin_dir / "fast")], invocation, config).address)
        assert len(addresses) == 20
        assert cluster.coordinator.count("node_connected") == 2
        assert first.count("coordinator_lost") == second.count("coordinator_lost") == 0
        assert alarms(cluster) == []
    finally:
        second.stop()
        node.agent = first
