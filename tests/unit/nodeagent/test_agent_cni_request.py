"""From a frame to a validated request, or to an error that names what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from request_builders import C1, NAMESPACE, NETNS, a_config, a_frame, an_add_request

from nodeagent.cni.args import pod_of
from nodeagent.cni.frame import Frame
from nodeagent.cni.frame import parse as parse_frame
from nodeagent.cni.request import (
    AddRequest,
    CheckRequest,
    DelRequest,
    GcRequest,
    StatusRequest,
    VersionRequest,
    parse,
)
from nodeagent.domain.attachment import AttachmentId, Network, Pod, Want
from protocol.errors import Problem
from protocol.ipam.section import Dns, Route

UNFIT = {"CNI_IFNAME": "'/', ':', white space and control characters", "CNI_NETNS": "control characters"}


def refused(frame: Frame, netns: int | None = NETNS) -> tuple[int, str]:
    with pytest.raises(Problem) as caught:
        parse(frame, netns)
    assert caught.value.details
    return caught.value.code, caught.value.msg


def with_ipam(**ipam: Any) -> dict[str, Any]:
    return a_config(ipam={"type": "infoblox", **ipam})


def test_a_minimal_add_leaves_everything_else_to_the_coordinator() -> None:
    assert parse(a_frame(), NETNS) == an_add_request(namespace=NAMESPACE)


def test_every_key_of_the_configuration_arrives() -> None:
    config = with_ipam(
        **{
            "subnet": "10.55.0.0/16",
            "gateway": "10.55.0.1",
            "network-view": "blue",
            "socket-dir": "/run/cni",
            "routes": [{"dst": "0.0.0.0/0"}, {"dst": "10.0.0.0/8", "gw": "10.55.0.9", "mtu": 1400}],
        }
    )
    config |= {"isGateway": True, "master": "eth7", "type": "macvlan", "dns": {"nameservers": ["10.0.0.53"]}}
    args = "IgnoreUnknown=1;K8S_POD_NAME=web-0;K8S_POD_NAMESPACE=shop;K8S_POD_UID=u-1"

    assert parse(a_frame(config=config, CNI_ARGS=args), NETNS) == an_add_request(
        namespace=NAMESPACE,
        network=Network("pods", "blue", "10.55.0.0/16", "10.55.0.1", is_gateway=True),
        pod=Pod("web-0", "shop", "u-1"),
        master="eth7",
        routes=(Route(dst="0.0.0.0/0"), Route(dst="10.0.0.0/8", gw="10.55.0.9", mtu=1400)),
        dns=Dns(nameservers=["10.0.0.53"]),
    )


@pytest.mark.parametrize(
    ("keys", "is_gateway"),
    [
        ({"isGateway": True}, True),
        ({"isDefaultGateway": True}, True),
        ({"isDefaultGateway": True, "isGateway": False}, True),
        ({"type": "ptp"}, True),
        ({"isDefaultGateway": False, "type": "bridge"}, False),
        ({"ISGATEWAY": True}, True),
        ({"isdefaultgateway": True}, True),
        ({"TYPE": "ptp", "type": None}, True),
        ({"isGateway": False, "IsGateway": True}, True),
        ({"IsGateway": True, "isGateway": False}, False),
        ({"is_gateway": True}, False),
    ],
)
def test_the_gateway_is_the_main_plugins_where_that_plugin_makes_it_so(
    keys: dict[str, Any], is_gateway: bool
) -> None:
    request = parse(a_frame(config=a_config(**keys)), NETNS)
    assert isinstance(request, AddRequest)
    assert request.wants == (Want(Network("pods", is_gateway=is_gateway)),)


def test_keys_outside_the_ipam_section_are_read_in_any_case() -> None:
    config = {"CNIVersion": "1.0.0", "NAME": "pods", "Type": "ipvlan", "MASTER": "eth7", "Ipam": {"subnet": None}}
    assert parse(a_frame(config=config), NETNS) == an_add_request(
        namespace=NAMESPACE, network=Network("pods"), master="eth7", shares_mac=True
    )


@pytest.mark.parametrize(
    ("config", "args", "named"),
    [
        (
            a_config(runtimeConfig={"ips": ["10.55.0.9/24", "10.55.0.8"]}),
            "",
            "runtimeConfig.ips: 10.55.0.8 is a se",
        ),
        (a_config(args={"cni": {"ips": ["10.55.0.9"]}}), "", "args.cni.ips: 10.55.0.9"),
        (a_config(args={"cni": {"ips": "10.55.0.9"}}), "", "args.cni.ips: 10.55.0.9"),
        (a_config(), "IgnoreUnknown=1;IP=10.55.0.9", "CNI_ARGS IP: 10.55.0.9"),
    ],
)
def test_a_requested_address_is_refused_for_add_alone(config: dict[str, Any], args: str, named: str) -> None:
    code, msg = refused(a_frame(config=config, CNI_ARGS=args))
    assert (code, msg.startswith(named)) == (7, True)
    assert parse(a_frame("DEL", config, CNI_ARGS=args), None) == DelRequest(C1, "1.0.0")
    assert isinstance(parse(a_frame("CHECK", config, CNI_ARGS=args), None), CheckRequest)


@pytest.mark.parametrize(
    ("changes", "args"),
    [
        ({"runtimeConfig": {"ips": []}}, ""),
        ({"runtimeConfig": {"ips": None, "mac": "02:00:00:00:00:01"}}, ""),
        ({"runtimeConfig": "x", "args": ["ips"]}, ""),
        ({"args": {"cni": None, "ips": ["10.55.0.9"]}}, ""),
        ({}, "IP=;ip=10.55.0.9;IPS=1"),
    ],
)
def test_no_requested_address_is_seen_where_there_is_none(changes: dict[str, Any], args: str) -> None:
    assert parse(a_frame(config=a_config(**changes), CNI_ARGS=args), NETNS) == an_add_request(namespace=NAMESPACE)


def test_ipvlan_shares_its_masters_mac() -> None:
    request = parse(a_frame(config=a_config(type="ipvlan", master="eth7")), NETNS)
    assert request == an_add_request(namespace=NAMESPACE, master="eth7", shares_mac=True)


@pytest.mark.parametrize(
    ("stdin", "expected"),
    [
        (b"", "the network configuration on standard input is no JSON object"),
        (b"not json", "the network configuration on standard input is no JSON object"),
        (b"[1]", "the network configuration on standard input is no JSON object"),
        (b"\xff\xfe", "the network configuration on standard input is no JSON object"),
        (b"[" * 100_000, "the network configuration on standard input is no JSON object"),
        (b'{"cniVersion": ' + b"1" * 5000 + b"}", "the network configuration on standard input is no JSON object"),
    ],
    ids=["empty", "text", "list", "no utf-8", "deep", "long number"],
)
def test_what_is_no_json_object_is_code_6(stdin: bytes, expected: str) -> None:
    assert refused(a_frame(stdin=stdin)) == (6, expected)


@pytest.mark.parametrize(
    ("config", "msg"),
    [
        (a_config(name=None), "name: is missing"),
        (a_config(name=7), "name: must be a text"),
        (a_config(name="a/b"), "name: must consist of letters, digits, '_', '.' and '-'"),
        (a_config(ipam=None), "ipam: is missing"),
        ({**a_config(), "ipam": None}, "ipam: must be a JSON object"),
        (a_config(ipam=[]), "ipam: must be a JSON object"),
        (a_config(isGateway="yes"), "isGateway: must be true or false"),
        (with_ipam(subnet=10), "ipam.subnet: must be a text"),
        (with_ipam(subnet="10.55.0.0"), "ipam.subnet: is no subnet such as 10.0.0.0/16"),
        (with_ipam(subnet="10.55.0.0/33"), "ipam.subnet: has no prefix length from 0 to 32, but 33"),
        (with_ipam(subnet="10.55.0.1/24"), "ipam.subnet: has host bits set, the subnet is 10.55.0.0/24"),
        (with_ipam(subnet="ten/24"), "ipam.subnet: is no IPv4 address"),
        (with_ipam(subnet="fd00::/64"), "ipam.subnet: is IPv6: name it in subnet6"),
        (with_ipam(gateway="fd00::1"), "ipam.gateway: is IPv6: name it in gateway6"),
        (with_ipam(gateway="10.55.0"), "ipam.gateway: is no IPv4 address"),
        (with_ipam(gateway=True), "ipam.gateway: must be a text"),
        (
            with_ipam(subnet="10.55.0.0/24", gateway="10.56.0.1"),
            "ipam.gateway: 10.56.0.1 is outside the subnet 10.55.0.0/24",
        ),
        (
            with_ipam(subnet="10.55.0.0/29", gateway="0.0.0.9"),
            "ipam.gateway: 10.55.0.9 is outside the subnet 10.55.0.0/29",
        ),
        (
            with_ipam(subnet="10.55.0.0/29", gateway="0.0.0.7"),
            "ipam.gateway: 10.55.0.7 is the first or last address of 10.55.0.0/29",
        ),
        (with_ipam(routes={}), "ipam.routes: must be a list"),
        (with_ipam(routes=[{}]), "ipam.routes[0].dst: is missing"),
        (with_ipam(routes=[{"dst": "10.0.0.0"}]), "ipam.routes[0].dst: has no prefix length"),
        (with_ipam(routes=[{"dst": "::/129"}]), "ipam.routes[0].dst: is no destination such as fd00::/64"),
        (with_ipam(routes=[{"dst": "0.0.0.0/0", "via": "x"}]), "ipam.routes[0].via: unknown key"),
        (with_ipam(subnett="10.55.0.0/24"), "ipam.subnett: unknown key"),
        (with_ipam(**{"network-view": 5}), "ipam.network-view: must be a text"),
        (with_ipam(network_view="x"), "ipam.network_view: unknown key"),
        (a_config(dns={"nameservers": "10.0.0.53"}), "dns.nameservers: must be a list"),
    ],
)
def test_a_wrong_field_is_code_7_and_named(config: dict[str, Any], msg: str) -> None:
    assert refused(a_frame(config=config)) == (7, msg)


def test_an_unknown_key_is_told_with_the_known_ones() -> None:
    with pytest.raises(Problem) as caught:
        parse(a_frame(config=with_ipam(subnett="x")), NETNS)
    assert (
        "type, subnet, gateway, subnet6, gateway6, ranges, exclude, requests, routes, network-view"
        in caught.value.details
    )


def test_a_closed_network_takes_no_add_and_lets_everything_else_pass() -> None:
    closed = with_ipam(closed=True)
    code, msg = refused(a_frame(config=closed))
    assert (code, msg.startswith("ipam.closed: ")) == (11, True)
    assert parse(a_frame("DEL", closed), None) == DelRequest(C1, "1.0.0")
    assert parse(a_frame("CHECK", closed), None) == CheckRequest("1.0.0", C1, "pods")
    assert parse(a_frame(config=with_ipam(closed=False)), NETNS) == an_add_request(namespace=NAMESPACE)


@pytest.mark.parametrize("version", ["9.9.9", "0.2.0", "", 1, None, ["1.0.0"]])
def test_an_unsupported_version_is_code_1(version: object) -> None:
    config = {**a_config(), "cniVersion": version}
    code, msg = refused(a_frame(config=config))
    assert (code, msg.startswith("cniVersion ")) == (1, True)


def test_an_absent_version_means_one_that_is_too_old() -> None:
    assert refused(a_frame(config=a_config(cniVersion=None))) == (1, "cniVersion 0.1.0 is not supported")


@pytest.mark.parametrize(
    ("frame", "named"),
    [
        (a_frame(None), "CNI_COMMAND is missing"),
        (a_frame("add"), "CNI_COMMAND is invalid"),
        (a_frame(CNI_CONTAINERID=None), "CNI_CONTAINERID is missing"),
        (a_frame(CNI_CONTAINERID=""), "CNI_CONTAINERID is missing"),
        (a_frame(CNI_CONTAINERID="x" * 201), "CNI_CONTAINERID is invalid: it has 201"),
        (a_frame(CNI_CONTAINERID="x" * 10_000), "CNI_CONTAINERID is invalid: it has 10000"),
        (a_frame(CNI_CONTAINERID="a/b"), "CNI_CONTAINERID is invalid"),
        (a_frame(CNI_CONTAINERID="ab\n"), "CNI_CONTAINERID is invalid"),
        (a_frame(CNI_CONTAINERID="-ab"), "CNI_CONTAINERID is invalid"),
        (a_frame(CNI_IFNAME=None), "CNI_IFNAME is missing"),
        (a_frame(CNI_IFNAME="a/b"), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME="a" * 16), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME="ä" * 8), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME="."), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME=".."), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME="a b"), "CNI_IFNAME is invalid"),
        (a_frame(CNI_IFNAME="a:1"), "CNI_IFNAME is invalid"),
        (a_frame(CNI_NETNS=None), "CNI_NETNS is missing"),
    ],
)
def test_a_wrong_variable_is_code_4_and_named(frame: Frame, named: str) -> None:
    code, msg = refused(frame)
    assert code == 4
    assert msg.startswith(named)


def test_a_namespace_that_could_not_be_opened_is_code_3_with_the_cause() -> None:
    frame = a_frame(NETNS_ERROR="Permission denied")
    with pytest.raises(Problem) as caught:
        parse(frame, None)
    assert (caught.value.code, caught.value.msg) == (3, "CNI_NETNS /run/netns/t could not be opened")
    assert caught.value.details.startswith("Permission denied. ")


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"cniVersion": "9.9.9"},
        a_config(ipam=None),
        a_config(name=None),
        with_ipam(subnet="10.55.0.0/33", typo=1),
        {**a_config(), "ipam": []},
    ],
    ids=["empty", "version", "no ipam", "no name", "bad ipam", "ipam list"],
)
def test_a_del_needs_nothing_but_the_attachment(config: dict[str, Any]) -> None:
    frame = a_frame("DEL", config, CNI_NETNS=None)

    request = parse(frame, None)

    assert isinstance(request, DelRequest)
    assert request.attachment == C1
    assert request.complaint


def test_a_good_del_has_nothing_to_complain_about() -> None:
    assert parse(a_frame("DEL", CNI_NETNS=""), None) == DelRequest(C1, "1.0.0")


@pytest.mark.parametrize("stdin", [b"", b"nope"])
def test_a_del_whose_stdin_is_no_json_is_code_6(stdin: bytes) -> None:
    assert refused(a_frame("DEL", stdin=stdin))[0] == 6


def test_check_takes_the_addresses_of_the_previous_result() -> None:
    config = a_config(prevResult={"ips": [{"address": "10.55.0.2/24"}, {"oops": 1}]})
    expected = CheckRequest("1.0.0", C1, "pods", ("10.55.0.2/24",))
    assert parse(a_frame("CHECK", config), None) == expected
    assert parse(a_frame("CHECK"), None) == CheckRequest("1.0.0", C1, "pods")
    assert refused(a_frame("CHECK", a_config(prevResult=[])))[0] == 7


@pytest.mark.parametrize(
    ("verb", "request_type"), [("STATUS", StatusRequest), ("GC", GcRequest), ("VERSION", VersionRequest)]
)
def test_verbs_about_no_attachment_need_no_variables(verb: str, request_type: type) -> None:
    frame = a_frame(verb, CNI_CONTAINERID=None, CNI_IFNAME=None, CNI_NETNS=None)
    assert isinstance(parse(frame, None), request_type)


LISTED = [{"containerID": "c1", "ifname": "eth0"}]
LISTED_TOO = [{"containerID": "c2", "ifname": "net1"}]


@pytest.mark.parametrize(
    ("lists", "valid"),
    [
        ({}, None),
        ({"cni.dev/valid-attachments": None}, None),
        ({"cni.dev/valid-attachments": []}, frozenset()),
        ({"cni.dev/valid-attachments": LISTED}, {C1}),
        ({"cni.dev/attachments": LISTED}, {C1}),
        ({"cni.dev/valid-attachments": None, "cni.dev/attachments": LISTED}, {C1}),
        (
            {"cni.dev/valid-attachments": LISTED, "cni.dev/attachments": LISTED_TOO},
            {C1, AttachmentId("c2", "net1")},
        ),
    ],
)
def test_a_gc_takes_what_either_list_names(lists: dict[str, Any], valid: frozenset[AttachmentId] | None) -> None:
    request = parse(a_frame("GC", a_config(cniVersion="1.1.0", **lists) | lists), None)
    assert request == GcRequest("pods", valid, "1.1.0")


@pytest.mark.parametrize(
    "listed",
    ["c1", 1, {"containerID": "c1"}, [None], [{"containerID": "c1"}], [{"containerID": 1, "ifname": "e"}]],
)
@pytest.mark.parametrize("key", ["cni.dev/valid-attachments", "cni.dev/attachments"])
def test_a_list_that_cannot_be_read_releases_nothing(key: str, listed: Any) -> None:
    both = {"cni.dev/valid-attachments": [], "cni.dev/attachments": [], key: listed}
    code, msg = refused(a_frame("GC", {**a_config(), **both}))
    assert (code, msg.startswith(key)) == (7, True)


def test_a_gc_needs_the_networks_name_and_nothing_else_of_it() -> None:
    assert parse(a_frame("GC", a_config(ipam=None)), None) == GcRequest("pods", None, "1.0.0")
    assert refused(a_frame("GC", a_config(name=None)))[0] == 7


@pytest.mark.parametrize(("verb", "request_type"), [("VERSION", VersionRequest), ("STATUS", StatusRequest)])
def test_version_and_a_probe_of_the_status_need_no_stdin(verb: str, request_type: type) -> None:
    assert parse(Frame({"CNI_COMMAND": verb}), None) == request_type()


def test_two_interfaces_are_two_attachments() -> None:
    request = parse(a_frame("DEL", CNI_IFNAME="net1"), None)
    assert isinstance(request, DelRequest)
    assert request.attachment == AttachmentId("c1", "net1") != C1


@pytest.mark.parametrize(
    ("args", "pod"),
    [
        ("", Pod()),
        (";;=;x;K8S_POD_NAME", Pod()),
        ("FOO=1;K8S_POD_NAME=a;K8S_POD_NAME=b", Pod(name="a")),
        ("K8S_POD_NAME=;K8S_POD_UID=u=1", Pod(uid="u=1")),
        ("K8S_POD_NAME=" + "n" * 300, Pod(name="n" * 253)),
    ],
)
def test_cni_args_never_refuse(args: str, pod: Pod) -> None:
    assert pod_of(args) == pod


@given(st.text(max_size=300))
def test_no_cni_args_crash_an_add(args: str) -> None:
    parse(a_frame(CNI_ARGS=args), NETNS)


def problem_of(frame: Frame) -> Problem | None:
    try:
        parse(frame, NETNS)
    except Problem as problem:
        return problem
    return None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    [
        "cniVersion",
        "name",
        "type",
        "ipam",
        "dns",
        "isGateway",
        "master",
        "prevResult",
        "subnet",
        "gateway",
        "routes",
    ]
)


@given(
    st.sampled_from(["ADD", "DEL", "CHECK", "STATUS", "GC"]),
    st.dictionaries(KEYS, JSON),
    st.dictionaries(KEYS, JSON),
)
def test_no_configuration_crashes_the_validation(verb: str, top: dict[str, Any], ipam: dict[str, Any]) -> None:
    for config in ({**a_config(), **top}, {**a_config(), "ipam": ipam}):
        problem = problem_of(a_frame(verb, stdin=json.dumps(config).encode()))
        assert problem is None or problem.code in (1, 7)


@given(st.sampled_from(["subnet", "gateway", "network-view"]), st.text(max_size=40))
def test_no_text_in_a_field_crashes_the_validation(field: str, text: str) -> None:
    problem = problem_of(a_frame(config=with_ipam(**{field: text})))
    assert problem is None or problem.msg.startswith(f"ipam.{field}")


def test_a_lone_surrogate_is_refused_where_it_would_be_sent() -> None:
    stdin = json.dumps(with_ipam(**{"network-view": "\ud800"})).encode()
    assert refused(a_frame(stdin=stdin))[0] == 7


def test_a_master_that_no_interface_can_be_called_has_no_mac() -> None:
    stdin = json.dumps(a_config(type="macvlan", master="\ud800")).encode()
    request = parse(a_frame(stdin=stdin), NETNS)
    assert isinstance(request, AddRequest)
    assert request.master is None


@pytest.mark.parametrize("variable", ["CNI_IFNAME", "CNI_NETNS"])
def test_bytes_that_are_no_utf_8_are_refused_rather_than_replaced(variable: str) -> None:
    # Replaced, two names would be one attachment; a path would be another one, at which nothing lies.
    told = {**a_frame().variables, variable: "/run/netns/" if variable == "CNI_NETNS" else "net"}
    texts = [f"{name}={value}".encode() + b"\xff" * (name == variable) for name, value in told.items()]
    variables = b"".join(len(text).to_bytes(4, "big") + text for text in texts)
    body = bytes([len(texts)]) + variables + a_frame().stdin
    frame = parse_frame(b"\x01" + len(body).to_bytes(4, "big") + body)
    assert frame
    assert refused(frame) == (4, f"{variable} is invalid: it must be UTF-8 without {UNFIT[variable]}")
