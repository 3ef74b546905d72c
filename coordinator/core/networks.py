"""Which network of the grid a request means."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Final

from coordinator.core.address_errors import ExcludeTooLarge, FamiliesMixed, FamilyNotServed
from coordinator.core.errors import (
    GatewayInvalid,
    NetworkNotAllowed,
    SubnetInvalid,
    SubnetTooSmall,
    SubnetWithoutHosts,
    ViewNotAllowed,
)
from protocol.family import Address, Family, Subnet, address_of, family_of, subnet_of
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.subnets import block_without_hosts, excluded_span, usual_gateway
from protocol.wire.values import NetworkAsk

ASKS_REMEMBERED_MAX: Final = 1024
EXCLUDED_ADDRESSES_MAX: Final = 512
"""So many addresses of a network may be excluded: each of its creates names them all to the grid."""


@dataclass(frozen=True)
class Network:
    """A network of the grid as one network configuration uses it."""

    view: str
    subnet: str
    gateway: str | None
    name: str
    exclude: tuple[str, ...] = ()
    """Addresses, ranges and subnets that are not to be given."""

    @cached_property
    def key(self) -> str:
        """What tells it from other networks of the grid, by what of it may be given."""
        return " ".join((self.view, self.subnet, *self.exclude))

    @cached_property
    def excluded(self) -> tuple[str, ...]:
        """The addresses that are not to be given, each for itself, as the grid wants them."""
        return tuple(str(address) for text in self.exclude for address in _addresses(text, self._block))

    @property
    def family(self) -> Family:
        """The family of its addresses."""
        return Family.of(self.subnet)

    @property
    def prefix_length(self) -> int:
        """The length of the subnet's prefix in bits."""
        return self._block.prefixlen

    def contains(self, address: str) -> bool:
        """Whether `address` lies in the subnet."""
        return address_of(address) in self._block

    @cached_property
    def _block(self) -> Subnet:
        return subnet_of(self.subnet)


@dataclass(frozen=True)
class NetworkRules:
    """What a request that says nothing gets, with what requests may ask for. Empty lists allow everything."""

    default_view: str
    default_subnet: str
    allowed_subnets: tuple[str, ...] = ()
    allowed_views: tuple[str, ...] = ()


@lru_cache(maxsize=ASKS_REMEMBERED_MAX)
def resolve(ask: NetworkAsk, rules: NetworkRules) -> tuple[Network, ...]:
    """The networks that `ask` means, in the order in which they are to be tried; usually there is one.

    All pods of a network configuration ask the same, so answers are remembered. Raises a `Refused` of code 7 that
    names the field.
    """
    first = _network(ask, ask.subnet or rules.default_subnet, ask.gateway, rules)
    networks = (first, *(_network(ask, each.subnet, each.gateway, rules) for each in ask.further))
    if first.family is not Family.IPV4:
        # The sweep reads objects of IPv4 alone: what it does not see it could not free.
        raise FamilyNotServed(subnet=first.subnet, family=first.family.title)
    if any(network.family is not first.family for network in networks):
        raise FamiliesMixed(subnets=", ".join(network.subnet for network in networks))
    return networks


def _network(ask: NetworkAsk, subnet_text: str, gateway: str | None, rules: NetworkRules) -> Network:
    view, subnet = ask.view or rules.default_view, _subnet(subnet_text)
    if rules.allowed_views and view not in rules.allowed_views:
        raise ViewNotAllowed(view=view, allowed=", ".join(rules.allowed_views))
    if rules.allowed_subnets and not any(_is_inside(subnet, subnet_of(net)) for net in rules.allowed_subnets):
        raise NetworkNotAllowed(subnet=subnet, allowed=", ".join(rules.allowed_subnets))
    usable = _gateway(gateway, subnet, needs_one=ask.is_gateway)
    return Network(view, str(subnet), usable, ask.name, _exclusions(ask, subnet))


def _is_inside(subnet: Subnet, other: Subnet) -> bool:
    return subnet.version == other.version and subnet.prefixlen >= other.prefixlen and subnet.overlaps(other)


def _exclusions(ask: NetworkAsk, subnet: Subnet) -> tuple[str, ...]:
    """What of it lies in the subnet. The grid takes single addresses, so there must not be too many."""
    spans = {text: _part_of(text, subnet) for text in ask.exclude}
    # A range as long as a /64 has no length that `len` could tell.
    if sum(span.stop - span.start for span in spans.values()) > EXCLUDED_ADDRESSES_MAX:
        raise ExcludeTooLarge(subnet=subnet, limit=EXCLUDED_ADDRESSES_MAX)
    return tuple(text for text, span in spans.items() if span)


def _part_of(text: str, subnet: Subnet) -> range:
    """The numbers of those addresses of an exclusion that lie in the subnet."""
    first, last = excluded_span(text)
    if first.version != subnet.version:
        return range(0)
    start, stop = max(int(first), int(subnet.network_address)), min(int(last), int(subnet.broadcast_address)) + 1
    return range(start, max(start, stop))


def _addresses(text: str, subnet: Subnet) -> Iterator[Address]:
    return map(family_of(subnet).address, _part_of(text, subnet))


def _subnet(text: str) -> Subnet:
    try:
        subnet = subnet_of(text)
    except ValueError:
        raise SubnetInvalid(subnet=text) from None
    if block := block_without_hosts(subnet):
        raise SubnetWithoutHosts(subnet=text, block=block)
    return subnet


def _gateway(asked: str | None, subnet: Subnet, *, needs_one: bool) -> str | None:
    usual = usual_gateway(subnet)
    if needs_one and usual is None:
        raise SubnetTooSmall(subnet=subnet, longest=family_of(subnet).longest_prefix_with_gateway)
    if asked is None:
        return str(usual) if needs_one else None
    try:
        address = complete_gateway(asked, subnet)
    except ValueError:
        raise GatewayInvalid(gateway=asked, subnet=subnet) from None
    if not is_usable_gateway(address, subnet):
        raise GatewayInvalid(gateway=asked, subnet=subnet)
    return str(address)
