"""Control plane over IPv6 alone: agents, status pages, grid and API server on a machine that has no IPv4."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from enrolling import EnrollingNode
from ipv6_machine import ipv4_addresses, ipv6_machine, knowing_names
from plans import asking
from runtime_calls import a_container, a_mac, add, delete, grid_holds

from demo.cluster import Cluster, Node, Plan
from demo.cni import Invocation, execute, pod_args
from demo.daemons import Daemon, command
from demo.grid import PASSWORD
from protocol.host_port import HostPort
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

ELECTED = ("--leader-elect", "true", "--lease-retry-period", "0.4")
SOON = (*ELECTED, "--lease-duration", "3", "--lease-renew-deadline", "2")
TAKEN_OVER_S = 60.0


@pytest.fixture
def address() -> Iterator[str]:
    with ipv6_machine() as has:
        assert ipv4_addresses() == []
        yield has


@pytest.fixture
def stub(address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[KubernetesStub]:
    """An API server that coordinators find by the variables of every pod: there the address has no brackets."""
    with KubernetesStub(tmp_path / "kubernetes", address) as running:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", address)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(running.port))
        yield running


def told(*arguments: str, password: str = "") -> subprocess.CompletedProcess[str]:
    """What a command of ours says."""
    argv = [*command("cni-infoblox"), *arguments]
    environment = {"WAPI_PASSWORD": password}
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


def serves(cluster: Cluster, node: Node, netns: str) -> bool:
    """Whether ADD and DEL go through to the grid."""
    container = a_container()
    return add(node, container, netns).ok and grid_holds(cluster, container) and delete(node, container).ok


def test_pods_come_and_go_on_a_machine_without_ipv4(
    address: str,
    stub: KubernetesStub,
    make_cluster: MakeCluster,
    make_netns: MakeNetns,
    static_plugin: Path,
    container: str,
) -> None:
    enrol = ("--enrol-tokens", "true", "--kubernetes-credentials", str(stub.credentials), *SOON)
    everywhere = ("--listen", "tcp://*:0", "--status-listen", "*:0")
    flags = ("--release-delay", "0", "--reserve", "0", *enrol)
    cluster = make_cluster(asking(host=address, coordinator_flags=flags, beside=(everywhere,)))
    leader, follower = (replica.daemon for replica in cluster.replicas)
    assert leader
    assert follower
    leader.wait_for("leader_gained")
    other_port = HostPort.of_endpoint(cluster.replicas[1].endpoint).port
    node = EnrollingNode(cluster, stub, "node-2")
    # As the variables of a Service say it, without brackets.
    cluster.replicas[1].endpoint = f"tcp://{address}:{other_port}"
    agent = node.launch()
    agent.wait_for("coordinator_reached")
    assert (node.keys / "ticket").exists()

    netns = make_netns(a_mac())
    asked = Invocation("ADD", container, "eth0", netns, pod_args("shop", "web-0", container, "uid-1"))
    added = execute([str(static_plugin)], asked, node.node.config())
    assert added.ok
    assert grid_holds(cluster, container)
    previous = {**node.node.config(), "prevResult": added.result}
    checked = Invocation("CHECK", container, "eth0", netns)
    assert execute([str(static_plugin)], checked, previous).ok
    assert_people_see_it(cluster, agent)

    leader.kill()
    follower.wait_for("leader_gained", timeout_s=TAKEN_OVER_S)
    agent.wait_for(
        "coordinator_reached", lambda line: line["coordinator"].endswith(f":{other_port}"), TAKEN_OVER_S
    )
    assert execute([str(static_plugin)], Invocation("DEL", container, "eth0"), previous).ok
    assert grid_holds(cluster)
    assert serves(cluster, node.node, netns)


def assert_people_see_it(cluster: Cluster, agent: Daemon) -> None:
    """Probes, metrics and commands find the daemons and the grid."""
    assert cluster.coordinator
    coordinator_url = cluster.status_url(cluster.coordinator.wait_for("started")["status_port"])
    agent_url = cluster.status_url(agent.wait_for("status_listening")["port"])
    for url in (coordinator_url, agent_url):
        assert requests.get(f"{url}/readyz", timeout=10).text == "ok\n"
        assert "cni_infoblox_" in requests.get(f"{url}/metrics", timeout=10).text
    status = told("status", "--coordinator-status", coordinator_url, "--agent-status", agent_url)
    assert status.returncode == 0, status.stdout + status.stderr
    assert f"connected to {cluster.endpoint}, heard" in status.stdout
    at = (
        "--grid-host",
        f"[{cluster.plan.host}]",
        "--wapi-port",
        str(cluster.grid.port),
        "--wapi-username",
        "admin",
    )
    check = told("grid", "check", *at, "--ssl-verify", cluster.grid.certificate, password=PASSWORD)
    assert "is verified, by" in check.stdout, check.stdout + check.stderr
    assert f"grid https://{HostPort(cluster.plan.host, cluster.grid.port)}/" in check.stdout


@pytest.mark.parametrize("name", ["coordinators.kube-system.svc", "both.kube-system.svc"])
def test_a_coordinator_is_found_by_a_name_that_has_an_ipv6_address(
    address: str, make_cluster: MakeCluster, make_netns: MakeNetns, tmp_path: Path, name: str
) -> None:
    cluster = make_cluster(asking(host=address))
    assert cluster.node.agent
    cluster.node.agent.stop()
    cluster.replicas[0].endpoint = HostPort(name, HostPort.of_endpoint(cluster.endpoint).port).endpoint
    launcher = knowing_names(tmp_path, command("cni-infoblox-agent"))
    agent = cluster.node.launch_agent(launcher=launcher)
    agent.wait_for("coordinator_reached")
    assert serves(cluster, cluster.node, make_netns(a_mac()))


def test_a_grid_whose_certificate_is_for_another_address_is_told_as_that(
    address: str, make_cluster: MakeCluster, make_netns: MakeNetns, container: str
) -> None:
    cluster = make_cluster(asking(host="::1"))
    assert cluster.coordinator
    cluster.coordinator.stop()
    cluster.start_coordinator("--grid-host", address)
    refused = add(cluster.node, container, make_netns(a_mac()))
    assert refused.code == 11
    assert f"[{address}]:{cluster.grid.port}" in str(refused.result)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "::1", "localhost"])
def test_a_coordinator_on_all_addresses_is_reached_at_each(
    make_cluster: MakeCluster, make_netns: MakeNetns, host: str
) -> None:
    cluster = make_cluster(asking(host="::1", coordinator_flags=("--listen", "tcp://*:0", "--reserve", "0")))
    assert cluster.node.agent
    cluster.node.agent.stop()
    cluster.replicas[0].endpoint = f"tcp://{host}:{HostPort.of_endpoint(cluster.endpoint).port}"
    cluster.node.start_agent().wait_for("coordinator_reached")
    # Else the limits of its address would take it for one that has shown no key.
    assert cluster.coordinator
    status_port = cluster.coordinator.wait_for("started")["status_port"]
    metrics = requests.get(f"{cluster.status_url(status_port)}/metrics", timeout=10).text
    assert 'cni_infoblox_coordinator_connections{standing="known"} 1.0' in metrics
    assert serves(cluster, cluster.node, make_netns(a_mac()))
