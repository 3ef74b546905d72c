"""Two coordinators serve at once; whatever becomes of one of them, pods start, and none answers 11 meanwhile."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Timer
from typing import Final

import pytest
from plans import NO_REST
from runtime_calls import PendingAdd, a_mac, add, delete, grid_holds, shows

from demo.cluster import Cluster, Plan
from demo.daemons import Daemon
from demo.links import Underlay, inside

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

SEVERAL: Final = ("--several", "true")
GRID_LATENCY_MS: Final = 500
"""So that an ADD is under way for a while."""
ABSENT_S: Final = 22.0
"""Longer than a Lease takes to change hands, and less than an ADD waits."""


def pair(*flags: str, underlay: Underlay | None = None) -> Plan:
    return Plan(coordinator_flags=(*flags, *SEVERAL), beside=[()], underlay=underlay)


def running(cluster: Cluster, replica: int) -> Daemon:
    daemon = cluster.replicas[replica].daemon
    assert daemon
    return daemon


def end_orderly(daemon: Daemon) -> None:
    assert daemon.stop() == 0


@pytest.mark.parametrize("end", [Daemon.kill, end_orderly], ids=["SIGKILL", "SIGTERM"])
def test_an_add_that_the_one_was_asked_for_is_given_by_the_other(
    make_cluster: MakeCluster, make_netns: MakeNetns, end: Callable[[Daemon], None]
) -> None:
    cluster = make_cluster(pair(*NO_REST, "--sweep-interval", "2"))
    lives = add(cluster.node, "lives", make_netns())
    assert lives.ok
    serving = cluster.serving("node-1")
    cluster.grid.set_faults(latency_ms=GRID_LATENCY_MS)
    calls = cluster.grid.call_count()

    comes = PendingAdd(cluster, "comes", make_netns(a_mac()))
    assert cluster.grid.wait_for_calls(calls + 1)
    end(running(cluster, serving))

    outcome = comes.outcome()
    assert outcome.ok, outcome
    assert outcome.address != lives.address
    assert cluster.node.agent
    cluster.node.agent.wait_for(
        "coordinator_reached", lambda line: line["coordinator"] != cluster.replicas[serving].endpoint
    )
    # What the one has still made, the other finds when it lists the grid, and the node disowns.
    cluster.grid.set_faults(latency_ms=0)
    assert cluster.grid.wait_until(lambda: shows(cluster, "lives", "comes"))


def test_one_after_the_other_may_die_again_and_again_as_long_as_one_is_there(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(pair(*NO_REST))
    containers = [f"c{number}" for number in range(6)]
    for container in containers:
        serving = cluster.serving("node-1")
        running(cluster, serving).kill()
        outcome = add(cluster.node, container, make_netns())
        assert outcome.ok, outcome
        cluster.start_coordinator(replica=serving)

    for container in containers[:3]:
        assert delete(cluster.node, container).ok
    assert grid_holds(cluster, *containers[3:])


def test_pods_start_from_what_is_ready_while_nobody_serves_and_others_wait_for_whoever_comes(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(pair("--release-delay", "0", "--reserve", "1"))
    assert add(cluster.node, "lives", make_netns()).ok
    assert cluster.grid.wait_until(lambda: shows(cluster, "lives", ready=1))
    agent = cluster.node.agent
    assert agent
    agent.wait_for(
        "message_received", lambda _: [line.get("type") for line in agent.lines].count("allocated") == 2
    )
    for replica in (0, 1):
        running(cluster, replica).kill()

    assert add(cluster.node, "ready", make_netns()).ok
    waits = PendingAdd(cluster, "waits", make_netns())
    comes_back = Timer(ABSENT_S, cluster.start_coordinator, kwargs={"replica": 1})
    comes_back.start()
    outcome = waits.outcome()
    comes_back.join()

    assert outcome.ok, outcome
    assert cluster.grid.wait_until(lambda: {"lives", "ready", "waits"} <= set(containers_of(cluster)))


def containers_of(cluster: Cluster) -> list[str]:
    return [found["extattrs"]["VM ID"]["value"] for found in cluster.grid.pods().values()]


def test_one_that_stands_still_is_left_and_does_no_harm_when_it_wakes(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(pair(*NO_REST, "--sweep-interval", "2"))
    assert add(cluster.node, "lives", make_netns()).ok
    serving = cluster.serving("node-1")
    still = running(cluster, serving)

    still.process.send_signal(signal.SIGSTOP)
    try:
        outcome = add(cluster.node, "comes", make_netns())
        assert outcome.ok, outcome
        assert cluster.serving("node-1") != serving
        assert delete(cluster.node, "lives").ok
    finally:
        still.process.send_signal(signal.SIGCONT)

    assert grid_holds(cluster, "comes", timeout_s=60)
    assert add(cluster.node, "next", make_netns()).ok
    assert grid_holds(cluster, "comes", "next")


def test_a_network_that_swallows_all_that_the_one_says_leads_to_the_other(
    make_cluster: MakeCluster, make_netns: MakeNetns, underlay: Underlay
) -> None:
    cluster = make_cluster(pair(*NO_REST, "--sweep-interval", "2", underlay=underlay))
    assert add(cluster.node, "lives", make_netns()).ok
    serving = cluster.serving("node-1")

    with swallowed(cluster, serving):
        outcome = add(cluster.node, "comes", make_netns())
        assert outcome.ok, outcome
        other = cluster.serving("node-1")
        assert other != serving
        # It is alone, and the one that nobody reaches costs a second before it is found again.
        running(cluster, other).kill()
        cluster.start_coordinator(replica=other)
        assert add(cluster.node, "next", make_netns()).ok
    assert grid_holds(cluster, "lives", "comes", "next")


@contextmanager
def swallowed(cluster: Cluster, replica: int) -> Iterator[None]:
    """This coordinator hears the node, which hears nothing of it: no acknowledgement, no answer, no end."""
    namespace = cluster.node.namespace
    assert namespace
    port = cluster.replicas[replica].endpoint.rpartition(":")[2]
    rule = ["INPUT", "-p", "tcp", "--sport", port, "-j", "DROP"]
    subprocess.run(inside(namespace, ["iptables", "-A", *rule]), check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(inside(namespace, ["iptables", "-D", *rule]), check=True, capture_output=True)


def test_where_request_is_forbidden_neither_of_two_serves_and_says_why(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(
        Plan(
            grid_flags=("--user-kind", "no-request"),
            coordinator_flags=(*NO_REST, *SEVERAL),
            beside=[()],
        )
    )
    for replica in (0, 1):
        refused = add(cluster.node, "c1", make_netns())
        assert refused.code == 111, refused
        assert "run one coordinator without --several" in refused.result["details"]
        running(cluster, replica).kill()
    assert cluster.grid.pods() == {}
