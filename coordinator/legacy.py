"""Recognises the addresses that the original plugin left, with where each of them lives.

The original wrote Tenant ID, CMP Type, VM ID and the pod's name; neither node nor interface. Where such an address
lives shows only in the network namespaces of a node: an interface there has its MAC, or the address itself.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from coordinator.attachment_work import Place
from coordinator.objects import FixedAddress
from coordinator.ownership import INTERFACE_NAME, LOCATION, NO_VM_ID, VM_ID, Identity, Owner
from protocol.messages import Interface
from protocol.subnets import usual_gateway

_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")
_DERIVED_MAC_PREFIX: Final = "0a:58:"

NOBODY_KNOWN: Final = "its VM ID names no container: look for who uses it, then delete it in the grid"
SEEN_NOWHERE: Final = "no node sees it: its pod is gone, or lives on a node whose agent is not connected"


class Kind(Enum):
    """What an object of the original is."""

    POD = auto()
    GATEWAY = auto()
    UNKNOWN = auto()


@dataclass(frozen=True)
class Seen:
    """An interface inside a network namespace of a node."""

    node: str
    interface: Interface


@dataclass(frozen=True)
class Candidate:
    """An address of the original: where it lives, or else why it is left alone."""

    fixed: FixedAddress
    kind: Kind
    home: Identity | None = None
    why: str = ""

    @property
    def place(self) -> Place:
        """Where the object is."""
        return self.fixed.view, self.fixed.address


def kind_of(owner: Owner, fixed: FixedAddress, gateways: Collection[Place]) -> Kind | None:
    """What the original made this object for; None when it is not one of the original's.

    Whatever names a node is this generation's, and so is what has no VM ID: its gateways.
    """
    container_id = fixed.eas.get(VM_ID, "")
    if not owner.is_owner(fixed.eas) or not container_id or fixed.eas.get(LOCATION):
        return None
    if container_id == NO_VM_ID:
        return Kind.GATEWAY if fixed.mac is None and _is_gateway(fixed, gateways) else Kind.UNKNOWN
    is_pod = _CONTAINER_ID.fullmatch(container_id) and not fixed.eas.get(INTERFACE_NAME)
    return Kind.POD if is_pod else Kind.UNKNOWN


def find_homes(
    owner: Owner,
    listed: Iterable[FixedAddress],
    gateways: Collection[Place],
    seen: Iterable[Seen],
    holders: Mapping[Identity, str],
) -> list[Candidate]:
    """The original's addresses among `listed`, by address; `holders` are attachments that have an address already.

    Nothing is guessed: an address that two interfaces could have, or an interface that could have two, stays as
    it is.
    """
    listed = sorted({(each.view, each.address): each for each in listed}.values(), key=_by_address)
    views = Counter(each.address for each in listed)
    world = _World(seen)
    candidates = []
    for fixed in listed:
        kind = kind_of(owner, fixed, gateways)
        if kind is Kind.POD:
            candidates.append(_place(fixed, world, is_alone=views[fixed.address] == 1))
        elif kind is not None:
            candidates.append(Candidate(fixed, kind, why=NOBODY_KNOWN if kind is Kind.UNKNOWN else ""))
    return _without_doubles(candidates, holders)


class _World:
    """All interfaces, by MAC and by address."""

    def __init__(self, seen: Iterable[Seen]) -> None:
        self.with_mac: dict[str, list[Seen]] = defaultdict(list)
        self.with_address: dict[str, list[Seen]] = defaultdict(list)
        for each in seen:
            if each.interface.mac:
                self.with_mac[each.interface.mac].append(each)
            for address in each.interface.addresses:
                self.with_address[address].append(each)


def _place(fixed: FixedAddress, world: _World, *, is_alone: bool) -> Candidate:
    by_address = world.with_address.get(fixed.address, [])
    mac = _own_mac(fixed)
    if mac is None:
        matches = by_address
        if matches and not is_alone:
            return Candidate(fixed, Kind.POD, why="another view of the grid has the same address")
    else:
        by_mac = world.with_mac.get(mac, [])
        matches = [each for each in by_mac if each in by_address] or by_mac
        if by_address and not matches:
            return Candidate(fixed, Kind.POD, why=f"{_names(by_address)} has the address, but not its MAC {mac}")
    if not matches:
        return Candidate(fixed, Kind.POD, why=SEEN_NOWHERE)
    if len(matches) > 1:
        return Candidate(fixed, Kind.POD, why=f"{_names(matches)} could have it")
    (match,) = matches
    return Candidate(fixed, Kind.POD, Identity(fixed.eas.get(VM_ID), match.interface.ifname, match.node))


def _without_doubles(candidates: Sequence[Candidate], holders: Mapping[Identity, str]) -> list[Candidate]:
    claims = Counter(each.home for each in candidates)

    def checked(each: Candidate) -> Candidate:
        if each.home is None:
            return each
        if each.home in holders:
            return Candidate(each.fixed, each.kind, why=f"{each.home} has {holders[each.home]} already")
        if claims[each.home] > 1:
            return Candidate(each.fixed, each.kind, why=f"{claims[each.home]} addresses could be {each.home}'s")
        return each

    return [checked(each) for each in candidates]


def _is_gateway(fixed: FixedAddress, gateways: Collection[Place]) -> bool:
    if (fixed.view, fixed.address) in gateways:
        return True
    # Before the first pod of this generation only the usual place of a gateway tells.
    return not fixed.name and IPv4Address(fixed.address) == usual_gateway(IPv4Network(fixed.subnet))


def _own_mac(fixed: FixedAddress) -> str | None:
    """The MAC, unless it only repeats the address, as the original did for bridges."""
    derived = _DERIVED_MAC_PREFIX + IPv4Address(fixed.address).packed.hex(":")
    return None if fixed.mac in (None, derived) else fixed.mac


def _names(seen: Sequence[Seen]) -> str:
    return " and ".join(sorted({f"{each.interface.ifname} on {each.node}" for each in seen})[:3])


def _by_address(fixed: FixedAddress) -> tuple[IPv4Address, str]:
    return IPv4Address(fixed.address), fixed.view
