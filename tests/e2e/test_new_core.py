"""The new agent with the new coordinator: a plugin is executed, the grid is looked at, processes are killed."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome, pod_args
from demo.grid import ea

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def new_core(*coordinator_flags: str) -> Plan:
    return Plan(
        coordinator_flags=("--release-delay", "0", *coordinator_flags),
        agent=(sys.executable, "-m", "nodeagent"),
        coordinator=(sys.executable, "-m", "coordinator"),
    )


def add(cluster: Cluster, container: str, netns: str) -> Outcome:
    args = pod_args("shop", container, container, f"uid-{container}")
    return cluster.node.ipam(Invocation("ADD", container, "eth0", netns, args))


def delete(cluster: Cluster, container: str) -> Outcome:
    return cluster.node.ipam(Invocation("DEL", container, "eth0", "/gone"))


def ids(cluster: Cluster) -> set[str]:
    return {found for each in cluster.grid.objects() if (found := ea(each, "Allocation ID"))}


def test_an_add_is_asked_for_the_next_comes_from_the_reserve_and_dels_leave_nothing(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(new_core("--reserve", "1"))
    agent = cluster.node.agent
    assert agent

    first = add(cluster, "c1", make_netns("02:00:00:00:00:01"))
    assert first.ok, first
    assert cluster.grid.pods()[first.address]["name"] == "c1"
    assert cluster.grid.pods()[first.address]["mac"] == "02:00:00:00:00:01"
    agent.wait_for("message_received", lambda line: line["type"] == "allocated" and len(ids(cluster)) == 2)

    second = add(cluster, "c2", make_netns("02:00:00:00:00:02"))
    assert second.ok, second
    assert agent.wait_for("allocated", lambda line: line["container"] == "c2")["wapi_calls"] == 0
    agent.wait_for("message_received", lambda line: line["type"] == "labelled")
    assert cluster.grid.pods()[second.address]["name"] == "c2"

    for container in ("c1", "c2"):
        assert delete(cluster, container).ok
        agent.wait_for("released", lambda line, of=container: line["container"] == of)
    assert cluster.grid.pods() == {}


@pytest.mark.parametrize("reserve", ["0", "2"])
@pytest.mark.parametrize("victim", ["agent", "coordinator"])
def test_who_lives_keeps_its_address_and_who_is_gone_leaves_nothing_whoever_is_killed(
    make_cluster: MakeCluster, make_netns: MakeNetns, victim: str, reserve: str
) -> None:
    cluster = make_cluster(new_core("--reserve", reserve))
    netns = make_netns()
    lives = add(cluster, "lives", netns)
    assert lives.ok
    assert add(cluster, "goes", make_netns()).ok
    assert cluster.coordinator
    assert cluster.node.agent

    if victim == "agent":
        cluster.node.agent.kill()
        assert delete(cluster, "goes").ok
        cluster.node.start_agent()
        cluster.wait_connected("node-1")
    else:
        cluster.coordinator.kill()
        assert delete(cluster, "goes").ok
        assert add(cluster, "lives", netns).address == lives.address
        cluster.start_coordinator()
        cluster.wait_connected("node-1")

    cluster.node.agent.wait_for("released", lambda line: line["container"] == "goes")
    assert add(cluster, "lives", netns).address == lives.address
    assert list(cluster.grid.pods()) == [lives.address]
    assert add(cluster, "new", make_netns()).ok
