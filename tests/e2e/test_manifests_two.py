"""Both replicas of the coordinator's Deployment, run as the chart says: pods get addresses whichever ends.

In a namespace of their own, on machines whose runtime has its directories elsewhere.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from manifest_site import Site, SitePod, by_chart

from tests.kubelet import CniDirectories, RunningPod

NAMESPACE = "ipam"
K3S = CniDirectories("/var/lib/rancher/k3s/data/cni", "/var/lib/rancher/k3s/agent/etc/cni/net.d")
LEASE = (NAMESPACE, "cni-infoblox-coordinator")
TRIES_MAX = 6
GET = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9510/status', timeout=10).read().decode())"


class Replicas:
    """The pods of the Deployment by their machines. The first machine alone has the cluster IP."""

    def __init__(self, site: Site) -> None:
        self.site = site
        # The one that the cluster IP does not reach leads first, so that agents need the name.
        self.pods = {1: site.start_coordinator(1)}
        self.pods[1].daemon.wait_for("leader_gained")
        self.pods[0] = site.start_coordinator(0)
        self.pods[0].daemon.wait_for("leader_seen")

    def status(self, number: int) -> Any:
        return json.loads(self.pods[number].execute(["python3", "-c", GET]).stdout)

    @property
    def leader(self) -> int:
        """Which one the Lease names: by its pod, as people see it there."""
        holder = str(self.site.api.cluster.leases[LEASE]["spec"]["holderIdentity"])
        (number,) = [each for each, pod in self.pods.items() if holder.startswith(f"{pod.name}_")]
        return number

    def again(self, number: int) -> None:
        """What the Deployment does: the pod is made anew."""
        self.pods[number] = self.site.start_coordinator(number)
        self.pods[number].daemon.wait_until(
            lambda line: line.get("event") in ("leader_gained", "leader_seen"), "who leads"
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Site(tmp_path_factory.mktemp("site"), by_chart(NAMESPACE, K3S)) as built:
        yield built


@pytest.fixture(scope="module")
def replicas(site: Site) -> Replicas:
    return Replicas(site)


@pytest.fixture(scope="module")
def agent(site: Site, replicas: Replicas) -> RunningPod:
    installer = site.worker.run(site.workload("cni-infoblox-plugin"))
    pod = site.worker.run(site.workload("cni-infoblox-daemon"))
    replicas.pods[1].daemon.wait_for("node_connected")
    installer.daemon.wait_for("configuration_written")
    return pod


def add_and_del(site: Site, name: str) -> None:
    """A pod comes and goes; a runtime asks again where it is told to."""
    with SitePod(site.worker, name) as pod:
        for _ in range(TRIES_MAX):
            added = pod.call("ADD")
            if added.ok:
                break
            assert added.result["code"] == 11, added
        assert added.ok, added
        assert pod.call("DEL").ok


def test_an_agent_is_sent_to_the_leader_wherever_that_runs(
    site: Site, replicas: Replicas, agent: RunningPod
) -> None:
    assert replicas.leader == 1
    assert sum(pod.daemon.count("enrolled") for pod in replicas.pods.values()) == 1, "one enrols it for both"
    assert [replicas.status(number)["why_not_leading"] is None for number in (0, 1)] == [False, True]
    add_and_del(site, "web-0")


@pytest.mark.parametrize("probe", ["readinessProbe", "livenessProbe"])
def test_both_are_ready(replicas: Replicas, agent: RunningPod, probe: str) -> None:
    for pod in replicas.pods.values():
        assert pod.probe(probe).returncode == 0


def test_the_one_that_does_not_lead_names_the_pod_to_ask(replicas: Replicas, agent: RunningPod) -> None:
    leader = replicas.pods[replicas.leader]
    asked = replicas.pods[1 - replicas.leader].execute(["cni-infoblox", "verify"])
    assert asked.returncode != 0
    assert leader.name in asked.stderr
    assert leader.execute(["cni-infoblox", "verify"]).returncode == 0


@pytest.mark.parametrize("ends", [RunningPod.stop, lambda pod: pod.daemon.kill()], ids=["drained", "killed"])
def test_the_other_one_leads_when_a_leader_ends(
    site: Site, replicas: Replicas, agent: RunningPod, ends: Callable[[RunningPod], object]
) -> None:
    before = replicas.leader
    ends(replicas.pods[before])
    replicas.pods[1 - before].daemon.wait_until(
        lambda line: line.get("event") == "leader_gained", "its turn", timeout_s=60
    )
    assert replicas.leader == 1 - before
    add_and_del(site, "web-1")
    replicas.again(before)
    assert replicas.leader == 1 - before


def test_a_lease_that_somebody_deletes_is_made_again(site: Site, replicas: Replicas, agent: RunningPod) -> None:
    leader = replicas.leader
    with site.api.cluster.changed:
        del site.api.cluster.leases[LEASE]
        assert site.api.cluster.changed.wait_for(lambda: LEASE in site.api.cluster.leases, timeout=60)
    assert replicas.leader == leader


def test_a_coordinator_asks_for_nothing_that_its_role_does_not_allow(
    replicas: Replicas, agent: RunningPod
) -> None:
    refused = [pod.daemon.count("lease_unanswered") for pod in replicas.pods.values()]
    assert refused == [0, 0]
