"""Each attachment has one address of its own, whatever its interface looks like; DEL frees it, nothing else.

All of it holds for nodes that ask the grid at each ADD, and for those that have addresses ready.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds

from demo.cluster import Cluster, Plan
from demo.cni import Invocation
from demo.grid import ea
from demo.links import add_interface


@pytest.fixture(scope="module", params=[asking(), Plan()], ids=["asking", "reserve"])
def cluster(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), request.param) as shared:
        yield shared


def shown(cluster: Cluster, address: str) -> dict[str, Any]:
    """What the grid shows of a pod, once it does: with a reserve, names follow the answer."""
    assert cluster.grid.wait_until(lambda: address in cluster.grid.pods())
    return cluster.grid.pods()[address]


@pytest.fixture(autouse=True)
def empty_grid(cluster: Cluster) -> Iterator[None]:
    yield
    agent = cluster.node.agent
    assert agent
    for line in agent.lines:
        if line.get("event") == "allocated":
            assert delete(cluster.node, line["container"], line["ifname"]).ok
    assert cluster.grid.wait_until(lambda: _is_emptied(cluster))


def _is_emptied(cluster: Cluster) -> bool:
    """Whether the grid shows no pod any more; what it shows is deleted, whose line in the log comes late."""
    pods = cluster.grid.pods().values()
    for found in pods:
        assert delete(cluster.node, ea(found, "VM ID"), ea(found, "Interface Name")).ok
    return not pods


def test_the_grid_shows_pod_node_cluster_interface_and_mac(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    mac = a_mac()
    netns = make_netns(mac)
    outcome = add(cluster.node, container, netns, pod="web-7")
    assert outcome.ok, outcome
    found = shown(cluster, outcome.address)
    assert (found["name"], found["mac"], found["match_client"]) == ("web-7", mac, "MAC_ADDRESS")
    eas = {name: ea(found, name) for name in found["extattrs"]}
    allocation = eas.pop("Allocation ID")
    assert eas == {
        "VM ID": container,
        "VM Name": "shop/web-7",
        "Interface Name": "eth0",
        "Network Name": "pods",
        "Location": "node-1",
        "Tenant ID": "demo",
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
    }
    inode = os.stat(netns).st_ino
    assert found["comment"] == f"shop/web-7 on node-1, cluster demo (id={allocation} ns={inode}:{netns})"


def test_add_repeated_gives_the_same_answer_and_no_second_address(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    netns = make_netns(a_mac())
    first, second = (add(cluster.node, container, netns) for _ in range(2))
    assert first.ok
    assert first.stdout == second.stdout
    assert grid_holds(cluster, container)


def test_an_interface_that_does_not_exist_yet_gets_an_address(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    outcome = add(cluster.node, container, make_netns())
    assert outcome.ok, outcome
    assert shown(cluster, outcome.address)["match_client"] == "RESERVED"


def test_interfaces_that_share_their_masters_mac_get_an_address_each(
    cluster: Cluster, make_netns: Callable[..., str]
) -> None:
    mac = a_mac()
    config = {**cluster.node.config("ipvlan"), "master": "eth1"}
    outcomes = [add(cluster.node, f"c{n}", make_netns(mac), config=config) for n in range(3)]
    assert all(outcome.ok for outcome in outcomes)
    assert len({outcome.address for outcome in outcomes}) == 3


def test_a_mac_that_the_network_has_already_is_no_reason_to_refuse(
    cluster: Cluster, make_netns: Callable[..., str]
) -> None:
    mac = a_mac()
    first = add(cluster.node, "first", make_netns(mac))
    second = add(cluster.node, "second", make_netns(mac))
    assert (first.ok, second.ok) == (True, True), second
    assert shown(cluster, first.address)["match_client"] == "MAC_ADDRESS"
    assert shown(cluster, second.address)["match_client"] == "RESERVED"


def test_two_interfaces_of_one_container_in_one_network(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    netns = make_netns(a_mac(), "net1")
    add_interface(netns.rpartition("/")[2], "net2", a_mac())
    one, two = (add(cluster.node, container, netns, ifname) for ifname in ("net1", "net2"))
    assert one.ok
    assert two.ok
    assert one.address != two.address
    assert delete(cluster.node, container, "net1").ok
    assert grid_holds(cluster, container)
    assert list(cluster.grid.pods()) == [two.address]


def _without(*keys: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda config: {name: value for name, value in config.items() if name not in keys}


def _half_ipam(config: dict[str, Any]) -> dict[str, Any]:
    return {**config, "ipam": {"type": "infoblox", "socket-dir": config["ipam"]["socket-dir"]}}


DEL_CONFIGS = {
    "all of it": lambda config: config,
    "half of the ipam section": _half_ipam,
    "a broken subnet": lambda config: {**config, "ipam": {**config["ipam"], "subnet": "10.55.0.0/33"}},
    "an unknown ipam key": lambda config: {**config, "ipam": {**config["ipam"], "pool": 7}},
    "no name": _without("name"),
    "no cniVersion": _without("cniVersion"),
}


@pytest.mark.parametrize("change", DEL_CONFIGS.values(), ids=DEL_CONFIGS.keys())
def test_del_without_netns_args_or_prevresult_frees_the_right_address(
    cluster: Cluster, make_netns: Callable[..., str], change: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    add(cluster.node, "stays", make_netns(a_mac()))
    add(cluster.node, "goes", make_netns(a_mac()))
    assert delete(cluster.node, "goes", config=change(cluster.node.config())).ok
    assert grid_holds(cluster, "stays")


def test_del_of_something_unknown_or_repeated_succeeds_and_frees_nothing(
    cluster: Cluster, make_netns: Callable[..., str], container: str
) -> None:
    add(cluster.node, "stays", make_netns(a_mac()))
    add(cluster.node, container, make_netns(a_mac()))
    assert delete(cluster.node, container).ok
    assert delete(cluster.node, container).ok
    assert delete(cluster.node, "nobody").ok
    assert delete(cluster.node, container, "eth7").ok
    assert grid_holds(cluster, "stays")


def test_check_knows_what_add_gave(cluster: Cluster, make_netns: Callable[..., str], container: str) -> None:
    netns = make_netns(a_mac())
    result = add(cluster.node, container, netns).result
    assert grid_holds(cluster, container)
    config = cluster.node.config()

    def check(container_id: str, address: str) -> int:
        previous = {**result, "ips": [{**result["ips"][0], "address": address}]}
        invocation = Invocation("CHECK", container_id, "eth0", netns)
        return cluster.node.ipam(invocation, {**config, "prevResult": previous}).exit_code

    assert check(container, result["ips"][0]["address"]) == 0
    assert check(container, "10.55.0.250/24") == 1
    assert check("stranger", result["ips"][0]["address"]) == 1


@pytest.mark.parametrize("version", ["0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_the_result_has_the_shape_of_the_asked_version(
    cluster: Cluster, make_netns: Callable[..., str], container: str, version: str
) -> None:
    routes = [{"dst": "0.0.0.0/0"}, {"dst": "10.9.0.0/16", "gw": "10.55.0.254"}]
    dns = {"nameservers": ["10.0.0.53"], "search": ["shop.local"]}
    config = {**cluster.node.config(routes=routes), "cniVersion": version, "dns": dns}
    outcome = add(cluster.node, container, make_netns(a_mac()), config=config)
    assert outcome.ok, outcome
    entry = {"address": f"{outcome.address}/24", "gateway": "10.55.0.1"}
    if version.startswith("0."):
        entry["version"] = "4"
    assert outcome.result == {"cniVersion": version, "ips": [entry], "routes": routes, "dns": dns}


@pytest.mark.parametrize(
    ("gateway", "top_level", "expected"),
    [("0.0.0.9", {}, "10.55.0.9"), (None, {"isGateway": True}, "10.55.0.1"), (None, {}, None)],
)
def test_the_gateway_comes_from_the_configuration(
    cluster: Cluster,
    make_netns: Callable[..., str],
    container: str,
    gateway: str | None,
    top_level: dict[str, Any],
    expected: str | None,
) -> None:
    config = {**cluster.node.config(gateway=gateway), **top_level}
    outcome = add(cluster.node, container, make_netns(a_mac()), config=config)
    assert outcome.result["ips"][0].get("gateway") == expected
