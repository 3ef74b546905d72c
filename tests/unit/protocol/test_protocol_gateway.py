"""Which address a gateway of a network configuration means."""

from __future__ import annotations

import contextlib
from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol.config_errors import ConfigInvalid
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.network_config import validate
from protocol.subnets import block_without_hosts, usual_gateway


@pytest.mark.parametrize(
    ("gateway", "subnet", "meant"),
    [
        ("10.55.0.1", "10.55.0.0/24", "10.55.0.1"),
        ("0.0.0.1", "10.55.0.0/24", "10.55.0.1"),
        ("0.0.0.254", "10.55.0.0/24", "10.55.0.254"),
        ("0.0.0.1", "10.55.64.0/18", "10.55.64.1"),
        ("0.0.63.254", "10.55.64.0/18", "10.55.127.254"),
        ("0.0.65.1", "10.55.64.0/18", "10.55.65.1"),
        ("0.1.2.3", "10.0.0.0/8", "10.1.2.3"),
        ("0.0.0.1", "10.0.0.128/25", "10.0.0.129"),
        ("0.0.0.129", "10.0.0.128/25", "10.0.0.129"),
        ("0.0.0.1", "10.0.0.4/31", "10.0.0.5"),
    ],
)
def test_octets_of_zero_in_front_stand_for_those_of_the_subnet(gateway: str, subnet: str, meant: str) -> None:
    assert complete_gateway(gateway, IPv4Network(subnet)) == IPv4Address(meant)
    assert is_usable_gateway(IPv4Address(meant), IPv4Network(subnet))
    validate({"name": "pods", "ipam": {"subnet": subnet, "gateway": gateway}})


@pytest.mark.parametrize(
    ("gateway", "subnet"),
    [
        ("0.0.0.0", "10.55.0.0/24"),
        ("0.0.0.255", "10.55.0.0/24"),
        ("0.0.1.1", "10.55.0.0/24"),
        ("0.0.0.9", "10.55.0.0/29"),
        ("0.0.64.1", "10.55.0.0/18"),
        ("0.0.65.1", "10.55.192.0/18"),
        ("0.255.255.255", "223.255.255.0/24"),
    ],
)
def test_a_host_that_the_subnet_lacks_is_refused(gateway: str, subnet: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"^ipam\.gateway: "):
        validate({"name": "pods", "ipam": {"subnet": subnet, "gateway": gateway}})


@pytest.mark.parametrize(
    "subnet",
    ["0.1.0.0/16", "127.0.0.0/8", "127.9.0.0/24", "126.0.0.0/7", "224.0.0.0/24", "239.0.0.0/8", "240.0.0.0/4"],
)
def test_a_subnet_in_which_no_host_can_be_is_refused_with_the_block(subnet: str) -> None:
    with pytest.raises(ConfigInvalid, match=r"^ipam\.subnet: .* reaches into (0|127|224|240)\.0\.0\.0/[48], "):
        validate({"name": "pods", "ipam": {"subnet": subnet}})


MAIN_PLUGINS = st.fixed_dictionaries(
    {},
    optional={
        "isGateway": st.none() | st.booleans(),
        "isDefaultGateway": st.booleans(),
        "type": st.sampled_from(["ptp", "bridge"]),
    },
)


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), MAIN_PLUGINS)
@example(2**32 - 1, 32, {"isGateway": True})
@example(0, 0, {})
def test_a_subnet_has_room_for_a_pod_beside_its_gateway_or_is_refused(
    network: int, prefix: int, main_plugin: dict[str, object]
) -> None:
    subnet = IPv4Network((network, prefix), strict=False)
    with contextlib.suppress(ConfigInvalid):
        config = validate({"name": "pods", "ipam": {"subnet": str(subnet)}, **main_plugin})
        assert block_without_hosts(subnet) is None
        gateway = usual_gateway(subnet)
        if config.needs_gateway:
            assert gateway is not None
            assert any(host != gateway for host in subnet.hosts())


@given(st.integers(0, 2**32 - 1), st.integers(0, 32), st.integers(0, 2**32 - 1))
def test_every_host_part_that_fits_is_that_host(network: int, prefix: int, host: int) -> None:
    subnet = IPv4Network((network, prefix), strict=False)
    host %= min(subnet.num_addresses, 2**24)
    assert complete_gateway(str(IPv4Address(host)), subnet) == subnet.network_address + host
