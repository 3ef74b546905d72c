"""Pods that containerd runs get their addresses from the grid, and give them back, whatever is down."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from containerd_process import Containerd, Sandbox
from enclosure import Enclosure

from demo.cluster import Cluster, Node
from demo.daemons import command
from demo.grid import ea

PODS = 30
AT_ONCE = 10


@pytest.fixture(scope="module")
def containerd(
    tmp_path_factory: pytest.TempPathFactory, node: Node, enclosure: Enclosure, pause: Path
) -> Iterator[Containerd]:
    restart_agent(node, enclosure)
    with Containerd(tmp_path_factory.mktemp("containerd"), node, enclosure, configs(node)) as runtime:
        runtime.load(pause)
        yield runtime


def configs(node: Node) -> dict[str, dict[str, Any]]:
    edge = node.config("macvlan", subnet="10.56.0.0/24", gateway="10.56.0.1")
    return {
        "bridge": {**node.config("bridge"), "bridge": "cni0", "isGateway": True},
        "macvlan": {**edge, "name": "edge", "master": "eth1"},
        "mistaken": {**node.config("bridge", gateway="10.99.0.1"), "bridge": "cni0"},
    }


def restart_agent(node: Node, enclosure: Enclosure, signal_at_end: str = "TERM") -> None:
    """Have the agent see the runtime's network namespaces, as on a real node; its end will be this signal."""
    assert node.agent
    node.agent.stop()
    node.start_agent(launcher=enclosure.argv(command("cni-infoblox-agent"), signal_at_end))


def leave(containerd: Containerd, sandbox: Sandbox) -> None:
    """End a pod as the kubelet does: two stops, then the removal, which makes three DELs."""
    containerd.stop(sandbox)
    containerd.stop(sandbox)
    containerd.remove(sandbox)


def nothing_left(cluster: Cluster) -> bool:
    return cluster.grid.wait_until(lambda: not cluster.grid.pods())


def shown(cluster: Cluster) -> dict[str, tuple[str, str, str]]:
    """Pod, container and node by address; what was ready for a pod shows them soon after its ADD."""
    names = ("VM Name", "VM ID", "Location")
    return {address: tuple(ea(found, name) for name in names) for address, found in cluster.grid.pods().items()}


def holds(cluster: Cluster, *sandboxes: Sandbox) -> bool:
    addresses = {sandbox.address for sandbox in sandboxes}
    return cluster.grid.wait_until(lambda: cluster.grid.pods().keys() == addresses)


@pytest.mark.parametrize("handler", ["bridge", "macvlan"])
def test_thirty_pods_ten_at_once_hold_the_addresses_that_the_grid_shows(
    cluster: Cluster, containerd: Containerd, handler: str
) -> None:
    wanted = [Sandbox(f"{handler}-{number}", handler) for number in range(PODS)]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        sandboxes = list(pool.map(containerd.run, wanted))
        held = {pod.address: (f"shop/{pod.name}", pod.id, "node-1") for pod in sandboxes}
        cluster.grid.wait_until(lambda: shown(cluster) == held)
        found = shown(cluster)
        list(pool.map(lambda sandbox: leave(containerd, sandbox), sandboxes))
    assert found == held
    assert len(held) == PODS
    assert nothing_left(cluster)


def test_one_add_and_three_dels_of_a_pod_are_answered(
    cluster: Cluster, node: Node, containerd: Containerd
) -> None:
    sandbox = containerd.run(Sandbox("web-0", "bridge"))
    leave(containerd, sandbox)
    assert node.agent
    node.agent.wait_for("released", lambda line: bool(line["container"] == sandbox.id))
    told = [line["event"] for line in node.agent.lines if line.get("container") == sandbox.id]
    assert [event for event in told if event != "released"] == ["allocated", "deleted", "deleted", "deleted"]
    assert told.count("released") == 1
    assert nothing_left(cluster)


def test_a_recreated_sandbox_of_the_same_pod_gets_an_address(cluster: Cluster, containerd: Containerd) -> None:
    first = containerd.run(Sandbox("web-0", "bridge"))
    containerd.stop(first)
    second = containerd.run(Sandbox("web-0", "bridge", attempt=1))
    containerd.stop(first)
    containerd.remove(first)
    assert holds(cluster, second)
    assert ea(cluster.grid.pods()[second.address], "VM ID") == second.id
    leave(containerd, second)
    assert nothing_left(cluster)


def test_what_the_runtime_is_told_of_a_failed_add_is_our_text(cluster: Cluster, containerd: Containerd) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        containerd.run(Sandbox("web-0", "mistaken"))
    assert "ipam.gateway: 10.99.0.1 is outside the subnet 10.55.0.0/24" in raised.value.details()
    assert nothing_left(cluster)


@pytest.mark.parametrize("signal", ["TERM", "KILL"])
def test_a_pod_can_end_while_the_agent_is_down_and_its_address_is_released_later(
    cluster: Cluster, node: Node, containerd: Containerd, enclosure: Enclosure, signal: str
) -> None:
    restart_agent(node, enclosure, signal)
    sandbox = containerd.run(Sandbox("web-0", "bridge"))
    assert holds(cluster, sandbox)
    assert node.agent
    node.agent.stop()
    leave(containerd, sandbox)
    assert list(cluster.grid.pods()) == [sandbox.address]
    restart_agent(node, enclosure)
    assert nothing_left(cluster)


def test_pods_that_start_while_the_agent_is_replaced_wait_for_it(
    cluster: Cluster, node: Node, containerd: Containerd, enclosure: Enclosure
) -> None:
    assert node.agent
    node.agent.stop()
    with ThreadPoolExecutor(AT_ONCE) as pool:
        starting = [pool.submit(containerd.run, Sandbox(f"web-{n}", "bridge")) for n in range(AT_ONCE)]
        restart_agent(node, enclosure)
        sandboxes = [each.result() for each in starting]
        assert holds(cluster, *sandboxes)
        list(pool.map(lambda sandbox: leave(containerd, sandbox), sandboxes))
    assert nothing_left(cluster)
