"""What the ipam section of a network configuration may say, in both families, and what is wrong with the rest."""

from __future__ import annotations

import contextlib
from ipaddress import ip_address, ip_network
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.errors import Problem
from protocol.family import Family
from protocol.ipam.ranges import Range, RangeSet
from protocol.ipam.requested import requested_by_args
from protocol.network_config import NetworkConfig, requested_addresses, validate

V4, V6 = Family.IPV4, Family.IPV6


def a_config(ipam: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"name": "pods", "ipam": {"type": "infoblox", **ipam}, **more}


def sets_of(ipam: dict[str, Any], **more: Any) -> tuple[RangeSet, ...]:
    return validate(a_config(ipam, **more)).range_sets


def refusal(ipam: dict[str, Any], **more: Any) -> str:
    with pytest.raises(Problem) as caught:
        validate(a_config(ipam, **more))
    assert caught.value.code == 7
    return caught.value.msg


@pytest.mark.parametrize(
    ("ipam", "sets"),
    [
        ({}, [RangeSet(V4, (Range(None),))]),
        ({"subnet": "", "subnet6": "", "gateway6": ""}, [RangeSet(V4, (Range(None),))]),
        ({"gateway": "0.0.0.1"}, [RangeSet(V4, (Range(None, "0.0.0.1"),))]),
        ({"subnet": "10.55.0.0/24"}, [RangeSet(V4, (Range("10.55.0.0/24"),))]),
        ({"subnet6": "fd00:55::/64"}, [RangeSet(V6, (Range("fd00:55::/64"),))]),
        (
            {
                "subnet6": "FD00:0055:0::0/64",
                "gateway6": "fd00:55:0::1",
                "subnet": "10.55.0.0/24",
                "gateway": "0.0.0.1",
            },
            [
                RangeSet(V4, (Range("10.55.0.0/24", "0.0.0.1"),)),
                RangeSet(V6, (Range("fd00:55::/64", "fd00:55::1"),)),
            ],
        ),
        ({"subnet6": "fd00:55::/64", "gateway6": "::1"}, [RangeSet(V6, (Range("fd00:55::/64", "::1"),))]),
        ({"subnet6": "2001:db8::/127"}, [RangeSet(V6, (Range("2001:db8::/127"),))]),
        (
            {"ranges": [[{"subnet": "fd00:55::/64", "gateway": "fd00:55::1"}], [{"subnet": "10.55.0.0/24"}]]},
            [RangeSet(V4, (Range("10.55.0.0/24"),)), RangeSet(V6, (Range("fd00:55::/64", "fd00:55::1"),))],
        ),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24"}, {"subnet": "10.55.8.0/24", "gateway": "10.55.8.1"}]]},
            [RangeSet(V4, (Range("10.55.0.0/24"), Range("10.55.8.0/24", "10.55.8.1")))],
        ),
        (
            {
                "subnet": "10.55.0.0/24",
                "subnet6": "fd00:55::/64",
                "exclude": [
                    "FD00:55::A-fd00:55:0::f",
                    "10.55.0.7",
                    "10.55.0.7",
                    "fd00:55::8000/113",
                    "10.0.0.0/8",
                ],
            },
            [
                RangeSet(V4, (Range("10.55.0.0/24"),), ("10.55.0.7", "10.0.0.0/8")),
                RangeSet(V6, (Range("fd00:55::/64"),), ("fd00:55::a-fd00:55::f", "fd00:55::8000/113")),
            ],
        ),
        ({"exclude": ["10.55.0.7"]}, [RangeSet(V4, (Range(None),), ("10.55.0.7",))]),
    ],
)
def test_what_is_said_becomes_one_set_for_each_family(ipam: dict[str, Any], sets: list[RangeSet]) -> None:
    assert list(sets_of(ipam)) == sets


DUAL = {"subnet": "10.55.0.0/24", "subnet6": "fd00:55::/64"}
ONE_RANGE = [[{"subnet": "10.55.0.0/24"}]]


@pytest.mark.parametrize(
    ("ipam", "msg"),
    [
        ({"subnet6": 6}, "ipam.subnet6: must be a text"),
        ({"subnet6": "fd00::"}, "ipam.subnet6: is no subnet such as fd00::/64"),
        ({"subnet6": "sixtyfour"}, "ipam.subnet6: is no IPv6 subnet"),
        ({"subnet6": "10.55.0.0/24"}, "ipam.subnet6: is IPv4: name it in subnet"),
        ({"subnet": "fd00:55::/64"}, "ipam.subnet: is IPv6: name it in subnet6"),
        ({"subnet": "fd00:::/64"}, "ipam.subnet: is no IPv4 subnet"),
        ({"subnet6": "fd00::/129"}, "ipam.subnet6: has no prefix length from 0 to 128, but 129"),
        ({"subnet6": "fd00::/6x"}, "ipam.subnet6: is no subnet such as fd00::/64"),
        ({"subnet6": "fd00::1/64"}, "ipam.subnet6: has host bits set, the subnet is fd00::/64"),
        ({"subnet6": "fd00::g/64"}, "ipam.subnet6: is no IPv6 address"),
        ({"subnet6": "fe80::/64"}, "ipam.subnet6: fe80::/64 reaches into fe80::/10, of which no pod can have"),
        ({"subnet6": "ff02::/16"}, "ipam.subnet6: ff02::/16 reaches into ff00::/8"),
        ({"subnet6": "::/0"}, "ipam.subnet6: ::/0 reaches into ::/8"),
        ({"subnet6": "::1/128"}, "ipam.subnet6: ::1/128 reaches into ::/8"),
        ({"subnet6": "fd00::%eth0/64"}, "ipam.subnet6: fd00::%eth0 has a zone"),
        (
            {"subnet6": "::ffff:10.55.0.0/120"},
            "ipam.subnet6: ::ffff:10.55.0.0 maps an IPv4 address, write 10.55.0.0",
        ),
        ({"subnet6": "fd00::/64" + " " * 200}, "ipam.subnet6: String should have at most 100 characters"),
        ({**DUAL, "gateway6": "10.55.0.1"}, "ipam.gateway6: is IPv4: name it in gateway"),
        ({**DUAL, "gateway": "fd00:55::1"}, "ipam.gateway: is IPv6: name it in gateway6"),
        ({**DUAL, "gateway6": "router"}, "ipam.gateway6: is no IPv6 address"),
        ({**DUAL, "gateway6": "fe80::1%eth0"}, "ipam.gateway6: fe80::1%eth0 has a zone"),
        ({**DUAL, "gateway6": "fd00:56::1"}, "ipam.gateway6: fd00:56::1 is outside the subnet fd00:55::/64"),
        ({**DUAL, "gateway6": "fe80::1"}, "ipam.gateway6: fe80::1 is outside the subnet fd00:55::/64"),
        (
            {**DUAL, "gateway6": "fd00:55::"},
            "ipam.gateway6: fd00:55:: is the first address of fd00:55::/64, which any",
        ),
        ({"gateway6": "fd00::1"}, "ipam.gateway6: stands without ipam.subnet6"),
        ({"gateway6": "fd00::1", "subnet": "10.55.0.0/24"}, "ipam.gateway6: stands without ipam.subnet6"),
        (
            {"gateway": "0.0.0.1", "subnet6": "fd00::/64"},
            "ipam.gateway: stands without ipam.subnet, so pods have IPv6",
        ),
        ({"ranges": {}}, "ipam.ranges: must be a list"),
        ({"ranges": []}, "ipam.ranges: has no set of ranges"),
        ({"ranges": [[]]}, "ipam.ranges[0]: has no range"),
        ({"ranges": [{"subnet": "10.55.0.0/24"}]}, "ipam.ranges[0]: must be a list"),
        ({"ranges": [["10.55.0.0/24"]]}, "ipam.ranges[0][0]: must be a JSON object"),
        ({"ranges": [[{}]]}, "ipam.ranges[0][0].subnet: is missing"),
        ({"ranges": [[{"subnet": "10.55.0.0"}]]}, "ipam.ranges[0][0].subnet: is no subnet such as 10.0.0.0/16"),
        ({"ranges": [[{"subnet": "10.55.0.0/24", "via": "x"}]]}, "ipam.ranges[0][0].via: unknown key"),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24", "rangeStart": "10.55.0.9"}]]},
            "ipam.ranges[0][0].rangeStart: is not served: pods get any address of the subnet but those that ipam",
        ),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24", "rangeEnd": "10.55.0.9"}]]},
            "ipam.ranges[0][0].rangeEnd: is not served",
        ),
        ({"ranges": ONE_RANGE, "subnet": "10.55.0.0/24"}, "ipam.subnet: stands beside ipam.ranges"),
        ({"ranges": ONE_RANGE, "subnet6": "fd00::/64"}, "ipam.subnet6: stands beside ipam.ranges"),
        ({"ranges": ONE_RANGE, "gateway": "10.55.0.1"}, "ipam.gateway: stands beside ipam.ranges"),
        ({"ranges": ONE_RANGE * 2}, "ipam.ranges[1]: is another set of IPv4, one is served"),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24"}, {"subnet": "fd00::/64"}]]},
            "ipam.ranges[0][1].subnet: is IPv6 in a set of IPv4",
        ),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24"}, {"subnet": "10.55.0.128/25"}]]},
            "ipam.ranges[0][1].subnet: 10.55.0.128/25 overlaps 10.55.0.0/24 of ipam.ranges[0][0].subnet",
        ),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24", "gateway": "fd00::1"}]]},
            "ipam.ranges[0][0].gateway: is IPv6 beside 10.55.0.0/24",
        ),
        (
            {"ranges": [[{"subnet": f"10.55.{n}.0/24"} for n in range(17)]]},
            "ipam.ranges[0]: List should have at most 16 items",
        ),
        ({"exclude": "10.55.0.1"}, "ipam.exclude: must be a list"),
        ({"exclude": [7]}, "ipam.exclude[0]: must be a text"),
        ({**DUAL, "exclude": ["10.55.0.1", "some"]}, "ipam.exclude[1]: is no address, no range of addresses"),
        ({**DUAL, "exclude": ["10.55.0.9-10.55.0.1"]}, "ipam.exclude[0]: 10.55.0.9-10.55.0.1 is no range"),
        ({**DUAL, "exclude": ["10.55.0.1-fd00:55::9"]}, "ipam.exclude[0]: "),
        ({**DUAL, "exclude": ["10.55.0.1/24"]}, "ipam.exclude[0]: 10.55.0.1/24 has host bits set"),
        ({**DUAL, "exclude": ["10.56.0.1"]}, "ipam.exclude[0]: 10.56.0.1 lies outside the network"),
        (
            {**DUAL, "exclude": ["fd00:56::-fd00:57::"]},
            "ipam.exclude[0]: fd00:56::-fd00:57:: lies outside the network",
        ),
        ({"exclude": ["fd00::1"]}, "ipam.exclude[0]: fd00::1 is IPv6, of which pods get no address"),
        ({"exclude": ["10.55.0.1"] * 65}, "ipam.exclude: List should have at most 64 items"),
        ({"requests": "never"}, 'ipam.requests: must be "allow" or "forbid"'),
        ({"routes": [{"dst": "fd00::"}]}, "ipam.routes[0].dst: has no prefix length"),
        ({"routes": [{"dst": "fd00::/129"}]}, "ipam.routes[0].dst: is no destination such as fd00::/64"),
        ({"routes": [{"dst": "10.0.0.0/255.0.0.0"}]}, "ipam.routes[0].dst: is no destination such as 10.0.0.0/16"),
        ({"routes": [{"dst": "::/0", "gw": "fe80::1%eth0"}]}, "ipam.routes[0].gw: fe80::1%eth0 has a zone"),
        ({"routes": [{"dst": "::/0", "gw": "10.0.0.1"}]}, "ipam.routes[0].gw: is IPv4, and ::/0 is IPv6"),
    ],
)
def test_what_is_wrong_is_named_with_its_field(ipam: dict[str, Any], msg: str) -> None:
    assert refusal(ipam).startswith(msg)


@pytest.mark.parametrize(
    ("ipam", "msg"),
    [
        (
            {"subnet6": "fd00::/127"},
            "ipam.subnet6: fd00::/127 has no room for a gateway and pods, /126 is the smallest",
        ),
        (
            {"subnet": "10.55.0.0/31"},
            "ipam.subnet: 10.55.0.0/31 has no room for a gateway and pods, /30 is the smallest",
        ),
        (
            {"ranges": [[{"subnet": "fd00::/64"}, {"subnet": "fd01::/128"}]]},
            "ipam.ranges[0][1].subnet: fd01::/128 has",
        ),
    ],
)
def test_each_range_has_room_for_the_gateway_that_the_main_plugin_needs(ipam: dict[str, Any], msg: str) -> None:
    assert refusal(ipam, isGateway=True).startswith(msg)
    validate(a_config(ipam))


def requested(ipam: dict[str, Any], cni_args: str = "", **more: Any) -> dict[Family, str]:
    return dict(requested_addresses(validate(a_config(ipam, **more)), requested_by_args(cni_args)))


def by_plugin(*addresses: Any) -> dict[str, Any]:
    return {"runtimeConfig": {"ips": list(addresses)}}


def by_args(*addresses: Any) -> dict[str, Any]:
    return {"args": {"cni": {"ips": list(addresses)}}}


@pytest.mark.parametrize(
    ("ipam", "cni_args", "more", "named"),
    [
        (DUAL, "", {}, {}),
        (DUAL, "", {"runtimeConfig": {"ips": None}, "args": {"cni": {"ips": []}}}, {}),
        (DUAL, "", {"runtimeConfig": "x", "args": ["ips"]}, {}),
        (DUAL, "10.55.0.9", {}, {V4: "10.55.0.9"}),
        (DUAL, " 10.55.0.9/32 , fd00:55:0::9/64", {}, {V4: "10.55.0.9", V6: "fd00:55::9"}),
        (DUAL, "", by_plugin("FD00:55::A/64", "10.55.0.9/24"), {V4: "10.55.0.9", V6: "fd00:55::a"}),
        (
            DUAL,
            "10.55.0.9",
            by_plugin("10.55.0.9/24") | by_args("fd00:55::9"),
            {V4: "10.55.0.9", V6: "fd00:55::9"},
        ),
        ({}, "", by_args("192.168.1.9"), {V4: "192.168.1.9"}),
        (
            {"ranges": [[{"subnet": "10.55.0.0/24"}, {"subnet": "10.56.0.0/24"}]]},
            "10.56.0.9",
            {},
            {V4: "10.56.0.9"},
        ),
        ({**DUAL, "exclude": ["10.55.0.9"], "requests": "allow"}, "10.55.0.9", {}, {V4: "10.55.0.9"}),
        ({"subnet": "10.55.0.8/31"}, "10.55.0.8", {}, {V4: "10.55.0.8"}),
        ({"requests": "forbid"}, "", {}, {}),
    ],
)
def test_addresses_that_are_named_in_three_ways_are_united(
    ipam: dict[str, Any], cni_args: str, more: dict[str, Any], named: dict[Family, str]
) -> None:
    assert requested(ipam, cni_args, **more) == named


@pytest.mark.parametrize(
    ("ipam", "cni_args", "more", "msg"),
    [
        (
            DUAL,
            "10.55.0.9",
            by_plugin("10.55.0.10"),
            "CNI_ARGS IP: 10.55.0.9 is a second address of IPv4 beside 10.55.0",
        ),
        (
            DUAL,
            "",
            by_plugin("fd00:55::1", "fd00:55::2"),
            "runtimeConfig.ips: fd00:55::2 is a second address of IPv6",
        ),
        (DUAL, "", by_plugin("nine"), "runtimeConfig.ips: nine is no IPv4 address"),
        (DUAL, "", by_plugin(9), "runtimeConfig.ips: 9 is no list of addresses"),
        (DUAL, "", {"args": {"cni": {"ips": "10.55.0.9"}}}, "args.cni.ips: 10.55.0.9 is no list of addresses"),
        (DUAL, "", by_args(*["10.55.0.9"] * 9), "args.cni.ips: 10.55.0.9, "),
        (DUAL, "", by_args("10.55.0.9/33"), "args.cni.ips: 10.55.0.9/33 has no prefix length after its /"),
        (DUAL, "", by_args("10.55.0.9/"), "args.cni.ips: 10.55.0.9/ has no prefix length after its /"),
        (DUAL, "", by_args("fe80::1%eth0"), "args.cni.ips: fe80::1%eth0 fe80::1%eth0 has a zone"),
        (DUAL, "", by_args("x" * 101), "args.cni.ips: " + "x" * 100 + " is no address"),
        (DUAL, "10.56.0.9", {}, "CNI_ARGS IP: 10.56.0.9 is outside the network 10.55.0.0/24"),
        (DUAL, "fd00:56::9", {}, "CNI_ARGS IP: fd00:56::9 is outside the network fd00:55::/64"),
        (DUAL, "10.55.0.0", {}, "CNI_ARGS IP: 10.55.0.0 is no host's in 10.55.0.0/24"),
        (DUAL, "10.55.0.255", {}, "CNI_ARGS IP: 10.55.0.255 is no host's in 10.55.0.0/24"),
        (DUAL, "fd00:55::", {}, "CNI_ARGS IP: fd00:55:: is no host's in fd00:55::/64"),
        ({**DUAL, "gateway6": "::1"}, "fd00:55::1", {}, "CNI_ARGS IP: fd00:55::1 is the gateway"),
        (DUAL, "10.55.0.1", {"isGateway": True}, "CNI_ARGS IP: 10.55.0.1 is the gateway"),
        (
            {"subnet": "10.55.0.0/24"},
            "fd00::9",
            {},
            "CNI_ARGS IP: fd00::9 is IPv6, of which pods of this network get no",
        ),
        (
            {"subnet6": "fd00::/64"},
            "10.55.0.9",
            {},
            "CNI_ARGS IP: 10.55.0.9 is IPv4, of which pods of this network get",
        ),
        (
            {"requests": "forbid"},
            "10.55.0.9",
            {},
            "CNI_ARGS IP: pods of this network get no addresses that they name",
        ),
        ({"requests": "forbid"}, "", by_plugin("x"), "runtimeConfig.ips: pods of this network get no addresses"),
    ],
)
def test_an_address_that_nobody_can_have_is_refused(
    ipam: dict[str, Any], cni_args: str, more: dict[str, Any], msg: str
) -> None:
    with pytest.raises(Problem) as caught:
        requested(ipam, cni_args, **more)
    assert caught.value.code == 7
    assert caught.value.msg.startswith(msg)


ADDRESSES = st.one_of(st.ip_addresses(v=4), st.ip_addresses(v=6)).map(str)
SPELT = st.tuples(ADDRESSES, st.integers(0, 130)).map(lambda pair: f"{pair[0]}/{pair[1]}")
TEXTS = st.one_of(ADDRESSES, SPELT, st.text(max_size=40))
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("subnet", "gateway", "subnet6", "gateway6"), TEXTS),
        "exclude": st.lists(TEXTS, max_size=3),
        "ranges": st.lists(
            st.lists(st.fixed_dictionaries({"subnet": TEXTS}, optional={"gateway": TEXTS}), max_size=2), max_size=3
        ),
        "routes": st.lists(st.fixed_dictionaries({"dst": TEXTS}, optional={"gw": TEXTS}), max_size=2),
    },
)


@given(FIELDS, st.lists(TEXTS, max_size=3), st.booleans())
def test_whatever_is_said_is_refused_by_name_or_gives_sets_that_keep_their_promises(
    ipam: dict[str, Any], named: list[str], is_gateway: bool
) -> None:
    problem = None
    try:
        config = validate(a_config(ipam, isGateway=is_gateway, runtimeConfig={"ips": named}))
        check(config)
        for family, address in requested_addresses(config).items():
            assert ip_address(address).version == family
            assert str(ip_address(address)) == address
    except Problem as refused:
        problem = refused
    assert problem is None or problem.code == 7
    assert problem is None or problem.msg.startswith(("ipam.", "runtimeConfig.ips: "))


def check(config: NetworkConfig) -> None:
    families = [each.family for each in config.range_sets]
    assert families in ([V4], [V6], [V4, V6])
    for each in config.range_sets:
        subnets = [ip_network(known.subnet) for known in each.ranges if known.subnet is not None]
        assert all(subnet.version == each.family for subnet in subnets)
        assert [known.subnet for known in each.ranges if known.subnet is not None] == list(map(str, subnets))
        assert all(Family.of(text) is each.family for text in each.exclude)


@given(st.ip_addresses(v=6), st.integers(0, 128))
def test_every_spelling_of_a_subnet_means_the_same(address: Any, prefix: int) -> None:
    subnet = ip_network(f"{address}/{prefix}", strict=False)
    spellings = [str(subnet), subnet.exploded, str(subnet).upper()]
    found = set()
    for each in spellings:
        with contextlib.suppress(Problem):
            found.add(sets_of({"subnet6": each}))
    assert len(found) <= 1
    assert all(sets[0].ranges[0].subnet == str(subnet) for sets in found)
