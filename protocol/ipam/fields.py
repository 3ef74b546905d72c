"""The texts of addresses in a network configuration, checked and put into their canonical spelling."""

from __future__ import annotations

from collections.abc import Callable
from ipaddress import AddressValueError, NetmaskValueError, ip_interface
from typing import Annotated, Final

from pydantic import AfterValidator, BeforeValidator, Field

from protocol.family import Address, Family, Subnet, address_of
from protocol.subnets import block_without_hosts, canonical_exclusion
from protocol.texts import is_fit

ADDRESS_TEXT_LENGTH_MAX: Final = 100
"""Of any text that holds addresses; the longest is a range of IPv6."""
_EXAMPLES: Final = {Family.IPV4: "10.0.0.0/16", Family.IPV6: "fd00::/64"}


def address(text: str) -> Address:
    """The address of either family that a text is. Raises ValueError with what is wrong, as do all of these."""
    try:
        return address_of(text)
    except AddressValueError:
        raise ValueError(f"is no {Family.of(text).title} address") from None


def subnet(text: str) -> Subnet:
    """The subnet of either family that a text is, one in which pods can live."""
    family = Family.of(text)
    first, slash, prefix = text.partition("/")
    if not slash or not prefix.isascii() or not prefix.isdigit():
        raise ValueError(f"is no subnet such as {_EXAMPLES[family]}")
    if int(prefix[:4]) > family.bits:
        raise ValueError(f"has no prefix length from 0 to {family.bits}, but {prefix[:10]}")
    known = address(first)
    found = ip_interface(f"{known}/{int(prefix)}").network
    if known != found.network_address:
        raise ValueError(f"has host bits set, the subnet is {found}")
    if without_hosts := block_without_hosts(found):
        raise ValueError(f"{found} reaches into {without_hosts}, of which no pod can have an address")
    return found


def _excluded(text: str) -> str:
    try:
        return canonical_exclusion(text)
    except (AddressValueError, NetmaskValueError):
        raise ValueError("is no address, no range of addresses such as 10.0.0.1-10.0.0.9, no subnet") from None


def _destination(text: str) -> str:
    first, slash, prefix = text.partition("/")
    family = Family.of(text)
    try:
        known = address(first)
    except ValueError:
        raise ValueError(f"is no destination such as {_EXAMPLES[family]}") from None
    if not slash:
        raise ValueError("has no prefix length")
    if not prefix.isascii() or not prefix.isdigit() or int(prefix[:4]) > family.bits:
        raise ValueError(f"is no destination such as {_EXAMPLES[family]}")
    return f"{known}/{int(prefix)}"


def _plain(text: str) -> str:
    if not is_fit(text):
        raise ValueError("must be without control characters")
    return text


def _empty_is_absent(value: object) -> object:
    return None if value == "" else value


def _of(family: Family, read: Callable[[str], object], other_field: str) -> AfterValidator:
    """Refuses texts of the other family, which has a field of its own."""

    def check(text: str) -> str:
        if Family.of(text) is family:
            return text
        try:
            read(text)
        except ValueError:
            raise ValueError(f"is no {family.title} {read.__name__}") from None
        raise ValueError(f"is {Family.of(text).title}: name it in {other_field}")

    return AfterValidator(check)


_Short = Annotated[str, Field(max_length=ADDRESS_TEXT_LENGTH_MAX)]
Text = Annotated[str, Field(max_length=253), AfterValidator(_plain)]
_as_subnet: Final = AfterValidator(lambda text: str(subnet(text)))
_as_address: Final = AfterValidator(lambda text: str(address(text)))
SubnetText = Annotated[_Short, _as_subnet]
AddressText = Annotated[_Short, _as_address]
Ipv4Subnet = Annotated[_Short, _of(Family.IPV4, subnet, "subnet6"), _as_subnet]
Ipv6Subnet = Annotated[_Short, _of(Family.IPV6, subnet, "subnet"), _as_subnet]
Ipv4Address = Annotated[_Short, _of(Family.IPV4, address, "gateway6"), _as_address]
Ipv6Address = Annotated[_Short, _of(Family.IPV6, address, "gateway"), _as_address]
Excluded = Annotated[_Short, AfterValidator(_excluded)]
Destination = Annotated[_Short, AfterValidator(_destination)]
Unset = BeforeValidator(_empty_is_absent)
"""An empty text is as good as none."""
