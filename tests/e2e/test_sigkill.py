"""Whatever dies, wherever: afterwards each live attachment has one address, and no other has any."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from plans import asking
from runtime_calls import PendingAdd, a_mac, add, delete, grid_holds, shows

from coordinator.core.crash_points import CRASH_POINTS as COORDINATOR_CRASH_POINTS
from demo.cluster import Cluster, Plan
from demo.cni import Outcome
from demo.daemons import Daemon
from nodeagent.crash_points import CRASH_POINTS as AGENT_CRASH_POINTS

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

LAUNCHER = [sys.executable, str(Path(__file__).parents[1] / "dying_daemon.py")]
ENVIRONMENT = {"PYTHONPATH": os.getcwd()}


READY = 2
"""What each node keeps ready by default."""


def prepare(
    make_cluster: MakeCluster, make_netns: MakeNetns, plan: Plan | None = None
) -> tuple[Cluster, Outcome, str]:
    """A cluster in which one pod lives already."""
    cluster = make_cluster(plan or asking())
    netns = make_netns(a_mac())
    outcome = add(cluster.node, "lives", netns)
    assert outcome.ok
    return cluster, outcome, netns


def die_once(cluster: Cluster, dying: Daemon, restart: Callable[[], Daemon]) -> None:
    """Let the daemon reach its step, then start an ordinary one in its place."""
    assert dying.wait_exit(timeout_s=90) == -9, dying.tail()
    restart()


def add_until_it_works(cluster: Cluster, container: str, netns: str, first: Outcome) -> Outcome:
    """What the kubelet does: it asks again, a few times."""
    outcome = first
    for _ in range(3):
        if outcome.ok:
            return outcome
        assert outcome.code == 11, outcome
        outcome = add(cluster.node, container, netns, pod=container)
    assert outcome.ok, outcome
    return outcome


def assert_one_address_each(
    cluster: Cluster, lives: Outcome, lives_netns: str, comes: Outcome, netns: str, ready: int = 0
) -> None:
    assert cluster.grid.wait_until(lambda: shows(cluster, "lives", "comes", ready=ready), REFILLED_WITHIN_S)
    assert comes.address != lives.address
    assert add(cluster.node, "comes", netns).address == comes.address
    assert add(cluster.node, "lives", lives_netns).address == lives.address
    assert set(cluster.grid.pods()) == {lives.address, comes.address}


REFILLED_WITHIN_S = 10.0
"""A refill that was declined, as before the listing is complete, is asked for again after a second or two."""
ASKED = ("claims", "hello", "allocate", "allocated", "answer", "search", "create", "held")
FROM_RESERVE = ("held", "answer", "label", "labelled", "update", "ready", "allocated")
DURING_DEL = ("let_go", "gone", "delete")


def steps(all_steps: tuple[str, ...], words: tuple[str, ...]) -> list[str]:
    return [step for step in all_steps if step.split(":")[1] in words]


@pytest.mark.parametrize("step", steps(AGENT_CRASH_POINTS, ASKED))
def test_agent_dies_during_add(make_cluster: MakeCluster, make_netns: MakeNetns, step: str) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns)
    node, netns = cluster.node, make_netns(a_mac())
    assert node.agent
    node.agent.stop()
    dying = node.launch_agent(launcher=[*LAUNCHER, "agent", step])
    pending_add = PendingAdd(cluster, "comes", netns)
    die_once(cluster, dying, node.start_agent)
    comes = add_until_it_works(cluster, "comes", netns, pending_add.outcome())
    assert_one_address_each(cluster, lives, lives_netns, comes, netns)


@pytest.mark.parametrize("step", steps(AGENT_CRASH_POINTS, FROM_RESERVE))
def test_agent_dies_while_a_pod_is_given_what_is_ready(
    make_cluster: MakeCluster, make_netns: MakeNetns, step: str
) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns, Plan())
    node, netns = cluster.node, make_netns(a_mac())
    node.wait_until_ready(READY)
    assert node.agent
    node.agent.stop()
    dying = node.launch_agent(launcher=[*LAUNCHER, "agent", step])
    pending_add = PendingAdd(cluster, "comes", netns)
    die_once(cluster, dying, node.start_agent)
    comes = add_until_it_works(cluster, "comes", netns, pending_add.outcome())
    assert_one_address_each(cluster, lives, lives_netns, comes, netns, READY)


@pytest.mark.parametrize("step", steps(AGENT_CRASH_POINTS, DURING_DEL))
def test_agent_dies_during_del(make_cluster: MakeCluster, make_netns: MakeNetns, step: str) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns)
    node = cluster.node
    assert add(node, "goes", make_netns(a_mac())).ok
    assert node.agent
    node.agent.stop()
    dying = node.launch_agent(launcher=[*LAUNCHER, "agent", step])
    # What is let go before that is named with what the agent claims.
    dying.wait_for("coordinator_reached")
    assert delete(node, "goes").ok
    die_once(cluster, dying, node.start_agent)
    assert grid_holds(cluster, "lives")
    assert add(node, "lives", lives_netns).address == lives.address


@pytest.mark.parametrize("step", ["pending:removed:before", "pending:removed:after"])
def test_agent_dies_while_it_replays_a_pending_del(
    make_cluster: MakeCluster, make_netns: MakeNetns, step: str
) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns)
    node = cluster.node
    assert add(node, "goes", make_netns(a_mac())).ok
    assert node.agent
    node.agent.stop()
    assert delete(node, "goes").ok
    die_once(cluster, node.launch_agent(launcher=[*LAUNCHER, "agent", step]), node.start_agent)
    assert grid_holds(cluster, "lives")
    assert list(node.socket_dir.joinpath("infoblox.pending").iterdir()) == []
    assert add(node, "lives", lives_netns).address == lives.address


@pytest.mark.parametrize("with_agent", [False, True], ids=["alone", "and the agent too"])
@pytest.mark.parametrize("step", steps(COORDINATOR_CRASH_POINTS, ASKED))
def test_coordinator_dies_during_add(
    make_cluster: MakeCluster, make_netns: MakeNetns, step: str, *, with_agent: bool
) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns)
    node, netns = cluster.node, make_netns(a_mac())
    assert cluster.coordinator
    cluster.coordinator.stop()
    dying = cluster.launch_coordinator(launcher=[*LAUNCHER, "coordinator", step])
    pending_add = PendingAdd(cluster, "comes", netns)

    def restart() -> Daemon:
        if with_agent:
            assert node.agent
            node.agent.kill()
            node.start_agent()
        return cluster.start_coordinator()

    die_once(cluster, dying, restart)
    comes = add_until_it_works(cluster, "comes", netns, pending_add.outcome())
    assert_one_address_each(cluster, lives, lives_netns, comes, netns)


@pytest.mark.parametrize("step", steps(COORDINATOR_CRASH_POINTS, FROM_RESERVE))
def test_coordinator_dies_while_it_labels_and_refills(
    make_cluster: MakeCluster, make_netns: MakeNetns, step: str
) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns, Plan())
    netns = make_netns(a_mac())
    cluster.node.wait_until_ready(READY)
    assert cluster.coordinator
    cluster.coordinator.stop()
    dying = cluster.launch_coordinator(launcher=[*LAUNCHER, "coordinator", step])
    comes = add(cluster.node, "comes", netns, pod="comes")
    assert comes.ok
    die_once(cluster, dying, cluster.start_coordinator)
    assert_one_address_each(cluster, lives, lives_netns, comes, netns, READY)


@pytest.mark.parametrize("step", steps(COORDINATOR_CRASH_POINTS, DURING_DEL))
def test_coordinator_dies_during_del(make_cluster: MakeCluster, make_netns: MakeNetns, step: str) -> None:
    cluster, lives, lives_netns = prepare(make_cluster, make_netns)
    assert add(cluster.node, "goes", make_netns(a_mac())).ok
    assert cluster.coordinator
    cluster.coordinator.stop()
    dying = cluster.launch_coordinator(launcher=[*LAUNCHER, "coordinator", step])
    cluster.wait_connected(cluster.node.name)
    assert delete(cluster.node, "goes").ok
    die_once(cluster, dying, cluster.start_coordinator)
    assert grid_holds(cluster, "lives")
    assert add(cluster.node, "lives", lives_netns).address == lives.address


def test_every_step_is_tried() -> None:
    tried = ASKED + FROM_RESERVE + DURING_DEL
    untried = [step for step in AGENT_CRASH_POINTS + COORDINATOR_CRASH_POINTS if step.split(":")[1] not in tried]
    assert [step for step in untried if not step.startswith("pending:")] == []
