"""An address is ready, or asked for; whoever is killed, no pod loses its own, and none is left behind."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from runtime_calls import a_mac, add, allocation_ids, delete

from demo.cluster import Cluster, Plan

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def keeping(reserve: int) -> Plan:
    """A cluster whose node keeps so many addresses ready; what was let go does not rest."""
    return Plan(coordinator_flags=("--release-delay", "0", "--reserve", str(reserve)))


def test_an_add_is_asked_for_the_next_comes_from_the_reserve_and_dels_leave_nothing(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(keeping(1))
    agent = cluster.node.agent
    assert agent

    mac = a_mac()
    first = add(cluster.node, "c1", make_netns(mac), pod="first")
    assert first.ok, first
    found = cluster.grid.pods()[first.address]
    assert (found["name"], found["mac"]) == ("first", mac)
    assert cluster.grid.wait_until(lambda: len(allocation_ids(cluster)) == 2)
    agent.wait_for(
        "message_received", lambda _: [line.get("type") for line in agent.lines].count("allocated") == 2
    )

    second = add(cluster.node, "c2", make_netns(a_mac()), pod="second")
    assert second.ok, second
    assert agent.wait_for("allocated", lambda line: line["container"] == "c2")["wapi_calls"] == 0
    agent.wait_for("message_received", lambda line: line["type"] == "labelled")
    assert cluster.grid.pods()[second.address]["name"] == "second"

    for container in ("c1", "c2"):
        assert delete(cluster.node, container).ok
        agent.wait_for("released", lambda line, of=container: line["container"] == of)
    assert cluster.grid.pods() == {}


@pytest.mark.parametrize("reserve", [0, 2])
@pytest.mark.parametrize("victim", ["agent", "coordinator"])
def test_who_lives_keeps_its_address_and_who_is_gone_leaves_nothing_whoever_is_killed(
    make_cluster: MakeCluster, make_netns: MakeNetns, victim: str, reserve: int
) -> None:
    cluster = make_cluster(keeping(reserve))
    netns = make_netns()
    lives = add(cluster.node, "lives", netns)
    assert lives.ok
    assert add(cluster.node, "goes", make_netns()).ok
    assert cluster.coordinator
    assert cluster.node.agent

    if victim == "agent":
        cluster.node.agent.kill()
        assert delete(cluster.node, "goes").ok
        cluster.node.start_agent()
        cluster.wait_connected("node-1")
    else:
        cluster.coordinator.kill()
        assert delete(cluster.node, "goes").ok
        assert add(cluster.node, "lives", netns).address == lives.address
        cluster.start_coordinator()
        cluster.wait_connected("node-1")

    cluster.node.agent.wait_for("released", lambda line: line["container"] == "goes")
    assert add(cluster.node, "lives", netns).address == lives.address
    assert list(cluster.grid.pods()) == [lives.address]
    assert add(cluster.node, "new", make_netns()).ok
