"""Recognises the objects that bear this cluster's name and no id, with where each of them lives.

The original plugin wrote Tenant ID, CMP Type, VM ID and the pod's name; neither node nor interface. Where such an
address lives shows only in the network namespaces of a node: an interface there has its MAC, or the address.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from typing import Final

from coordinator.admin.bare_object import BareObject
from protocol.admin.messages import Finding
from protocol.subnets import usual_gateway
from protocol.wire.values import Interface

NO_VM_ID: Final = "N/A"
"""What the original plugin wrote as `VM ID` of gateways."""

NOBODY_KNOWN: Final = "it names no container: look for who uses it, then delete it in the grid"
SEEN_NOWHERE: Final = "no node sees it: its pod is gone, or lives on a node whose agent is not connected"

_CONTAINER_ID: Final = re.compile(r"[0-9a-f]{64}")
_DERIVED_MAC_PREFIX: Final = "0a:58:"


@dataclass(frozen=True)
class Seen:
    """An interface inside a network namespace of a node."""

    node: str
    interface: Interface


@dataclass(frozen=True)
class Candidate:
    """An address without an id: where it lives, or else why it is left alone."""

    found: BareObject
    finding: Finding
    home: Seen | None = None
    why: str = ""


WhyHeld = Callable[[BareObject, Seen], str]
"""Why an address cannot be its attachment's, empty where it can."""


def find_homes(listed: Iterable[BareObject], seen: Iterable[Seen], why_held: WhyHeld) -> list[Candidate]:
    """All that bear no id, by address. Exactly one interface must show where an address lives."""
    places = {each.place: each for each in listed}
    views = Counter(address for _, address in places)
    bare = [each for each in places.values() if finding_of(each) is not None]
    world = _World(seen)
    candidates = []
    for found in sorted(bare, key=lambda each: (IPv4Address(each.address), each.view)):
        finding = finding_of(found)
        if finding is Finding.ADOPT:
            candidates.append(_place(found, world, is_alone=views[found.address] == 1))
        elif finding is Finding.LEAVE:
            candidates.append(Candidate(found, Finding.LEAVE, why=NOBODY_KNOWN))
        else:
            candidates.append(Candidate(found, Finding.GATEWAY))
    return _without_doubles(candidates, why_held)


def finding_of(found: BareObject) -> Finding | None:
    """What may be done about an object at most; None where it is not one of those without an id.

    What has no VM ID is a gateway of this generation. What names a node has lost its id, and gets it back from
    whoever claims it.
    """
    if found.allocation or not found.container_id or found.location:
        return None
    if found.container_id == NO_VM_ID:
        return Finding.GATEWAY if found.mac is None and _is_gateway(found) else Finding.LEAVE
    is_pod = _CONTAINER_ID.fullmatch(found.container_id) and not found.ifname
    return Finding.ADOPT if is_pod else Finding.LEAVE


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


def _place(found: BareObject, world: _World, *, is_alone: bool) -> Candidate:
    by_address = world.with_address.get(found.address, [])
    mac = _own_mac(found)
    if mac is None:
        matches = by_address
        if matches and not is_alone:
            return _left(found, "another view of the grid has the same address")
    else:
        by_mac = world.with_mac.get(mac, [])
        matches = [each for each in by_mac if each in by_address] or by_mac
        if by_address and not matches:
            return _left(found, f"{_names(by_address)} has the address, but not its MAC {mac}")
    if not matches:
        return _left(found, SEEN_NOWHERE)
    if len(matches) > 1:
        return _left(found, f"{_names(matches)} could have it")
    (match,) = matches
    return Candidate(found, Finding.ADOPT, match)


def _left(found: BareObject, why: str) -> Candidate:
    return Candidate(found, Finding.LEAVE, why=why)


def _without_doubles(candidates: Sequence[Candidate], why_held: WhyHeld) -> list[Candidate]:
    claims = Counter(_home(each) for each in candidates if each.home)

    def checked(each: Candidate) -> Candidate:
        if each.home is None:
            return each
        if why := why_held(each.found, each.home):
            return _left(each.found, why)
        if claims[_home(each)] > 1:
            text = f"{each.home.interface.ifname} of container {each.found.container_id[:12]}"
            return _left(each.found, f"{claims[_home(each)]} addresses could be those of {text}")
        return each

    return [checked(each) for each in candidates]


def _home(candidate: Candidate) -> tuple[str, str, str]:
    assert candidate.home
    return candidate.found.container_id, candidate.home.interface.ifname, candidate.home.node


def _is_gateway(found: BareObject) -> bool:
    # Its reservation has no name, and lies where gateways usually lie.
    return not found.name and IPv4Address(found.address) == usual_gateway(IPv4Network(found.subnet))


def _own_mac(found: BareObject) -> str | None:
    """The MAC, unless it only repeats the address, as the original did for bridges."""
    derived = _DERIVED_MAC_PREFIX + IPv4Address(found.address).packed.hex(":")
    return None if found.mac in (None, derived) else found.mac


def _names(seen: Sequence[Seen]) -> str:
    return " and ".join(sorted({f"{each.interface.ifname} on {each.node}" for each in seen})[:3])
