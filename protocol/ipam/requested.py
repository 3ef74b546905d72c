"""The addresses that people name: runtimeConfig.ips, args.cni.ips and CNI_ARGS IP, united as host-local does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from protocol import config_errors as errors
from protocol.family import Family
from protocol.gateway import complete_gateway
from protocol.ipam import fields
from protocol.ipam.ranges import RangeSet
from protocol.subnets import addresses_without_host, usual_gateway
from protocol.texts import scrub

CNI_ARGS_FIELD: Final = "CNI_ARGS IP"
SHOWN_LENGTH_MAX: Final = 100
REQUESTED_MAX: Final = 8
"""More than that name no two addresses."""


@dataclass(frozen=True)
class Requested:
    """A text that names an address, and where it stands."""

    field: str
    text: str


def requested_of(runtime_config: Any, args: Any) -> tuple[Requested, ...]:
    """What a network configuration names. Raises `RequestInvalid` for what is no list of texts."""
    cni = args.get("cni") if isinstance(args, dict) else None
    return (*_listed("runtimeConfig.ips", runtime_config), *_listed("args.cni.ips", cni))


def requested_by_args(value: str | None) -> tuple[Requested, ...]:
    """What the value of IP in CNI_ARGS names: addresses, with a comma between them."""
    return tuple(Requested(CNI_ARGS_FIELD, text.strip()) for text in (value or "").split(",") if text.strip())


def addresses(
    requested: Iterable[Requested], sets: Sequence[RangeSet], *, needs_gateway: bool
) -> Mapping[Family, str]:
    """The named address of each family, in its canonical spelling. Raises `RequestInvalid`.

    `needs_gateway`: whether a range without a named gateway has the usual one.
    """
    named: dict[Family, str] = {}
    for each in requested:
        address = _address(each)
        family = Family.of(address)
        if named.setdefault(family, address) != address:
            _refuse(each, f"is a second address of {family.title} beside {named[family]}")
        where = next((known for known in sets if known.family is family), None)
        if where is None:
            _refuse(each, f"is {family.title}, of which pods of this network get no address")
        _check_place(each, address, where, needs_gateway=needs_gateway)
    return named


def _listed(field: str, section: Any) -> list[Requested]:
    asked = section.get("ips") if isinstance(section, dict) else None
    if not asked:
        return []
    if not isinstance(asked, list) or not all(isinstance(each, str) for each in asked):
        raise errors.RequestInvalid(field=field, text=_shown(asked), reason="is no list of addresses")
    if len(asked) > REQUESTED_MAX:
        raise errors.RequestInvalid(field=field, text=_shown(asked), reason=f"has more than {REQUESTED_MAX}")
    return [Requested(field, each) for each in asked]


def _address(requested: Requested) -> str:
    """The prefix length is not read, since that of the network counts."""
    if len(requested.text) > fields.ADDRESS_TEXT_LENGTH_MAX:
        _refuse(requested, "is no address")
    text, slash, prefix = requested.text.partition("/")
    try:
        address = fields.address(text)
    except ValueError as error:
        _refuse(requested, str(error))
    if slash and not (prefix.isascii() and prefix.isdigit() and int(prefix) <= Family.of(text).bits):
        _refuse(requested, "has no prefix length after its /")
    return str(address)


def _check_place(requested: Requested, text: str, where: RangeSet, *, needs_gateway: bool) -> None:
    address = where.family.address(text)
    subnets = {each: fields.subnet(each.subnet) for each in where.ranges if each.subnet is not None}
    its = [(each, subnet) for each, subnet in subnets.items() if address in subnet]
    if len(subnets) == len(where.ranges) and not its:
        _refuse(requested, f"is outside the network {', '.join(map(str, subnets.values()))}")
    for each, subnet in its:
        if address in addresses_without_host(subnet):
            _refuse(requested, f"is no host's in {subnet}")
        usual = usual_gateway(subnet) if needs_gateway else None
        if address == (complete_gateway(each.gateway, subnet) if each.gateway else usual):
            _refuse(requested, "is the gateway")


def _refuse(requested: Requested, reason: str) -> NoReturn:
    raise errors.RequestInvalid(field=requested.field, text=_shown(requested.text), reason=reason)


def _shown(value: Any) -> str:
    texts = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return scrub(texts)[:SHOWN_LENGTH_MAX]
