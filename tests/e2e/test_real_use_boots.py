"""Copied machines, machines that boot within seconds, containers that play a node: real processes, one kernel.

A boot is another one where a file lies over the kernel's boot ID. The minutes of coordinator and agents are
`hurry.SILENCE_S`; `test_without_del.py` has a reboot at the true times.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hostile import passes
from hurry import SILENCE_S, agent_in_a_hurry, coordinator_in_a_hurry
from machines import in_another_boot
from runtime_calls import a_mac, add, coordinator_status, delete

from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, Outcome
from demo.daemons import command
from demo.grid import ea
from demo.links import remove_namespace

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def hurried_plan(reserve: int, *flags: str) -> Plan:
    return Plan(
        coordinator=coordinator_in_a_hurry(),
        agent=agent_in_a_hurry("--machine", "m-1"),
        coordinator_flags=("--release-delay", "0", "--sweep-interval", "1", "--reserve", str(reserve), *flags),
    )


def alarms(cluster: Cluster) -> set[str]:
    return {each["kind"] for each in coordinator_status(cluster)["alarms"]}


def objects(cluster: Cluster) -> dict[str, Mapping[str, Any]]:
    """All allocations in the grid, by address."""
    return {each["ipv4addr"]: each for each in cluster.grid.objects() if ea(each, "Allocation ID")}


def check(node: Node, container: str, netns: str, told: Outcome) -> Outcome:
    config = {**node.config(), "prevResult": told.result}
    return node.ipam(Invocation("CHECK", container, "eth0", netns), config)


def wait_for_silence(cluster: Cluster) -> None:
    """Sweeps for longer than a boot has to be silent, and the probe after it takes."""
    assert cluster.coordinator
    cluster.coordinator.wait_for_count("listed", cluster.coordinator.count("listed") + int(SILENCE_S) + 3, 60)


@pytest.fixture
def cloned(make_cluster: MakeCluster) -> tuple[Cluster, Node, Node]:
    """A cluster, its node, and what was copied from it: keys, and what it had on its disk."""
    cluster = make_cluster(hurried_plan(1))
    true, clone = cluster.node, cluster.add_node("clone")
    shutil.copytree(cluster.keys / true.name, cluster.keys / clone.name)
    return cluster, true, clone


def start_clone(cluster: Cluster, true: Node, clone: Node) -> None:
    shutil.copytree(true.run_dir, clone.run_dir, dirs_exist_ok=True)
    launcher = in_another_boot(agent_in_a_hurry(), clone.directory)
    clone.start_agent("--machine", "m-2", "--node-name", true.name, launcher=launcher)
    assert cluster.coordinator
    cluster.coordinator.wait_for_count("node_connected", 2)


def test_a_copied_machine_frees_nothing_is_given_nothing_and_is_served_like_the_true_one(
    cloned: tuple[Cluster, Node, Node], make_netns: MakeNetns
) -> None:
    cluster, true, clone = cloned
    netns, on_clone = make_netns(a_mac()), make_netns(a_mac())
    told = add(true, "lives", netns)
    assert told.ok
    assert cluster.grid.wait_until(lambda: len(objects(cluster)) == 2)
    of_true = set(objects(cluster))

    start_clone(cluster, true, clone)
    for _ in passes("two machines to be noticed"):
        if "two_machines" in alarms(cluster):
            break
    for node in (true, clone):
        for _ in passes("both nodes to be told"):
            if "two_machines" in node.status()["notices"]:
                break
    first = add(clone, "on-clone", on_clone)
    assert first.ok
    assert add(true, "more", make_netns(a_mac())).ok
    assert first.address not in of_true
    assert delete(clone, "lives").ok

    assert true.agent
    true.agent.kill()
    wait_for_silence(cluster)
    assert of_true <= set(objects(cluster))
    assert cluster.coordinator
    cluster.coordinator.kill()
    cluster.start_coordinator()
    cluster.wait_connected(true.name)
    wait_for_silence(cluster)
    assert of_true <= set(objects(cluster))
    second = add(clone, "clone-later", make_netns(a_mac()))
    assert second.ok
    assert second.address not in of_true

    true.start_agent()
    cluster.coordinator.wait_for_count("node_connected", 2)
    assert check(true, "lives", netns, told).ok
    assert add(true, "lives", netns).address == told.address
    assert add(true, "true-later", make_netns(a_mac())).ok
    assert add(clone, "on-clone", on_clone).address == first.address
    assert delete(true, "lives").ok
    assert cluster.grid.wait_until(lambda: told.address not in objects(cluster))


def test_a_node_boots_three_seconds_after_its_crash(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(hurried_plan(2))
    node = cluster.node
    for container in ("a", "b", "c"):
        assert add(node, container, make_netns(a_mac())).ok
    assert cluster.grid.wait_until(lambda: len(objects(cluster)) == 5)
    before = set(objects(cluster))
    assert node.agent
    node.agent.kill()
    shutil.rmtree(node.run_dir)

    agent = agent_in_a_hurry("--machine", "m-1")
    node.start_agent(launcher=in_another_boot(agent, node.directory))
    new = add(node, "new", make_netns(a_mac()))
    assert new.ok
    assert new.address not in before
    assert cluster.grid.wait_until(lambda: not before & set(objects(cluster)))
    assert set(cluster.grid.pods()) == {new.address}
    assert alarms(cluster) == set()


def test_after_a_container_that_plays_a_node_was_started_again_only_what_nobody_had_yet_is_left(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(hurried_plan(1))
    node = cluster.node
    namespaces = [make_netns(a_mac()) for _ in range(2)]
    for container, netns in zip(("a", "b"), namespaces, strict=True):
        assert add(node, container, netns).ok
    assert cluster.grid.wait_until(lambda: len(objects(cluster)) == 3 and len(cluster.grid.pods()) == 2)
    (ready,) = set(objects(cluster)) - set(cluster.grid.pods())
    assert node.agent
    node.agent.kill()
    shutil.rmtree(node.run_dir)
    for netns in namespaces:
        remove_namespace(os.path.basename(netns))

    node.start_agent()
    cluster.wait_connected(node.name)
    new = add(node, "new", make_netns(a_mac()))
    assert new.ok

    def is_clean() -> bool:
        return set(cluster.grid.pods()) == {new.address} and len(objects(cluster)) == 3

    assert cluster.grid.wait_until(is_clean)
    assert ready in objects(cluster)
    argv = [*command("cni-infoblox"), "verify", "--operator-socket", str(cluster.operator_socket)]
    assert ready in subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False).stdout
