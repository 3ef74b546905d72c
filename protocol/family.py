"""The two families of addresses, IPv4 and IPv6, and all that differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Final

Address = IPv4Address | IPv6Address
Subnet = IPv4Network | IPv6Network


class Family(IntEnum):
    """A family of addresses; its number stands in messages and files."""

    IPV4 = 4
    IPV6 = 6

    @classmethod
    def of(cls, text: str) -> Family:
        """The family of which the text of an address, a subnet or a range is, if it is one."""
        return cls.IPV6 if ":" in text else cls.IPV4

    @property
    def title(self) -> str:
        """What people call it."""
        return f"IPv{self.value}"

    @property
    def bits(self) -> int:
        """The length of an address in bits."""
        return _TRAITS[self].bits

    @property
    def default_route(self) -> str:
        """The destination that is everything."""
        return _TRAITS[self].default_route

    @property
    def has_broadcast(self) -> bool:
        """Whether the last address of a subnet is nobody's."""
        return _TRAITS[self].has_broadcast

    @property
    def longest_prefix_with_gateway(self) -> int:
        """A longer one has no address for a pod beside the gateway and those that no host has."""
        return _TRAITS[self].longest_prefix_with_gateway

    @property
    def blocks_without_hosts(self) -> tuple[Subnet, ...]:
        """Subnets of which no pod can have an address; the first has those that spell out no more than a host."""
        return _TRAITS[self].blocks_without_hosts

    def address(self, value: str | int) -> Address:
        """The address that a text or a number is. Raises ValueError; so it does for zones and for mapped IPv4."""
        address = _TRAITS[self].address(value)
        if isinstance(address, IPv6Address):
            if address.scope_id is not None:
                raise ValueError(f"{value} has a zone, which means something on one node alone")
            if address.ipv4_mapped is not None:
                raise ValueError(f"{value} maps an IPv4 address, write {address.ipv4_mapped}")
        return address

    def subnet(self, text: str) -> Subnet:
        """The subnet that a text is, without host bits; an address alone is a subnet of one. Raises ValueError."""
        subnet = _TRAITS[self].subnet(text)
        self.address(str(subnet.network_address))
        return subnet


@dataclass(frozen=True)
class _Traits:
    address: type[Address]
    subnet: type[Subnet]
    bits: int
    default_route: str
    has_broadcast: bool
    longest_prefix_with_gateway: int
    blocks_without_hosts: tuple[Subnet, ...]


_TRAITS: Final = {
    Family.IPV4: _Traits(
        IPv4Address,
        IPv4Network,
        bits=32,
        default_route="0.0.0.0/0",
        has_broadcast=True,
        longest_prefix_with_gateway=30,
        # This network, loopback, multicast, reserved (RFC 6890), which kernels and routers refuse of hosts.
        blocks_without_hosts=tuple(map(IPv4Network, ("0.0.0.0/8", "127.0.0.0/8", "224.0.0.0/4", "240.0.0.0/4"))),
    ),
    Family.IPV6: _Traits(
        IPv6Address,
        IPv6Network,
        bits=128,
        default_route="::/0",
        has_broadcast=False,
        longest_prefix_with_gateway=126,
        # Reserved, with the unspecified address, loopback and what maps IPv4; link-local; multicast (RFC 4291).
        blocks_without_hosts=tuple(map(IPv6Network, ("::/8", "fe80::/10", "ff00::/8"))),
    ),
}


def address_of(text: str) -> Address:
    """The address that a text is, of either family. Raises ValueError."""
    return Family.of(text).address(text)


def subnet_of(text: str) -> Subnet:
    """The subnet that a text is, of either family. Raises ValueError."""
    return Family.of(text).subnet(text)


def family_of(value: Address | Subnet) -> Family:
    """The family of an address or a subnet."""
    return Family(value.version)
