"""How a gateway of a network configuration is read against its subnet."""

from __future__ import annotations

from protocol.family import Address, Subnet, family_of
from protocol.subnets import addresses_without_host


def complete_gateway(gateway: str, subnet: Subnet) -> Address:
    """The address that `gateway` means in `subnet`; `0.0.0.x` is host x of the subnet, `0.0.y.x` host 256 y + x.

    `::x` is host x of an IPv6 subnet. Where there is no such host, the octets are read as they would stand in the
    address, so that in 10.0.0.128/25 both `0.0.0.1` and `0.0.0.129` mean 10.0.0.129. The result may lie outside
    the subnet: the caller checks. Raises ValueError when `gateway` is no address of the subnet's family.
    """
    family = family_of(subnet)
    address = family.address(gateway)
    # No host has an address of this block, so octets of zero in front stand for those of the subnet.
    if address not in family.blocks_without_hosts[0]:
        return address
    first = int(subnet.network_address)
    as_host = family.address((first + int(address)) % 2**family.bits)
    octets_mask = 2 ** (8 * -(-int(address).bit_length() // 8)) - 1
    as_octets = family.address(first & ~octets_mask | int(address))
    return as_octets if as_host not in subnet and as_octets in subnet else as_host


def is_usable_gateway(address: Address, subnet: Subnet) -> bool:
    """Whether a host of `subnet` could have this address, with another one left for a pod."""
    return address in subnet and subnet.num_addresses > 1 and address not in addresses_without_host(subnet)
