"""The layouts of docs/networks.md and of k8s/site do what they promise: probes, Services, pods of other nodes."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml

from demo.cluster import Cluster, Node, Plan, Pod
from demo.links import Underlay, can_ping, inside
from k8s.render import HERE
from tests.free_subnet import free_subnet

PAGE = (HERE.parent / "docs" / "networks.md").read_text()
SERVICE = "10.96.0.10"
MakeCluster = Callable[[Plan], Cluster]
StartPod = Callable[[Node, dict[str, Any]], Pod]


@pytest.fixture
def underlay() -> Iterator[Underlay]:
    """Of each test's own: they give its nodes other interfaces."""
    with Underlay(secrets.token_hex(3), free_subnet()) as built:
        yield built


@pytest.fixture
def cluster(make_cluster: MakeCluster, underlay: Underlay) -> Cluster:
    return make_cluster(Plan(nodes=("node-1", "node-2"), underlay=underlay))


@pytest.fixture
def start_pod() -> Iterator[StartPod]:
    with ExitStack() as stack:

        def start(node: Node, config: dict[str, Any]) -> Pod:
            ipam = {**config["ipam"], "socket-dir": str(node.socket_dir)}
            pod = Pod(node, "web", {"cniVersion": "1.0.0", **config, "ipam": ipam})
            stack.callback(pod.delete)
            added = pod.add()
            assert added.ok, added
            return pod

        yield start


def block(language: str) -> str:
    """The only block of that language in the page."""
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found)


def run(node: Node, command: str) -> str:
    """Execute a command line in a node's network."""
    assert node.namespace
    done = subprocess.run(inside(node.namespace, command.split()), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def address_of(node: Node, ifname: str = "eth0") -> str:
    return str(json.loads(run(node, f"ip -j -4 addr show dev {ifname}"))[0]["addr_info"][0]["local"])


def offer_service(node: Node, pod: Pod) -> None:
    """What kube-proxy does on each node, for a Service of one pod."""
    run(node, f"iptables -t nat -A PREROUTING -d {SERVICE} -j DNAT --to-destination {pod.address}")


def reaches(node: Node, address: str) -> bool:
    """Whether a node's own packets, such as a probe's, reach an address."""
    assert node.namespace
    return can_ping(node.namespace, address)


def test_a_subnet_for_each_node_by_bridges_that_are_gateways(cluster: Cluster, start_pod: StartPod) -> None:
    example = json.loads(block("json"))
    assert (example["type"], example["isGateway"]) == ("bridge", True)
    subnets = {"node-1": "10.55.1.0/24", "node-2": "10.55.2.0/24"}
    assert example["ipam"]["subnet"] == subnets["node-1"]
    one, two = cluster.nodes.values()
    for here, there in ((one, two), (two, one)):
        run(here, f"ip route add {subnets[there.name]} via {address_of(there)}")
    first, second = (
        start_pod(node, {**example, "ipam": {**example["ipam"], "subnet": subnets[node.name]}})
        for node in (one, two)
    )
    offer_service(one, second)
    assert second.address.startswith("10.55.2.")
    assert reaches(one, first.address)
    assert first.can_reach(second.address)
    assert first.can_reach(SERVICE)


def test_one_subnet_for_all_nodes_by_bridges_that_have_the_uplink(
    cluster: Cluster, underlay: Underlay, start_pod: StartPod
) -> None:
    (configuration,) = yaml.safe_load_all((HERE / "site" / "infoblox-cni-cfg.yaml").read_text())
    example = json.loads(configuration["data"][configuration["data"]["ipam_conf_file_name"]])
    prefix = underlay.address.rpartition(".")[0]
    ipam = {**example["ipam"], "subnet": f"{prefix}.0/24", "gateway": underlay.address}
    marks = {"Network Name": {"value": example["name"]}}
    cluster.grid.create("network", {"network": ipam["subnet"], "extattrs": marks})
    one, two = cluster.nodes.values()
    for node in (one, two):
        address = address_of(node)
        cluster.grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED"})
        for command in (
            "link add br0 type bridge",
            "link set br0 up",
            f"addr del {address}/24 dev eth0",
            "link set eth0 master br0",
            f"addr add {address}/24 dev br0",
        ):
            run(node, f"ip {command}")
        run(node, "sysctl -w net.ipv4.ip_forward=1 net.bridge.bridge-nf-call-iptables=1")
    first, second = (start_pod(node, {**example, "ipam": ipam}) for node in (one, two))
    offer_service(one, second)
    assert reaches(one, first.address)
    assert reaches(two, first.address)
    assert first.can_reach(second.address)
    assert first.can_reach(underlay.address)
    assert first.can_reach(SERVICE)
    run(one, "sysctl -w net.bridge.bridge-nf-call-iptables=0")
    assert not first.can_reach(SERVICE)


def test_the_definition_for_multus_attaches_pods_of_several_nodes_to_one_network(
    cluster: Cluster, start_pod: StartPod
) -> None:
    definition = yaml.safe_load(block("yaml"))
    example = json.loads(definition["spec"]["config"])
    assert definition["kind"] == "NetworkAttachmentDefinition"
    assert example["type"] == "macvlan"
    one, two = cluster.nodes.values()
    first, second = (start_pod(node, example) for node in (one, two))
    assert first.can_reach(second.address)
    assert not reaches(one, first.address), "what the page says of macvlan as a primary network"
