"""Which subnets pods can live in, by the rules that node and coordinator share."""

from __future__ import annotations

from protocol.family import Address, Subnet, address_of, family_of, subnet_of


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


def excluded_span(text: str) -> tuple[Address, Address]:
    """The first and the last address of what an `exclude` names: an address, a range `FIRST-LAST`, or a subnet.

    Raises ValueError, which says what is wrong with it.
    """
    first_text, dash, last_text = text.partition("-")
    if dash:
        first, last = address_of(first_text), address_of(last_text)
        if family_of(first) is not family_of(last) or int(first) > int(last):
            raise ValueError(f"{text} is no range from a lower to a higher address")
        return first, last
    subnet = subnet_of(text)
    return subnet.network_address, subnet.broadcast_address


def canonical_exclusion(text: str) -> str:
    """What an `exclude` names as messages spell it. Raises ValueError, as `excluded_span` does."""
    first, last = excluded_span(text)
    if "/" in text:
        return str(subnet_of(text))
    return f"{first}-{last}" if "-" in text else str(first)
