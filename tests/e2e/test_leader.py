"""Two coordinators and a Lease: one leads, and pods get addresses whichever of them dies, sleeps or is cut off."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests
from hurry import HURRIED
from plans import WITHOUT_RESERVE, asking
from runtime_calls import a_container, a_mac, add, allocation_ids, delete, grid_holds

from coordinator.core.errors import GRID_FORBIDS
from demo.cluster import Cluster, Plan
from demo.daemons import Daemon, command
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

LEASE = ("kube-system", "cni-infoblox-coordinator")
ELECTED = ("--leader-elect", "true", "--lease-retry-period", "0.4")
SOON = (*ELECTED, "--lease-duration", "3", "--lease-renew-deadline", "2")
NEVER = (*ELECTED, "--lease-duration", "600", "--lease-renew-deadline", "500")
"""So that only a Lease that was given up is taken."""
SOON_S = 60.0
SHIFTED = Path(__file__).with_name("shifted_daemon.py")


class Pair:
    """Two coordinators, each with an API server of its own that may be cut off, and a node."""

    def __init__(self, make_cluster: MakeCluster, apis: list[KubernetesStub], *flags: str, **plan: Any) -> None:
        self.apis = apis
        beside = [_asks(apis[1])]
        own = {"coordinator_flags": (*WITHOUT_RESERVE, "--release-delay", "0", *flags, *_asks(apis[0])), **plan}
        self.cluster = make_cluster(asking(beside=beside, **own))
        self.daemon(0).wait_for("leader_gained")

    def daemon(self, number: int) -> Daemon:
        daemon = self.cluster.replicas[number].daemon
        assert daemon
        return daemon

    def status(self, number: int) -> Any:
        return self.page(number, "status").json()

    def page(self, number: int, name: str) -> requests.Response:
        port = self.daemon(number).wait_for("started")["status_port"]
        return requests.get(f"http://127.0.0.1:{port}/{name}", timeout=10)

    def holder(self) -> str:
        return str(self.apis[0].cluster.leases[LEASE]["spec"]["holderIdentity"])

    def leads(self, number: int) -> bool:
        return self.status(number)["why_not_leading"] is None

    def can_add(self, netns: str) -> str:
        """ADD, as often as a runtime tries it; the container."""
        container = a_container()
        for _ in range(10):
            if (outcome := add(self.cluster.node, container, netns)).ok:
                return container
            assert outcome.code == 11, outcome
        raise AssertionError(outcome)


def _asks(api: KubernetesStub) -> tuple[str, ...]:
    return ("--kubernetes-api", api.url, "--kubernetes-credentials", str(api.credentials))


@pytest.fixture
def apis(tmp_path: Path) -> Iterator[list[KubernetesStub]]:
    """Two API servers of one cluster."""
    for name in ("api-1", "api-2"):
        (tmp_path / name).mkdir()
    with ExitStack() as stack:
        first = stack.enter_context(KubernetesStub(tmp_path / "api-1"))
        yield [first, stack.enter_context(KubernetesStub(tmp_path / "api-2", cluster=first.cluster))]


def test_the_one_that_follows_is_ready_and_tells_people_who_leads(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    container = pair.can_add(make_netns(a_mac()))
    pair.daemon(1).wait_for("leader_seen", lambda line: line["leader"] == pair.holder())
    assert pair.page(1, "readyz").status_code == 200
    status = pair.status(1)
    assert pair.holder() in status["why_not_leading"]
    assert (status["lease"]["holder"], status["nodes"]) == (pair.holder(), [])
    metrics = pair.page(1, "metrics").text
    assert "cni_infoblox_coordinator_leading 0.0" in metrics
    assert f'cni_infoblox_coordinator_leader{{holder="{pair.holder()}"}} 1.' in metrics
    socket = pair.cluster.replicas[1].operator_socket
    argv = [*command("cni-infoblox"), "verify", "--operator-socket", str(socket)]
    verify = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert verify.returncode != 0
    assert pair.holder() in verify.stderr + verify.stdout
    assert pair.leads(0)
    assert "cni_infoblox_coordinator_leading 1.0" in pair.page(0, "metrics").text
    assert grid_holds(pair.cluster, container)


def test_of_two_that_start_in_the_same_second_one_leads(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    for number in (0, 1):
        pair.daemon(number).kill()
    apis[0].cluster.remove_lease(*LEASE)
    both = [pair.cluster.launch_coordinator(replica=number) for number in (0, 1)]
    pair.can_add(make_netns(a_mac()))
    assert sorted(each.count("leader_gained") for each in both) == [0, 1]
    assert sorted(pair.leads(number) for number in (0, 1)) == [False, True]


def test_when_the_leader_is_killed_the_other_takes_over_and_pods_keep_their_addresses(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    netns = make_netns(a_mac())
    lives = pair.can_add(netns)
    address = add(pair.cluster.node, lives, netns).address
    kept = allocation_ids(pair.cluster)
    pair.daemon(0).kill()
    pair.daemon(1).wait_for("leader_gained", timeout_s=SOON_S)
    comes = pair.can_add(make_netns(a_mac()))
    assert add(pair.cluster.node, lives, netns).address == address
    assert kept < allocation_ids(pair.cluster)
    assert grid_holds(pair.cluster, lives, comes)


def test_a_leader_that_ends_orderly_gives_the_lease_up_and_the_other_need_not_wait_for_its_end(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *NEVER)
    pair.daemon(1).wait_for("leader_seen")
    assert pair.daemon(0).stop() == 0
    assert pair.daemon(0).wait_for("lease_released")["was_answered"]
    pair.daemon(1).wait_for("leader_gained")
    pair.can_add(make_netns(a_mac()))


def test_a_leader_that_was_stopped_and_woken_writes_nothing_more(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON, "--release-delay", "2")
    sleeper, other = pair.daemon(0), pair.daemon(1)
    goes = pair.can_add(make_netns(a_mac()))
    assert delete(pair.cluster.node, goes).ok
    os.kill(sleeper.pid, signal.SIGSTOP)
    try:
        other.wait_for("leader_gained", timeout_s=SOON_S)
        comes = pair.can_add(make_netns(a_mac()))
        # What the one that sleeps would delete when it wakes, the other has deleted, or will.
        assert grid_holds(pair.cluster, comes)
    finally:
        os.kill(sleeper.pid, signal.SIGCONT)
    sleeper.wait_for("leader_lost", timeout_s=SOON_S)
    assert sleeper.count("gone") == 0
    assert not [line for line in sleeper.lines if line["event"] == "wapi_call" and line["outcome"] == "refused"]
    assert pair.leads(1)
    assert grid_holds(pair.cluster, comes)


def test_while_the_leaders_side_is_cut_off_pods_get_addresses_and_when_it_is_back_it_follows(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    lives = pair.can_add(make_netns(a_mac()))
    apis[0].down()
    pair.daemon(0).wait_for("lease_unanswered")
    pair.daemon(1).wait_for("leader_gained", timeout_s=SOON_S)
    assert pair.daemon(0).count("leader_lost") == 0
    meanwhile = pair.can_add(make_netns(a_mac()))
    apis[0].up()
    pair.daemon(0).wait_for("leader_lost", timeout_s=SOON_S)
    comes = pair.can_add(make_netns(a_mac()))
    assert not pair.leads(0)
    assert grid_holds(pair.cluster, lives, meanwhile, comes)


def test_while_the_side_of_the_one_that_follows_is_cut_off_nothing_changes(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    pair.daemon(1).wait_for("leader_seen")
    apis[1].down()
    pair.daemon(1).wait_for("lease_unanswered")
    pair.can_add(make_netns(a_mac()))
    assert pair.page(1, "readyz").status_code == 200
    apis[1].up()
    pair.daemon(1).wait_for("lease_answered", timeout_s=SOON_S)
    assert (pair.daemon(0).count("leader_lost"), pair.daemon(1).count("leader_gained")) == (0, 0)


def test_while_no_api_server_answers_the_last_leader_goes_on(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    for api in apis:
        api.down()
    for number in (0, 1):
        pair.daemon(number).wait_for("lease_unanswered")
    goes = pair.can_add(make_netns(a_mac()))
    assert delete(pair.cluster.node, goes).ok
    assert grid_holds(pair.cluster)
    assert pair.leads(0)
    assert not pair.leads(1)


def test_a_lease_that_was_deleted_by_hand_its_leader_makes_again(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    pair = Pair(make_cluster, apis, *SOON)
    pair.daemon(1).wait_for("leader_seen")
    holder = pair.holder()
    for _ in range(3):
        apis[0].cluster.remove_lease(*LEASE)
        assert apis[0].cluster.wait_for_lease(*LEASE)["spec"]["holderIdentity"] == holder
    pair.can_add(make_netns(a_mac()))
    assert pair.daemon(0).count("leader_lost") == 0


@pytest.mark.parametrize("hours", [1, -1])
def test_a_leader_whose_clock_is_an_hour_off_is_followed_like_any_other(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub], hours: int
) -> None:
    pair = Pair(make_cluster, apis, *SOON, coordinator=[sys.executable, str(SHIFTED), str(hours)])
    pair.daemon(1).kill()
    right = pair.cluster.start_coordinator(replica=1, launcher=command("cni-infoblox-coordinator"))
    right.wait_for("leader_seen")
    pair.can_add(make_netns(a_mac()))
    assert (pair.daemon(0).count("leader_lost"), right.count("leader_gained")) == (0, 0)
    pair.daemon(0).kill()
    right.wait_for("leader_gained", timeout_s=SOON_S)
    pair.can_add(make_netns(a_mac()))


def test_while_the_lease_cannot_be_renewed_nothing_is_written_by_reference(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    plan = {"grid_flags": ("--user-kind", "no-request"), "coordinator": _hurried()}
    pair = Pair(make_cluster, apis, *SOON, **plan)
    goes = pair.can_add(make_netns(a_mac()))
    for api in apis:
        api.down()
    pair.daemon(0).wait_for("lease_lapsed")
    assert not pair.status(0)["lease"]["valid"]
    # An ADD makes an object, by its id; a deletion names a reference, which another leader's may be by now.
    comes = pair.can_add(make_netns(a_mac()))
    assert delete(pair.cluster.node, goes).ok
    pair.daemon(0).wait_for("wapi_call", lambda line: "may lead" in line.get("text", ""), timeout_s=SOON_S)
    assert grid_holds(pair.cluster, goes, comes)
    for api in apis:
        api.up()
    assert grid_holds(pair.cluster, comes, timeout_s=SOON_S)


def test_where_kubernetes_may_run_two_single_calls_take_a_lease(
    make_cluster: MakeCluster, make_netns: MakeNetns, apis: list[KubernetesStub]
) -> None:
    flags = (*WITHOUT_RESERVE, *_asks(apis[0]))
    cluster = make_cluster(asking(coordinator_flags=flags, grid_flags=("--user-kind", "no-request")))
    assert cluster.coordinator
    cluster.coordinator.wait_for("request_not_allowed")
    refused = add(cluster.node, a_container(), make_netns(a_mac()))
    assert refused.code == GRID_FORBIDS
    assert "--leader-elect" in refused.result["details"]


def _hurried() -> list[str]:
    """A coordinator whose first minute, and the one after a failed deletion, are a second."""
    seconds = {"coordinator.tasks.references:SETTLED_S": 1.0, "coordinator.tasks.delete_task:RETRY_S": 1.0}
    changes = [f"{name}={value}" for name, value in seconds.items()]
    return [sys.executable, str(HURRIED), "coordinator", *changes, "--"]
