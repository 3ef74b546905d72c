"""From which ranges of the grid a pod gets its addresses, by family: IPv4 first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol import config_errors as errors
from protocol.family import Family, family_of
from protocol.gateway import complete_gateway, is_usable_gateway
from protocol.ipam.fields import subnet
from protocol.ipam.section import Ipam
from protocol.subnets import excluded_span, usual_gateway


@dataclass(frozen=True, slots=True)
class Range:
    """A subnet of the grid, with the gateway of its pods; None where the configuration says nothing.

    The gateway may leave out the subnet's part: see `complete_gateway`.
    """

    subnet: str | None
    gateway: str | None = None


@dataclass(frozen=True, slots=True)
class RangeSet:
    """Where the address of one family comes from: the first of the ranges that has one left.

    `exclude`: addresses, ranges a-b and subnets whose addresses are given only where they are asked for.
    """

    family: Family
    ranges: tuple[Range, ...]
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Place:
    """A range, and the fields that say it."""

    range: Range
    subnet_field: str
    gateway_field: str


def range_sets(ipam: Ipam, *, needs_gateway: bool) -> tuple[RangeSet, ...]:
    """The set of each family that the section gives, or that of the default subnet. Raises `ConfigInvalid`."""
    sets = _spelt_as_ranges(ipam) if ipam.ranges is not None else _spelt_as_subnets(ipam)
    for places in sets.values():
        for number, place in enumerate(places):
            _check_gateway(place, needs_gateway=needs_gateway)
            _check_overlap(place, places[:number])
    exclude = _exclude(ipam, sets)
    return tuple(
        RangeSet(family, tuple(place.range for place in sets[family]), exclude[family]) for family in sorted(sets)
    )


def _spelt_as_subnets(ipam: Ipam) -> dict[Family, list[_Place]]:
    sets = {}
    if ipam.subnet6 is not None:
        sets[Family.IPV6] = [_Place(Range(ipam.subnet6, ipam.gateway6), "ipam.subnet6", "ipam.gateway6")]
    elif ipam.gateway6 is not None:
        raise errors.ConfigInvalid(field="ipam.gateway6", reason="stands without ipam.subnet6")
    if ipam.subnet is not None or ipam.subnet6 is None:
        sets[Family.IPV4] = [_Place(Range(ipam.subnet, ipam.gateway), "ipam.subnet", "ipam.gateway")]
    elif ipam.gateway is not None:
        raise errors.ConfigInvalid(
            field="ipam.gateway", reason="stands without ipam.subnet, so pods have IPv6 only"
        )
    return sets


def _spelt_as_ranges(ipam: Ipam) -> dict[Family, list[_Place]]:
    for key in ("subnet", "gateway", "subnet6", "gateway6"):
        if getattr(ipam, key) is not None:
            raise errors.ConfigInvalid(
                field=f"ipam.{key}", reason="stands beside ipam.ranges, which says the same"
            )
    sets: dict[Family, list[_Place]] = {}
    for number, ranges in enumerate(ipam.ranges or ()):
        field = f"ipam.ranges[{number}]"
        if not ranges:
            raise errors.ConfigInvalid(field=field, reason="has no range")
        family = Family.of(ranges[0].subnet)
        if family in sets:
            raise errors.ConfigInvalid(field=field, reason=f"is another set of {family.title}, one is served")
        sets[family] = []
        for place, each in enumerate(ranges):
            if Family.of(each.subnet) is not family:
                reason = f"is {Family.of(each.subnet).title} in a set of {family.title}"
                raise errors.ConfigInvalid(field=f"{field}[{place}].subnet", reason=reason)
            named = Range(each.subnet, each.gateway)
            sets[family].append(_Place(named, f"{field}[{place}].subnet", f"{field}[{place}].gateway"))
    if not sets:
        raise errors.ConfigInvalid(field="ipam.ranges", reason="has no set of ranges")
    return sets


def _check_gateway(place: _Place, *, needs_gateway: bool) -> None:
    if place.range.subnet is None:
        return
    known, text = subnet(place.range.subnet), place.range.gateway
    family = family_of(known)
    if needs_gateway and usual_gateway(known) is None:
        smallest = f"/{family.longest_prefix_with_gateway} is the smallest"
        reason = f"{known} has no room for a gateway and pods, {smallest}"
        raise errors.ConfigInvalid(field=place.subnet_field, reason=reason)
    if text is None:
        return
    if Family.of(text) is not family:
        raise errors.ConfigInvalid(field=place.gateway_field, reason=f"is {Family.of(text).title} beside {known}")
    gateway = complete_gateway(text, known)
    if is_usable_gateway(gateway, known):
        return
    if gateway not in known:
        reason = f"{gateway} is outside the subnet {known}"
    elif family.has_broadcast:
        reason = f"{gateway} is the first or last address of {known}"
    else:
        reason = f"{gateway} is the first address of {known}, which any router has"
    raise errors.ConfigInvalid(field=place.gateway_field, reason=reason)


def _check_overlap(place: _Place, before: Sequence[_Place]) -> None:
    for other in before:
        if (
            place.range.subnet
            and other.range.subnet
            and subnet(place.range.subnet).overlaps(subnet(other.range.subnet))
        ):
            reason = f"{place.range.subnet} overlaps {other.range.subnet} of {other.subnet_field}"
            raise errors.ConfigInvalid(field=place.subnet_field, reason=reason)


def _exclude(ipam: Ipam, sets: dict[Family, list[_Place]]) -> dict[Family, tuple[str, ...]]:
    """What is excluded of each family. What lies outside all ranges is most likely a typing error."""
    for number, text in enumerate(ipam.exclude or ()):
        field, family = f"ipam.exclude[{number}]", Family.of(text)
        if family not in sets:
            reason = f"{text} is {family.title}, of which pods get no address"
            raise errors.ConfigInvalid(field=field, reason=reason)
        if not any(_reaches_into(text, place.range) for place in sets[family]):
            raise errors.ConfigInvalid(field=field, reason=f"{text} lies outside the network")
    return {
        family: tuple(dict.fromkeys(text for text in ipam.exclude or () if Family.of(text) is family))
        for family in sets
    }


def _reaches_into(text: str, where: Range) -> bool:
    if where.subnet is None:
        return True
    known, (first, last) = subnet(where.subnet), excluded_span(text)
    return int(first) <= int(known.broadcast_address) and int(last) >= int(known.network_address)
