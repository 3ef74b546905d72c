"""Bad input gets a CNI error that names the field; the grid keeps what it has, the agent lives."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from runtime_calls import a_mac, add, delete

import plugin.infoblox
from demo.cluster import Cluster
from demo.cni import Invocation, Outcome, execute

Config = dict[str, Any]


@pytest.fixture(autouse=True)
def nothing_allocated_and_all_alive(cluster: Cluster, make_netns: Callable[..., str]) -> Iterator[None]:
    yield
    assert cluster.grid.pods() == {}
    outcome = add(cluster.node, "alive", make_netns(a_mac()))
    assert outcome.ok, outcome
    assert delete(cluster.node, "alive").ok
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())


@pytest.fixture
def invocation(make_netns: Callable[..., str], container: str) -> Invocation:
    return Invocation("ADD", container, "eth0", make_netns(a_mac()))


def assert_refused(outcome: Outcome, code: int, *words: str) -> None:
    """A CNI error on standard output, with everything that the specification wants."""
    assert outcome.exit_code == 1, outcome
    assert outcome.stderr == b""
    error = outcome.result
    assert set(error) == {"cniVersion", "code", "msg", "details"}
    assert error["code"] == code, error
    for word in words:
        assert word in error["msg"], error
    assert len(error["details"]) > 10, "the remedy is missing"


@pytest.mark.parametrize("stdin", [b"", b"{", b"hello", b"\xff\xfe", b"[]", b"null"])
def test_standard_input_that_is_no_json_object(cluster: Cluster, invocation: Invocation, stdin: bytes) -> None:
    # Without a readable socket-dir the plugin would ask the default socket.
    outcome = at_own_socket(cluster, invocation, stdin)
    assert_refused(outcome, 6, "standard input")


def at_own_socket(cluster: Cluster, invocation: Invocation, stdin: bytes) -> Outcome:
    """Execute the plugin's source with its default socket directory being this node's."""
    node = cluster.node
    script = (
        "import sys, runpy; source = open(sys.argv[1]).read().replace('/run/cni', sys.argv[2]); "
        "sys.argv = ['infoblox']; exec(compile(source, 'infoblox', 'exec'), {'__name__': '__main__'})"
    )
    argv = ["/usr/bin/env", "python3", "-c", script, plugin.infoblox.__file__, str(node.socket_dir)]
    return execute(argv, invocation, stdin)


def ipam(**changes: Any) -> Callable[[Config], Config]:
    return lambda config: {**config, "ipam": {**config["ipam"], **changes}}


def top(**changes: Any) -> Callable[[Config], Config]:
    return lambda config: {**config, **changes}


def both(one: Callable[[Config], Config], other: Callable[[Config], Config]) -> Callable[[Config], Config]:
    return lambda config: other(one(config))


BAD_CONFIGS: dict[str, tuple[Callable[[Config], Config], int, str]] = {
    "subnet is a number": (ipam(subnet=7), 7, "ipam.subnet"),
    "routes is no list": (ipam(routes={"dst": "0.0.0.0/0"}), 7, "ipam.routes"),
    "a route without dst": (ipam(routes=[{"gw": "10.55.0.1"}]), 7, "ipam.routes"),
    "prefix too long": (ipam(subnet="10.55.0.0/33"), 7, "ipam.subnet"),
    "host bits set": (ipam(subnet="10.55.0.7/24"), 7, "ipam.subnet"),
    "subnet is IPv6": (ipam(subnet="2001:db8::/64"), 7, "ipam.subnet"),
    "the last address of all": (both(ipam(subnet="255.255.255.255/32"), top(isGateway=True)), 7, "ipam.subnet"),
    "two addresses and a gateway": (both(ipam(subnet="10.9.0.0/31"), top(isGateway=True)), 7, "ipam.subnet"),
    "one address and a gateway": (both(ipam(subnet="10.9.0.0/32"), top(isDefaultGateway=True)), 7, "ipam.subnet"),
    "one address for ptp": (both(ipam(subnet="10.9.0.0/32", gateway=None), top(type="ptp")), 7, "ipam.subnet"),
    "its only address is the gateway": (ipam(subnet="10.9.0.7/32", gateway="10.9.0.7"), 7, "ipam.gateway"),
    "loopback": (ipam(subnet="127.0.0.0/24", gateway=None), 7, "127.0.0.0/8"),
    "multicast": (ipam(subnet="239.1.0.0/16", gateway=None), 7, "224.0.0.0/4"),
    "reserved": (ipam(subnet="240.0.0.0/4", gateway=None), 7, "240.0.0.0/4"),
    "this network": (ipam(subnet="0.0.0.0/24", gateway=None), 7, "0.0.0.0/8"),
    "everything": (ipam(subnet="0.0.0.0/0", gateway=None), 7, "0.0.0.0/8"),
    "an address by capability": (
        top(runtimeConfig={"ips": ["10.55.0.9/24"]}),
        7,
        "runtimeConfig.ips: 10.55.0.9/24",
    ),
    "an address by args": (top(args={"cni": {"ips": ["10.55.0.9"]}}), 7, "args.cni.ips: 10.55.0.9"),
    "gateway is IPv6": (ipam(gateway="2001:db8::1"), 7, "ipam.gateway"),
    "gateway outside": (ipam(gateway="10.66.0.1"), 7, "ipam.gateway"),
    "gateway is no address": (ipam(gateway="router"), 7, "ipam.gateway"),
    "unknown key": (ipam(subnett="10.55.0.0/24"), 7, "subnett"),
    "network-view is a list": (ipam(**{"network-view": ["a"]}), 7, "ipam.network-view"),
    "unsupported version": (top(cniVersion="9.9.9"), 1, "9.9.9"),
    "version is a number": (top(cniVersion=1), 1, "cniVersion"),
    "name is a number": (top(name=7), 7, "name"),
    "name is empty": (top(name=""), 7, "name"),
}


@pytest.mark.parametrize(("change", "code", "field"), BAD_CONFIGS.values(), ids=BAD_CONFIGS.keys())
def test_bad_network_configuration(
    cluster: Cluster, invocation: Invocation, change: Callable[[Config], Config], code: int, field: str
) -> None:
    outcome = cluster.node.ipam(invocation, change(cluster.node.config()))
    assert_refused(outcome, code, field)


def test_name_is_missing(cluster: Cluster, invocation: Invocation) -> None:
    config = cluster.node.config()
    del config["name"]
    assert_refused(cluster.node.ipam(invocation, config), 7, "name")


def test_an_address_by_cni_args_is_refused_by_name(cluster: Cluster, invocation: Invocation) -> None:
    asking = replace(invocation, args="IgnoreUnknown=1;IP=10.55.0.9;K8S_POD_NAME=web-0")
    assert_refused(cluster.node.ipam(asking), 7, "CNI_ARGS IP: 10.55.0.9")
    assert cluster.node.ipam(replace(asking, command="DEL")).ok


@pytest.mark.parametrize("section", [None, [], "infoblox", 7], ids=repr)
def test_ipam_section_is_no_object(cluster: Cluster, invocation: Invocation, section: object) -> None:
    config = {**cluster.node.config(), "ipam": section}
    assert_refused(at_own_socket(cluster, invocation, json.dumps(config).encode()), 7, "ipam")


def test_ipam_section_is_missing(cluster: Cluster, invocation: Invocation) -> None:
    config = cluster.node.config()
    del config["ipam"]
    assert_refused(at_own_socket(cluster, invocation, json.dumps(config).encode()), 7, "ipam")


BAD_VARIABLES: dict[str, tuple[dict[str, Any], int, str]] = {
    "command missing": ({"command": None}, 4, "CNI_COMMAND"),
    "command unknown": ({"command": "ADDD"}, 4, "CNI_COMMAND"),
    "container missing": ({"container_id": None}, 4, "CNI_CONTAINERID"),
    "container empty": ({"container_id": ""}, 4, "CNI_CONTAINERID"),
    "container of 10,000": ({"container_id": "a" * 10_000}, 4, "CNI_CONTAINERID"),
    "container of 201": ({"container_id": "a" * 201}, 4, "CNI_CONTAINERID"),
    "container with slash": ({"container_id": "../../etc/passwd"}, 4, "CNI_CONTAINERID"),
    "container with newline": ({"container_id": "abc\n"}, 4, "CNI_CONTAINERID"),
    "ifname missing": ({"ifname": None}, 4, "CNI_IFNAME"),
    "ifname with slash": ({"ifname": "a/b"}, 4, "CNI_IFNAME"),
    "ifname of 16 bytes": ({"ifname": "abcdefghijklmnop"}, 4, "CNI_IFNAME"),
    "ifname of 16 bytes in UTF-8": ({"ifname": "ä" * 8}, 4, "CNI_IFNAME"),
    "netns missing": ({"netns": None}, 4, "CNI_NETNS"),
    "netns does not exist": ({"netns": "/run/netns/nowhere-at-all"}, 3, "CNI_NETNS"),
    "netns is no namespace": ({"netns": "/etc/hostname"}, 3, "CNI_NETNS"),
}


@pytest.mark.parametrize(("change", "code", "variable"), BAD_VARIABLES.values(), ids=BAD_VARIABLES.keys())
def test_bad_variables(
    cluster: Cluster, invocation: Invocation, change: dict[str, Any], code: int, variable: str
) -> None:
    outcome = cluster.node.ipam(replace(invocation, **change))
    assert_refused(outcome, code, variable)


def test_the_longest_container_id_is_served(cluster: Cluster, invocation: Invocation) -> None:
    longest = "a" * 200
    assert cluster.node.ipam(replace(invocation, container_id=longest)).ok
    assert delete(cluster.node, longest).ok
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())


def test_standard_input_of_five_megabytes(cluster: Cluster, invocation: Invocation) -> None:
    config = {**cluster.node.config(), "padding": "x" * 5_000_000}
    assert_refused(cluster.node.ipam(invocation, config), 6, "standard input")


@pytest.mark.parametrize(
    "args",
    ["IgnoreUnknown=1;FOO=bar", "K8S_POD_NAME=a;K8S_POD_NAME=b", ";;=;novalue;=x;K8S_POD_NAME", "\x01=\x02"],
)
def test_odd_cni_args_are_ignored(cluster: Cluster, invocation: Invocation, args: str) -> None:
    assert cluster.node.ipam(replace(invocation, args=args)).ok
    assert invocation.container_id
    assert delete(cluster.node, invocation.container_id).ok
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())


def test_gc_answers_and_frees_nothing(cluster: Cluster, make_netns: Callable[..., str]) -> None:
    add(cluster.node, "lives", make_netns(a_mac()))
    config = {**cluster.node.config(), "cniVersion": "1.1.0", "cni.dev/valid-attachments": []}
    outcome = cluster.node.ipam(Invocation("GC", None, None), config)
    assert (outcome.exit_code, outcome.stdout) == (0, b"")
    assert len(cluster.grid.pods()) == 1
    assert delete(cluster.node, "lives").ok
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())


def test_the_error_carries_the_request_id_of_the_log(cluster: Cluster, invocation: Invocation) -> None:
    outcome = cluster.node.ipam(invocation, cluster.node.config(gateway="10.66.0.1"))
    agent = cluster.node.agent
    assert agent
    line = agent.wait_for("add_failed", lambda said: said["request"] in outcome.result["details"])
    assert line["code"] == 7
