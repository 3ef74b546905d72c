"""Which network of the grid a request means."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from coordinator.core.errors import (
    GatewayInvalid,
    NetworkNotAllowed,
    SubnetInvalid,
    SubnetTooSmall,
    SubnetWithoutHosts,
    ViewNotAllowed,
)
from protocol.family import Family, family_of
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.subnets import block_without_hosts, usual_gateway
from protocol.wire.values import NetworkAsk

ASKS_REMEMBERED_MAX: Final = 1024


@dataclass(frozen=True)
class Network:
    """A network of the grid as one network configuration uses it."""

    view: str
    subnet: str
    gateway: str | None
    name: str

    @cached_property
    def key(self) -> str:
        """What tells it from other networks of the grid, however it is used."""
        return f"{self.view} {self.subnet}"

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
        return IPv4Address(address) in self._block

    @cached_property
    def _block(self) -> IPv4Network:
        return IPv4Network(self.subnet)


@dataclass(frozen=True)
class NetworkRules:
    """What a request that says nothing gets, with what requests may ask for. Empty lists allow everything."""

    default_view: str
    default_subnet: str
    allowed_subnets: tuple[str, ...] = ()
    allowed_views: tuple[str, ...] = ()


@lru_cache(maxsize=ASKS_REMEMBERED_MAX)
def resolve(ask: NetworkAsk, rules: NetworkRules) -> Network:
    """The network that `ask` means. All pods of a network configuration ask the same, so answers are remembered.

    Raises a `Refused` of code 7 that names the field.
    """
    view = ask.view or rules.default_view
    subnet = _subnet(ask.subnet or rules.default_subnet)
    if rules.allowed_views and view not in rules.allowed_views:
        raise ViewNotAllowed(view=view, allowed=", ".join(rules.allowed_views))
    if rules.allowed_subnets and not any(subnet.subnet_of(IPv4Network(net)) for net in rules.allowed_subnets):
        raise NetworkNotAllowed(subnet=subnet, allowed=", ".join(rules.allowed_subnets))
    return Network(view, str(subnet), _gateway(ask, subnet), ask.name)


def _subnet(text: str) -> IPv4Network:
    try:
        subnet = IPv4Network(text)
    except ValueError:
        raise SubnetInvalid(subnet=text) from None
    if block := block_without_hosts(subnet):
        raise SubnetWithoutHosts(subnet=text, block=block)
    return subnet


def _gateway(ask: NetworkAsk, subnet: IPv4Network) -> str | None:
    usual = usual_gateway(subnet)
    if ask.is_gateway and usual is None:
        raise SubnetTooSmall(subnet=subnet, longest=family_of(subnet).longest_prefix_with_gateway)
    if ask.gateway is None:
        return str(usual) if ask.is_gateway else None
    try:
        address = complete_gateway(ask.gateway, subnet)
    except ValueError:
        raise GatewayInvalid(gateway=ask.gateway, subnet=subnet) from None
    if not is_usable_gateway(address, subnet):
        raise GatewayInvalid(gateway=ask.gateway, subnet=subnet)
    return str(address)
