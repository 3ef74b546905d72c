"""How a gateway of a network configuration is read against its subnet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network
from typing import Final

_NO_NETWORK: Final = IPv4Network("0.0.0.0/8")
"""No host has an address of it, so octets of zero in front stand for those of the subnet."""


def complete_gateway(gateway: str, subnet: IPv4Network) -> IPv4Address:
    """The address that `gateway` means in `subnet`; `0.0.0.x` is host x of the subnet, `0.0.y.x` host 256 y + x.

    Where there is no such host, the octets are read as they would stand in the address, so that in 10.0.0.128/25
    both `0.0.0.1` and `0.0.0.129` mean 10.0.0.129. The result may lie outside the subnet: the caller checks.
    Raises ValueError when `gateway` is no IPv4 address.
    """
    address = IPv4Address(gateway)
    if address not in _NO_NETWORK:
        return address
    first = int(subnet.network_address)
    as_host = IPv4Address((first + int(address)) % 2**32)
    octets_mask = 2 ** (8 * -(-int(address).bit_length() // 8)) - 1
    as_octets = IPv4Address(first & ~octets_mask | int(address))
    return as_octets if as_host not in subnet and as_octets in subnet else as_host


def is_usable_gateway(address: IPv4Address, subnet: IPv4Network) -> bool:
    """Whether a host of `subnet` could have this address, with another one left for a pod."""
    if subnet.prefixlen == 31:
        return address in subnet
    return address in subnet and address not in (subnet.network_address, subnet.broadcast_address)
