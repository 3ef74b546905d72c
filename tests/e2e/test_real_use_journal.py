"""What becomes of a node's pods when its journal or its directories in /run go, in real processes.

The minutes of coordinator and agents are `hurry.SILENCE_S`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from hostile import passes
from hurry import agent_in_a_hurry, coordinator_in_a_hurry
from plans import NO_REST
from runtime_calls import a_mac, add, coordinator_status, delete, grid_holds

from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, Outcome
from demo.grid import ea
from demo.links import remove_namespace
from demo.socket_directory import socket_directory

MakeNetns = Callable[..., str]

LIVING = ("a", "b", "c")


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A node for each way to lose a journal; every test takes its pods away."""
    flags = (*NO_REST, "--sweep-interval", "1")
    plan = Plan(
        nodes=("node-1", "node-2", "node-3"),
        coordinator=coordinator_in_a_hurry(),
        agent=agent_in_a_hurry(),
        coordinator_flags=flags,
    )
    with Cluster(tmp_path_factory.mktemp("cluster"), plan) as shared:
        yield shared


def check(node: Node, container: str, netns: str, told: Outcome) -> Outcome:
    config = {**node.config(), "prevResult": told.result}
    return node.ipam(Invocation("CHECK", container, "eth0", netns), config)


def remove(journal: Path) -> None:
    for path in journal.parent.iterdir():
        path.unlink()


def truncate(journal: Path) -> None:
    for path in journal.parent.glob(f"{journal.name}*"):
        os.truncate(path, 0)


def damage(journal: Path) -> None:
    for path in journal.parent.glob(f"{journal.name}*"):
        path.write_bytes(os.urandom(max(4096, path.stat().st_size)))


LOSSES: Mapping[str, Callable[[Path], None]] = {"node-1": remove, "node-2": truncate, "node-3": damage}


def test_journals_are_lost_in_a_running_boot(cluster: Cluster, make_netns: MakeNetns) -> None:
    coordinator = cluster.coordinator
    assert coordinator
    pods = [(node, f"{kind}-{node.name}") for node in cluster.nodes.values() for kind in (*LIVING, "ended")]
    living = [(node, container) for node, container in pods if not container.startswith("ended")]
    namespaces = {container: make_netns(a_mac()) for _, container in pods}
    told = {container: add(node, container, namespaces[container]) for node, container in pods}
    assert all(each.ok for each in told.values())
    for node in cluster.nodes.values():
        assert node.agent
        node.agent.kill()
        remove_namespace(os.path.basename(namespaces[f"ended-{node.name}"]))
        (journal,) = node.run_dir.glob("*.journal")
        LOSSES[node.name](journal)

    for node in cluster.nodes.values():
        agent = node.start_agent()
        if LOSSES[node.name] is damage:
            agent.wait_for("journal_damaged")
    coordinator.wait_for_count("node_connected", 2 * len(cluster.nodes))
    new = {
        f"new-{number}-{node.name}": add(node, f"new-{number}-{node.name}", make_netns(a_mac()))
        for node in cluster.nodes.values()
        for number in range(2)
    }
    assert all(each.ok for each in new.values())
    kept = {told[container].address: container for _, container in living}
    assert not {each.address for each in new.values()} & kept.keys()
    assert grid_holds(cluster, *kept.values(), *new)
    shown = {address: ea(each, "VM ID") for address, each in cluster.grid.pods().items()}
    assert kept.items() <= shown.items()
    for node, container in living:
        assert check(node, container, namespaces[container], told[container]).ok
        assert delete(node, container).ok
    assert grid_holds(cluster, *new)
    for container in new:
        assert delete(cluster.nodes[container[-6:]], container).ok
    assert grid_holds(cluster)


def test_directories_wiped_under_a_running_agent_cost_nothing(cluster: Cluster, make_netns: MakeNetns) -> None:
    node = cluster.node
    lives_in, other_in = make_netns(a_mac()), make_netns(a_mac())
    lives, other = add(node, "lives", lives_in), add(node, "other", other_in)
    assert lives.ok
    assert other.ok
    assert node.agent
    shutil.rmtree(node.socket_dir)
    shutil.rmtree(node.run_dir)
    node.agent.wait_for("journal_written_anew")
    node.agent.kill()

    node.start_agent()
    assert check(node, "other", other_in, other).ok
    assert add(node, "lives", lives_in).address == lives.address
    for container in ("lives", "other"):
        assert delete(node, container).ok
    assert grid_holds(cluster)


def test_a_second_agent_of_a_node_ends_where_it_finds_the_journal_and_is_told_where_it_does_not(
    cluster: Cluster, make_netns: MakeNetns
) -> None:
    node, first = cluster.node, cluster.node.agent
    assert first
    lives = add(node, "lives", make_netns(a_mac()))
    assert lives.ok
    with socket_directory("second") as directory:
        same_place = node.launch_agent("--socket-dir", str(directory))
        assert same_place.wait_exit() == 2
        second = node.start_agent("--socket-dir", str(directory), "--run-dir", str(node.directory / "other"))
        try:
            for _ in passes("two agents to be noticed"):
                if "two_agents" in {each["kind"] for each in coordinator_status(cluster)["alarms"]}:
                    break
            of_second = add(
                node, "at-second", make_netns(a_mac()), config=node.config(**{"socket-dir": str(directory)})
            )
            assert of_second.ok
            of_first = add(node, "at-first", make_netns(a_mac()))
            assert of_first.ok
            assert len({lives.address, of_first.address, of_second.address}) == 3
        finally:
            second.stop()
            node.agent = first
    assert delete(node, "lives").ok
    assert cluster.grid.wait_until(lambda: lives.address not in cluster.grid.pods())
