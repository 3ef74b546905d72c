"""How a gateway of a network configuration is read against its subnet."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

_HOST_PART_MAX = 255


def complete_gateway(gateway: str, subnet: IPv4Network) -> IPv4Address:
    """The address that `gateway` means in `subnet`; `0.0.0.x` is host x of the subnet.

    In a subnet that does not start at a multiple of 256, `0.0.0.x` may also carry the last octet itself, as
    the configurations of the original plugin did. The result may lie outside the subnet: the caller checks.
    Raises ValueError when `gateway` is no IPv4 address.
    """
    address = IPv4Address(gateway)
    if int(address) > _HOST_PART_MAX:
        return address
    as_host = subnet.network_address + int(address)
    as_last_octet = IPv4Address(int(subnet.network_address) & ~_HOST_PART_MAX | int(address))
    return as_last_octet if as_host not in subnet and as_last_octet in subnet else as_host


def is_usable_gateway(address: IPv4Address, subnet: IPv4Network) -> bool:
    """Whether a host of `subnet` could have this address."""
    if subnet.prefixlen >= 31:
        return address in subnet
    return address in subnet and address not in (subnet.network_address, subnet.broadcast_address)
