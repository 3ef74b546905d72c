"""Values for IPv4 addresses as the grid writes them."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass


def parse_address(text: object) -> int:
    """Return the number of a dotted address.

    Raises ValueError when the text is not one.
    """
    if not isinstance(text, str):
        raise ValueError(f"not an IPv4 address: {text!r}")
    return int(ipaddress.IPv4Address(text))


def format_address(address: int) -> str:
    """Return the dotted form of an address."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


@dataclass(frozen=True, slots=True, order=True)
class Cidr:
    """A block of addresses: base address (host bits zero) with prefix length."""

    base: int
    prefix: int

    @property
    def last(self) -> int:
        """The highest address of the block."""
        return self.base + (1 << (32 - self.prefix)) - 1

    @property
    def first_host(self) -> int:
        """The lowest address that a host may have."""
        return self.base + 1 if self.prefix < 31 else self.base

    @property
    def last_host(self) -> int:
        """The highest address that a host may have."""
        return self.last - 1 if self.prefix < 31 else self.last

    def __str__(self) -> str:
        return f"{format_address(self.base)}/{self.prefix}"

    def __contains__(self, address: int) -> bool:
        return self.base <= address <= self.last

    def covers(self, other: Cidr) -> bool:
        """Tell whether the other block lies inside this one (equal counts)."""
        return self.prefix <= other.prefix and other.base in self

    def overlaps(self, other: Cidr) -> bool:
        """Tell whether the two blocks share an address."""
        return self.covers(other) or other.covers(self)


def parse_cidr(text: object) -> Cidr:
    """Return the block written as `10.55.0.0/16`.

    Raises ValueError for anything else, host bits included.
    """
    if not isinstance(text, str) or "/" not in text:
        raise ValueError(f"not a network: {text!r}")
    network = ipaddress.IPv4Network(text)
    return Cidr(int(network.network_address), network.prefixlen)


def block_of(address: int, prefix: int) -> Cidr:
    """Return the block of that prefix length around an address."""
    shift = 32 - prefix
    return Cidr(address >> shift << shift, prefix)
