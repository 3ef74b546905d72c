"""How a host with its port is read and written."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.host_port import PORT_MAX, BadHostPort, HostPort, as_one_family, host_alone, without_brackets

HOSTS = st.one_of(
    st.ip_addresses(v=4).map(str),
    st.ip_addresses(v=6).map(str).filter(lambda text: IPv6Address(text).ipv4_mapped is None),
    st.from_regex(r"[a-z0-9_][a-z0-9_.-]{0,20}", fullmatch=True),
    st.sampled_from(["", "*"]),
)
NO_IPV6 = ("[fd00:::7]", "[10.0.0.1]", "[fd00::7", "fd00::7]", "[]", "[fd00::x]", "[[fd00::7]]", "[fe80::1%eth0]")


@given(HOSTS, st.integers(0, PORT_MAX))
def test_what_is_written_is_read_again(host: str, port: int) -> None:
    at = HostPort(host, port)
    assert HostPort.parse(str(at)) == HostPort.of_endpoint(at.endpoint) == at


@given(st.ip_addresses(v=6).filter(lambda address: address.ipv4_mapped is None), st.integers(0, PORT_MAX))
def test_one_address_has_one_text_however_it_is_written(address: IPv6Address, port: int) -> None:
    for spelt in (str(address), address.exploded, address.exploded.upper()):
        for text in (f"[{spelt}]:{port}", f"{spelt}:{port}"):
            assert str(HostPort.parse(text)) == f"[{address}]:{port}"


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("coordinator:5510", HostPort("coordinator", 5510)),
        ("10.96.0.7:5510", HostPort("10.96.0.7", 5510)),
        ("[FD00:0::7]:5510", HostPort("fd00::7", 5510)),
        ("fd00::7:5510", HostPort("fd00::7", 5510)),
        ("[::ffff:10.0.0.1]:5510", HostPort("10.0.0.1", 5510)),
        ("[::]:0", HostPort("::", 0)),
        (":9511", HostPort("", 9511)),
        ("*:9511", HostPort("*", 9511)),
    ],
)
def test_both_families_and_names_are_read(text: str, at: HostPort) -> None:
    assert HostPort.parse(text) == at


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "host",
            "host:",
            "host:x",
            "host:65536",
            "host:-1",
            "host: 1",
            "host:١",
            "ho st:1",
            "a/b:1",
            "u@h:1",
        ),
        *("fd00::7", "[fd00::7]", "[fd00::7]5510", "[fd00::7]:", "[fd00::7]:65536", "fe80::1%eth0:1", "fd00::x:1"),
        *(f"{host}:5510" for host in NO_IPV6),
    ],
)
def test_what_is_no_host_with_a_port_is_refused(text: str) -> None:
    with pytest.raises(BadHostPort):
        HostPort.parse(text)
    with pytest.raises(BadHostPort):
        HostPort.of_endpoint(f"tcp://{text}")


@pytest.mark.parametrize("text", ["host:1", "udp://host:1", "tcp:host:1", "tcp:///host:1"])
def test_an_endpoint_begins_with_its_scheme(text: str) -> None:
    with pytest.raises(BadHostPort):
        HostPort.of_endpoint(text)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("host", HostPort("host", 514)),
        ("host:1", HostPort("host", 1)),
        ("[fd00::7]", HostPort("fd00::7", 514)),
        ("[fd00::7]:1", HostPort("fd00::7", 1)),
        ("fd00::7:1", HostPort("fd00::7", 1)),
    ],
)
def test_a_usual_port_stands_for_one_that_is_not_given(text: str, at: HostPort) -> None:
    assert HostPort.parse(text, 514) == at


@pytest.mark.parametrize("host", NO_IPV6)
def test_brackets_hold_an_ipv6_address_without_a_zone_and_nothing_else(host: str) -> None:
    with pytest.raises(BadHostPort):
        without_brackets(host)


@pytest.mark.parametrize(
    ("text", "host"),
    [("gm.example.", "gm.example."), ("10.0.0.3", "10.0.0.3"), ("[FD00::3]", "fd00::3"), ("fd00::3", "fd00::3")],
)
def test_a_host_alone_is_a_name_or_an_address(text: str, host: str) -> None:
    assert host_alone(text) == host


@pytest.mark.parametrize(
    "text", ["", "*", "10.0.0.300", "a..b", "gm-", "gm:443", "[fd00::3]:443", "x" * 64, ".", *NO_IPV6]
)
def test_what_is_no_host_alone_is_refused(text: str) -> None:
    with pytest.raises(BadHostPort):
        host_alone(text)


@pytest.mark.parametrize(("text", "is_peer"), [("h:1", True), ("h:0", False), ("*:1", False), (":1", False)])
def test_one_connects_to_a_host_at_a_port(text: str, is_peer: bool) -> None:
    assert HostPort.parse(text).is_peer == is_peer


@given(st.ip_addresses(v=4))
def test_an_ipv4_peer_of_an_ipv6_socket_is_ipv4(address: IPv4Address) -> None:
    assert as_one_family(f"::ffff:{address}") == as_one_family(str(address)) == str(address)


@pytest.mark.parametrize("address", ["fd00::1", "fe80::1%eth0", "", "10.0.0.1", ":x"])
def test_every_other_peer_stays_as_it_is(address: str) -> None:
    assert as_one_family(address) == address
