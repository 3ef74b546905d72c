"""No DEL comes: a node reboots, sandboxes are recreated, a runtime collects garbage. No address stays behind."""

from __future__ import annotations

import logging
import math
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from machines import agent_of, booted_again
from plans import NO_REST, asking
from runtime_calls import a_mac, add, coordinator_status, grid_holds

from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, Outcome, pod_args
from demo.links import remove_namespace
from demo.plugin_calls import PluginCalls

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

PODS = 50
OPERATIONS_OF_A_RELEASE = 2
SANDBOXES = 50
MACHINE = "machine-1"
IN_A_HURRY = [
    *(sys.executable, "-c"),
    "import sys; from nodeagent import __main__ as m; from nodeagent.attachments import vanished; "
    "vanished.LOOK_EVERY_S = 0.5; sys.exit(m.main())",
]


def vanish(netns: str) -> None:
    """The sandbox is gone, and nobody said so."""
    remove_namespace(os.path.basename(netns))


def releases_per_call(cluster: Cluster) -> int:
    """How many releases the next call to the grid may carry, by what the coordinator says of itself."""
    return int(coordinator_status(cluster)["lane"]["operations_max"]) // OPERATIONS_OF_A_RELEASE


@pytest.mark.timeout(240)  # an earlier boot is over when it was not heard for a minute
def test_a_reboot_releases_all_pods_of_the_node_in_few_calls(
    make_cluster: MakeCluster, make_netns: MakeNetns, tmp_path: Path
) -> None:
    plan = asking(nodes=("node-1", "node-2"), grid_flags=("--latency-ms", "200"), agent=agent_of(MACHINE))
    cluster = make_cluster(plan)
    node, neighbour = cluster.nodes.values()
    assert add(neighbour, "lives", make_netns(a_mac())).ok
    plugin, netns = PluginCalls(node), [make_netns(a_mac()) for _ in range(PODS)]
    with ThreadPoolExecutor(PODS) as pool:
        assert all(pool.map(lambda n: plugin.add(f"pod-{n}", "eth0", netns[n]).ok, range(PODS)))
    assert node.agent
    assert cluster.coordinator
    node.agent.kill()
    for each in netns:
        vanish(each)
    batch = releases_per_call(cluster)

    node.start_agent(launcher=booted_again(MACHINE, tmp_path))
    assert add(node, "new", make_netns(a_mac())).ok
    calls_before = cluster.grid.call_count()

    assert grid_holds(cluster, "lives", "new", timeout_s=120)
    cluster.coordinator.wait_for_count("gone", PODS)
    calls = cluster.grid.call_count() - calls_before
    logging.getLogger(__name__).info("%d releases, %d in a call at most: %d calls", PODS, batch, calls)
    assert calls <= math.ceil(PODS / batch) + 1


def test_a_sandbox_recreated_again_and_again_without_a_del_holds_two_addresses_at_most(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(coordinator_flags=(*NO_REST, "--network", "10.55.0.0/29")))
    node, netns = cluster.node, ""
    for number in range(SANDBOXES):
        if netns:
            vanish(netns)
        netns = make_netns(a_mac())
        assert add_sandbox(node, f"sandbox-{number}", netns).ok
        assert node.agent
        node.agent.wait_for_count("released", number)
        assert len(cluster.grid.pods()) <= 2
    assert grid_holds(cluster, f"sandbox-{SANDBOXES - 1}")


def add_sandbox(node: Node, container: str, netns: str) -> Outcome:
    """ADD for one more sandbox of the same pod."""
    args = pod_args("shop", "web-0", container, "uid-web-0")
    return node.ipam(Invocation("ADD", container, "eth0", netns, args), node.config(subnet="10.55.0.0/29"))


def test_pods_whose_namespaces_vanish_are_released_while_others_live(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    node = cluster.node
    assert node.agent
    node.agent.stop()
    node.start_agent(launcher=IN_A_HURRY)
    netns = [make_netns(a_mac()) for _ in range(4)]
    for number, each in enumerate(netns):
        assert add(node, f"pod-{number}", each, pod=f"pod-{number}").ok

    for each in netns[2:]:
        vanish(each)

    assert grid_holds(cluster, "pod-0", "pod-1")


def test_a_runtime_that_collects_garbage_frees_what_has_vanished_alone(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    node, netns = cluster.node, {name: make_netns(a_mac()) for name in ("listed", "lives", "gone", "elsewhere")}
    config = {**node.config(), "cniVersion": "1.1.0"}
    for name, path in netns.items():
        network = "storage" if name == "elsewhere" else "pods"
        assert add(node, name, path, config={**config, "name": network}).ok
    for name in ("listed", "gone", "elsewhere"):
        vanish(netns[name])

    assert node.ipam(Invocation("GC", None, None), config).ok
    listed = [{"containerID": "listed", "ifname": "eth0"}]
    assert node.ipam(Invocation("GC", None, None), {**config, "cni.dev/valid-attachments": listed}).ok

    assert grid_holds(cluster, "listed", "lives", "elsewhere")
