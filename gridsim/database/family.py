"""The two families of addresses, as values, with addresses and blocks of either.

All addresses lie on one line of numbers: IPv4 from 0, IPv6 from 2**128. A number tells its family, so whatever
compares, counts or files addresses need not ask for it.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from dataclasses import dataclass

_LINE_BITS = 128

_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """What differs between IPv4 and IPv6.

    `bits` is the length of an address, `origin` where the family begins on the line. `network`, `container`,
    `scope` (a DHCP range), `fixed` and `row` (the read view of an address) name object types; `address` is the
    field that holds an address, `hosted` the one with the addresses of a host record. `broadcasts` counts the
    highest addresses of a block that nothing can have.
    """

    version: int
    bits: int
    origin: int
    broadcasts: int
    network: str
    container: str
    scope: str
    fixed: str
    row: str
    address: str
    hosted: str
    number: Callable[[str], int]
    written: Callable[[int], str]
    block: Callable[[str], _Network]

    def parse(self, text: object) -> int:
        """Return the number of an address of this family.

        Raises ValueError when the text is not one.
        """
        if not isinstance(text, str):
            raise ValueError(f"not an IPv{self.version} address: {text!r}")
        return self.number(text)

    def parse_block(self, text: object) -> Cidr:
        """Return the block written as `10.55.0.0/16` or `2001:db8::/64`.

        Raises ValueError for anything else, host bits included.
        """
        if not isinstance(text, str) or "/" not in text or "%" in text:
            raise ValueError(f"not an IPv{self.version} network: {text!r}")
        network = self.block(text)
        return Cidr(self.origin + int(network.network_address), network.prefixlen)

    @property
    def in_networks(self) -> tuple[str, ...]:
        """The types of objects that lie in a network, and can be found by it."""
        return self.fixed, self.scope


def _ipv4_number(text: str) -> int:
    return int(ipaddress.IPv4Address(text))


def _ipv4_text(address: int) -> str:
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


def _ipv6_number(text: str) -> int:
    if "%" in text:
        raise ValueError(f"an address with a zone: {text!r}")
    return (1 << _LINE_BITS) + int(ipaddress.IPv6Address(text))


def _ipv6_text(address: int) -> str:
    return str(ipaddress.IPv6Address(address - (1 << _LINE_BITS)))


IPV4 = Family(
    version=4,
    bits=32,
    origin=0,
    broadcasts=1,
    network="network",
    container="networkcontainer",
    scope="range",
    fixed="fixedaddress",
    row="ipv4address",
    address="ipv4addr",
    hosted="ipv4addrs",
    number=_ipv4_number,
    written=_ipv4_text,
    block=ipaddress.IPv4Network,
)
IPV6 = Family(
    version=6,
    bits=_LINE_BITS,
    origin=1 << _LINE_BITS,
    broadcasts=0,
    network="ipv6network",
    container="ipv6networkcontainer",
    scope="ipv6range",
    fixed="ipv6fixedaddress",
    row="ipv6address",
    address="ipv6addr",
    hosted="ipv6addrs",
    number=_ipv6_number,
    written=_ipv6_text,
    block=ipaddress.IPv6Network,
)
FAMILIES = (IPV4, IPV6)
"""In the order of the line."""

NETWORKS = tuple(family.network for family in FAMILIES)
FIXED = tuple(family.fixed for family in FAMILIES)
ROWS = tuple(family.row for family in FAMILIES)
FAMILY_KINDS = tuple(
    kind for family in FAMILIES for kind in (family.network, family.container, family.scope, family.fixed)
)
"""The types that exist once per family and are written, outer ones first."""
_OF_KIND = {
    kind: family
    for family in FAMILIES
    for kind in (family.network, family.container, family.scope, family.fixed, family.row)
}


def family_of(address: int) -> Family:
    """Return the family of an address."""
    return FAMILIES[address >> _LINE_BITS]


def family_of_kind(kind: str) -> Family:
    """Return the family of an object type, one of those that exist once per family."""
    return _OF_KIND[kind]


def of_either(text: object) -> int:
    """Return the number of an address of any family.

    Raises ValueError when the text is not one.
    """
    return (IPV6 if ":" in str(text) else IPV4).parse(text)


def format_address(address: int) -> str:
    """Return an address as the grid writes it: IPv6 in lower case, compressed."""
    return FAMILIES[address >> _LINE_BITS].written(address)


def canonical(text: str) -> str:
    """Return an address or a block of IPv6 as the grid writes it; any other text stays as it is."""
    if ":" not in text:
        return text
    try:
        return str(IPV6.parse_block(text)) if "/" in text else format_address(IPV6.parse(text))
    except ValueError:
        return text


@dataclass(frozen=True, slots=True, order=True)
class Cidr:
    """A block of addresses: base address (host bits zero) with prefix length."""

    base: int
    prefix: int

    @property
    def family(self) -> Family:
        """The family of its addresses."""
        return family_of(self.base)

    @property
    def host_bits(self) -> int:
        """The number of bits behind the prefix."""
        return family_of(self.base).bits - self.prefix

    @property
    def last(self) -> int:
        """The highest address of the block."""
        return self.base + (1 << self.host_bits) - 1

    @property
    def first_host(self) -> int:
        """The lowest address that a host may have."""
        return self.base + 1 if self.host_bits > 1 else self.base

    @property
    def last_host(self) -> int:
        """The highest address that a host may have."""
        return self.last - self.family.broadcasts if self.host_bits > 1 else self.last

    @property
    def last_offered(self) -> int:
        """The highest address that is offered as the next available one: never the last, whatever the family."""
        return self.last - 1 if self.host_bits > 1 else self.last

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


Span = tuple[int, int]


def spans_of(listed: Iterable[object], family: Family) -> list[Span]:
    """Return the spans that a list of addresses, ranges `FIRST-LAST` or blocks names.

    Raises ValueError for anything else.
    """
    return [_span(text, family) for text in listed]


def _span(text: object, family: Family) -> Span:
    if isinstance(text, str) and "/" in text:
        block = family.parse_block(text)
        return block.base, block.last
    first, dash, last = str(text).partition("-")
    return family.parse(first), family.parse(last if dash else first)
