"""Which subnets pods can live in, by the rules that node and coordinator share."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

_WITHOUT_HOSTS: Final = tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4")))
"""This network, loopback, multicast, reserved (RFC 6890): kernels and routers refuse such addresses of hosts."""
LONGEST_PREFIX_WITH_GATEWAY: Final = 30
"""A longer one has no address for a pod beside network, gateway and broadcast."""


def block_without_hosts(subnet: IPv4Network) -> IPv4Network | None:
    """The block of which no host can have an address, where `subnet` reaches into one."""
    return next((block for block in _WITHOUT_HOSTS if block.overlaps(subnet)), None)


def usual_gateway(subnet: IPv4Network) -> IPv4Address | None:
    """The first host, which main plugins take for a gateway; None where that would leave pods no room."""
    return subnet.network_address + 1 if subnet.prefixlen <= LONGEST_PREFIX_WITH_GATEWAY else None
