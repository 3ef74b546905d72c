"""What differs between the families of addresses is said once, by the family."""

from __future__ import annotations

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from protocol.family import Family, Subnet, address_of, family_of, subnet_of
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.subnets import addresses_without_host, block_without_hosts, usual_gateway
from protocol.wire import values

ADDRESS: TypeAdapter[str] = TypeAdapter(values.Address)
CIDR: TypeAdapter[str] = TypeAdapter(values.Cidr)
NUMBERS = st.integers(0, 2**128 - 1)


@st.composite
def subnets(draw: st.DrawFn) -> Subnet:
    family = draw(st.sampled_from(Family))
    prefix = draw(st.integers(0, family.bits))
    return (
        ip_network((draw(NUMBERS) % 2**family.bits, prefix), strict=False)
        if family is Family.IPV6
        else IPv4Network((draw(NUMBERS) % 2**32, prefix), strict=False)
    )


def test_a_family_is_told_by_its_number_and_by_what_is_of_it() -> None:
    assert [Family(number).title for number in (4, 6)] == ["IPv4", "IPv6"]
    assert [Family(number).bits for number in (4, 6)] == [32, 128]
    assert [each.default_route for each in Family] == ["0.0.0.0/0", "::/0"]
    assert Family.of("10.0.0.0/8") is Family.IPV4
    assert Family.of("2001:db8::7") is family_of(IPv6Network("2001:db8::/64")) is Family.IPV6


@pytest.mark.parametrize(
    "text", ["fe80::1%eth0", "::ffff:10.0.0.7", "::ffff:a00:7", "10.0.0.07", "10.0.0", "", "1::2::3", ":"]
)
def test_what_only_looks_like_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        address_of(text)


@pytest.mark.parametrize(
    "text", ["2001:db8::1/64", "2001:db8::/129", "10.0.0.1/8", "fe80::%eth0/64", "::ffff:10.0.0.0/104"]
)
def test_what_only_looks_like_a_subnet_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        subnet_of(text)


@pytest.mark.parametrize(
    "text", ["2001:DB8::7", "2001:db8:0:0::7", "2001:0db8::7", "2001:db8::0.0.0.7", "10.0.0.256", "::ffff:1.2.3.4"]
)
def test_messages_have_one_spelling_of_an_address(text: str) -> None:
    with pytest.raises(ValidationError):
        ADDRESS.validate_python(text)


@given(NUMBERS)
def test_every_address_of_ipv6_is_read_as_it_is_spelt(number: int) -> None:
    address = IPv6Address(number)
    if address.ipv4_mapped is None:
        assert ADDRESS.validate_python(str(address)) == str(address)
    if address.exploded != str(address):
        with pytest.raises(ValidationError):
            ADDRESS.validate_python(address.exploded)


@given(subnets())
def test_every_subnet_is_read_as_it_is_spelt(subnet: Subnet) -> None:
    if subnet.version == 4 or subnet.network_address.ipv4_mapped is None:
        assert CIDR.validate_python(str(subnet)) == str(subnet)


@pytest.mark.parametrize(
    "text", ["2001:db8::7", "2001:db8::/64 ", "2001:DB8::/64", "2001:db8::1/64", "2001:db8::/064"]
)
def test_messages_have_one_spelling_of_a_subnet(text: str) -> None:
    with pytest.raises(ValidationError):
        CIDR.validate_python(text)


@pytest.mark.parametrize(
    "text", ["::/64", "::/0", "fe80::/64", "fe00::/7", "ff02::/64", "::ffff:0:0/104", "::1/128"]
)
def test_a_subnet_of_ipv6_in_which_no_pod_can_be_reaches_into_a_block(text: str) -> None:
    assert block_without_hosts(IPv6Network(text)) is not None


@pytest.mark.parametrize("text", ["2001:db8::/32", "fd00:1::/64", "fc00::/7", "2000::/3"])
def test_a_subnet_of_ipv6_in_which_pods_can_be_reaches_into_none(text: str) -> None:
    assert block_without_hosts(IPv6Network(text)) is None


@pytest.mark.parametrize(
    ("gateway", "subnet", "meant"),
    [
        ("2001:db8::1", "2001:db8::/64", "2001:db8::1"),
        ("::1", "2001:db8:0:7::/64", "2001:db8:0:7::1"),
        ("::ffff", "2001:db8:0:7::/64", "2001:db8:0:7::ffff"),
        ("::1", "2001:db8::80/121", "2001:db8::81"),
        ("::81", "2001:db8::80/121", "2001:db8::81"),
        ("::1", "2001:db8::/127", "2001:db8::1"),
    ],
)
def test_zeros_in_front_stand_for_the_subnet_in_ipv6_too(gateway: str, subnet: str, meant: str) -> None:
    assert complete_gateway(gateway, IPv6Network(subnet)) == IPv6Address(meant)
    assert is_usable_gateway(IPv6Address(meant), IPv6Network(subnet))


@pytest.mark.parametrize("gateway", ["2001:db8::", "2001:db8:0:1::1", "fe80::1"])
def test_neither_the_subnet_router_anycast_nor_what_lies_outside_is_a_gateway(gateway: str) -> None:
    assert not is_usable_gateway(IPv6Address(gateway), IPv6Network("2001:db8::/64"))


def test_the_last_address_of_ipv6_is_one_like_others() -> None:
    assert is_usable_gateway(IPv6Address("2001:db8::ffff:ffff:ffff:ffff"), IPv6Network("2001:db8::/64"))
    assert not is_usable_gateway(ip_address("10.0.0.255"), IPv4Network("10.0.0.0/24"))


@given(subnets())
def test_a_usual_gateway_is_usable_and_leaves_an_address_for_a_pod(subnet: Subnet) -> None:
    gateway = usual_gateway(subnet)
    if gateway is not None:
        assert is_usable_gateway(gateway, subnet)
        assert subnet.num_addresses - len(addresses_without_host(subnet) | {gateway}) >= 1
    else:
        assert subnet.num_addresses <= 2


@pytest.mark.parametrize("gateway", ["10.0.0.1", "fe80::1%eth0", "x"])
def test_a_gateway_of_the_other_family_is_no_gateway(gateway: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        complete_gateway(gateway, IPv6Network("2001:db8::/64"))
