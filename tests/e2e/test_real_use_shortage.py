"""A network that others have filled, with addresses that nodes keep ready: real agents, one of them away."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hostile import passes
from runtime_calls import a_mac, add, shows

from demo.cluster import Cluster, Node, Plan
from demo.grid import ea

MakeNetns = Callable[..., str]

NODES = ("node-1", "node-2", "node-3", "node-4", "node-5")
READY_OF_EACH = 2


def fill(cluster: Cluster) -> None:
    """Another tenant takes what is left of the /24."""
    taken = {each["ipv4addr"] for each in cluster.grid.objects()}
    free = {f"10.55.0.{number}" for number in range(1, 255)} - taken
    of_other = {"Tenant ID": {"value": "another"}}
    several = [{"ipv4addr": each, "match_client": "RESERVED", "extattrs": of_other} for each in sorted(free)]
    cluster.grid.create_all("fixedaddress", several)


def until_full(node: Node, prefix: str, make_netns: MakeNetns) -> tuple[int, str]:
    """ADDs, one after the other, until one fails. Returns how many did not, and what the other one was told."""
    for number in range(50):
        outcome = add(node, f"{prefix}-{number}", make_netns(a_mac()))
        if not outcome.ok:
            assert outcome.code == 11
            return number, f"{outcome.result['msg']} {outcome.result['details']}"
    raise AssertionError("the network was never full")


@pytest.fixture
def cluster(make_cluster: Callable[[Plan], Cluster], make_netns: MakeNetns) -> Cluster:
    """Each of its nodes has one pod and two addresses ready; there is no other address left."""
    cluster = make_cluster(Plan(nodes=NODES, coordinator_flags=("--reserve", str(READY_OF_EACH))))
    for node in cluster.nodes.values():
        assert add(node, f"first-{node.name}", make_netns(a_mac())).ok
    first = [f"first-{name}" for name in NODES]
    assert cluster.grid.wait_until(lambda: shows(cluster, *first, ready=READY_OF_EACH * len(NODES)))
    fill(cluster)
    return cluster


def test_what_any_node_has_ready_is_there_for_each_and_what_one_has_that_is_away_is_named(
    cluster: Cluster, make_netns: MakeNetns
) -> None:
    node, away = cluster.node, cluster.nodes["node-5"]
    assert away.agent
    away.agent.kill()
    assert cluster.coordinator
    cluster.coordinator.kill()
    cluster.start_coordinator()
    for name in NODES[:-1]:
        cluster.wait_connected(name)
    served, told = until_full(node, "without", make_netns)
    assert served == READY_OF_EACH * (len(NODES) - 1), told
    assert f"{READY_OF_EACH} are kept ready by nodes that are away" in told

    away.start_agent()
    cluster.wait_connected(away.name)
    for _ in passes("what was said of the network a moment ago to be asked anew"):
        if add(node, "first-of-two", make_netns(a_mac())).ok:
            break
    served, told = until_full(node, "with", make_netns)
    assert 1 + served == READY_OF_EACH, told
    assert "; 0 are kept ready by nodes that are away" in told
    everybody = len(NODES) * (1 + READY_OF_EACH)
    assert cluster.grid.wait_until(lambda: len(cluster.grid.pods()) == everybody)
    assert not [each for each in cluster.grid.objects() if ea(each, "Allocation ID") and not ea(each, "VM ID")]
