"""Which gateway pods get from the real main plugins, whose own reading of the configuration decides."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from plans import asking
from pyroute2 import NetNS

from demo.cluster import Cluster, Node, Pod
from demo.links import Underlay

_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory, underlay: Underlay) -> Iterator[Cluster]:
    """A node with a network of its own."""
    with Cluster(tmp_path_factory.mktemp("cluster"), asking(underlay=underlay)) as built:
        yield built


@pytest.fixture
def subnet() -> str:
    """The first three numbers of a /24 that no other test uses."""
    return f"10.91.{next(_numbers)}"


MakePod = Callable[..., Pod]


@pytest.fixture
def make_pod(cluster: Cluster, subnet: str) -> Iterator[MakePod]:
    """Starts pods through a main plugin, with our ipam and without a gateway in it."""
    pods: list[Pod] = []

    def make(kind: str, **keys: Any) -> Pod:
        config = {
            **cluster.node.config(kind, subnet=f"{subnet}.0/24", gateway=None),
            "name": f"n-{subnet}",
            **keys,
        }
        pods.append(Pod(cluster.node, f"web-{len(pods)}", config))
        outcome = pods[-1].add()
        assert outcome.ok, outcome
        return pods[-1]

    yield make
    for pod in pods:
        assert pod.delete().ok


@pytest.fixture
def bridge_name() -> str:
    return f"br{secrets.token_hex(4)}"


def addresses_of(namespace: str, ifname: str) -> set[str]:
    with NetNS(namespace) as links:
        index = links.link_lookup(ifname=ifname)[0]
        return {str(each.get_attr("IFA_ADDRESS")) for each in links.get_addr(family=2, index=index)}


def default_gateway(namespace: str) -> str | None:
    with NetNS(namespace) as links:
        found = links.get_default_routes(family=2)
        return str(found[0].get_attr("RTA_GATEWAY")) if found else None


def host_of(node: Node) -> str:
    assert node.namespace
    return node.namespace


@pytest.mark.parametrize(
    "keys",
    [{"isDefaultGateway": True}, {"isdefaultgateway": True}, {"isDefaultGateway": True, "isGateway": False}],
)
def test_the_default_gateway_of_a_bridge_is_no_pods_address(
    cluster: Cluster, make_pod: MakePod, subnet: str, bridge_name: str, keys: dict[str, bool]
) -> None:
    pods = [make_pod("bridge", bridge=bridge_name, **keys) for _ in range(2)]
    assert addresses_of(host_of(cluster.node), bridge_name) == {f"{subnet}.1"}
    assert {pod.address for pod in pods}.isdisjoint({f"{subnet}.1"})
    for pod in pods:
        assert default_gateway(pod.netns_name) == f"{subnet}.1"
        assert pod.can_reach(f"{subnet}.1")
    (gateway,) = (each for each in cluster.grid.objects() if each["ipv4addr"] == f"{subnet}.1")
    assert gateway["name"] == "gateway"


@pytest.mark.parametrize(
    "keys",
    [
        {"isGateway": True},
        {"ISGATEWAY": True},
        {"isGateway": False, "ISGATEWAY": True},
        {"ISGATEWAY": True, "isGateway": False},
        {"ISGATEWAY": False, "isGateway": True},
        {},
    ],
    ids=str,
)
def test_the_bridge_and_the_agent_agree_on_whether_the_bridge_is_the_gateway(
    cluster: Cluster, make_pod: MakePod, subnet: str, bridge_name: str, keys: dict[str, bool]
) -> None:
    pod = make_pod("bridge", bridge=bridge_name, **keys)
    on_the_bridge = addresses_of(host_of(cluster.node), bridge_name)
    reserved = {each["ipv4addr"] for each in cluster.grid.objects()} & {f"{subnet}.1"}
    assert on_the_bridge == (reserved if pod.address != f"{subnet}.1" else set())


def test_ptp_without_a_gateway_gets_one_as_from_host_local(
    cluster: Cluster, make_pod: MakePod, subnet: str
) -> None:
    one, two = make_pod("ptp"), make_pod("ptp")
    assert {one.address, two.address}.isdisjoint({f"{subnet}.1"})
    for pod in (one, two):
        assert pod.can_reach(f"{subnet}.1")
    (gateway,) = (each for each in cluster.grid.objects() if each["ipv4addr"] == f"{subnet}.1")
    assert gateway["name"] == "gateway"


def test_macvlan_needs_none(make_pod: MakePod) -> None:
    pod = make_pod("macvlan", master="eth1")
    assert default_gateway(pod.netns_name) is None
