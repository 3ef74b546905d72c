"""Control plane over IPv6: agents, status pages, grid and API server, each at an address in brackets."""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds

from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.kubernetes_api import KubernetesApi
from demo.cluster import Cluster, Plan
from demo.daemons import command
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


def over_ipv6(listen: str) -> Plan:
    """A cluster whose coordinator listens there, with status page and grid on ::1."""
    grid_flags = ("--listen", "[::1]:0")
    flags = ("--listen", listen, "--status-listen", "[::1]:0", "--grid-host", "::1", "--release-delay", "0")
    return asking(grid_flags=grid_flags, coordinator_flags=flags)


def test_all_of_the_control_path_goes_over_ipv6(
    make_cluster: MakeCluster, make_netns: MakeNetns, container: str
) -> None:
    cluster = make_cluster(over_ipv6("tcp://[::1]:0"))
    assert re.fullmatch(r"tcp://\[::1\]:\d+", cluster.endpoint)
    assert cluster.node.agent
    cluster.node.agent.stop()
    agent = cluster.node.start_agent("--status-listen", "[::1]:0")
    agent.wait_for("coordinator_reached")
    assert add(cluster.node, container, make_netns(a_mac())).ok
    assert grid_holds(cluster, container)

    assert cluster.coordinator
    coordinator_port = cluster.coordinator.wait_for("started")["status_port"]
    agent_port = agent.wait_for("status_listening")["port"]
    assert requests.get(f"http://[::1]:{coordinator_port}/readyz", timeout=10).text == "ok\n"
    asking = [*command("cni-infoblox"), "status", "--agent-status", f"http://[::1]:{agent_port}"]
    shown = subprocess.run(asking, capture_output=True, text=True, check=False).stdout
    assert f"connected to {cluster.endpoint}, heard" in shown
    assert delete(cluster.node, container).ok
    assert grid_holds(cluster)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "::1", "localhost"])
def test_a_coordinator_on_all_addresses_is_reached_at_each(
    make_cluster: MakeCluster, make_netns: MakeNetns, container: str, host: str
) -> None:
    cluster = make_cluster(over_ipv6("tcp://[::]:0"))
    assert cluster.node.agent
    cluster.node.agent.stop()
    port = cluster.endpoint.rpartition(":")[2]
    cluster.node.start_agent("--coordinator", f"tcp://{host}:{port}").wait_for("coordinator_reached")
    assert add(cluster.node, container, make_netns(a_mac())).ok


def test_the_api_server_may_have_an_ipv6_address(tmp_path: Path) -> None:
    listener = socket.create_server(("::1", 0), family=socket.AF_INET6)
    with KubernetesStub(tmp_path, "::1", listener) as stub:
        api = KubernetesApi(ApiServer(f"https://[::1]:{stub.port}", stub.credentials, lambda: 0.0, "test"))
        assert api.review(stub.cluster.issue("node-1").token, "cni-infoblox").node == "node-1"
