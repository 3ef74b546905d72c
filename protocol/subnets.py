"""Which subnets pods can live in, by the rules that node and coordinator share."""

from __future__ import annotations

from protocol.family import Address, Subnet, family_of


def block_without_hosts(subnet: Subnet) -> Subnet | None:
    """The block of which no host can have an address, where `subnet` reaches into one."""
    return next((block for block in family_of(subnet).blocks_without_hosts if block.overlaps(subnet)), None)


def usual_gateway(subnet: Subnet) -> Address | None:
    """The first host, which main plugins take for a gateway; None where that would leave pods no room."""
    has_room = subnet.prefixlen <= family_of(subnet).longest_prefix_with_gateway
    return subnet.network_address + 1 if has_room else None


def addresses_without_host(subnet: Subnet) -> frozenset[Address]:
    """The addresses of a subnet that no host has: the first, and in IPv4 the last.

    The first names the network (IPv4) or any router of it (IPv6: RFC 4291, 2.6.1), the last is the broadcast
    address. A subnet of two has neither (RFC 3021, RFC 6164), and in a subnet of one nothing else would be left.
    """
    if subnet.prefixlen >= subnet.max_prefixlen - 1:
        return frozenset()
    last = {subnet.broadcast_address} if family_of(subnet).has_broadcast else set()
    return frozenset({subnet.network_address} | last)
