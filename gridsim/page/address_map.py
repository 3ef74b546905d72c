"""The map of a network: what each of its addresses is used for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from gridsim.database.family import Cidr, family_of, format_address
from gridsim.database.occupancy import Spans
from gridsim.database.store import GridObject, Store, cidr_of

CELLS_MAX = 1024
_ROW = 32
_SMALL = 256


class Use(Enum):
    """What an address is used for; the value is the word for people."""

    FREE = "free"
    EDGE = "network or broadcast"
    RESERVATION = "reservation"
    POD = "pod"
    OTHER = "other"
    RANGE = "range"


@dataclass(frozen=True, slots=True)
class Cell:
    """One address with its use, described in a few words."""

    address: str
    use: Use
    text: str


@dataclass(frozen=True, slots=True)
class AddressMap:
    """The cells of a network; `hidden` addresses, free or beyond the limit, follow behind them."""

    cells: tuple[Cell, ...]
    hidden: int
    used: int
    hosts: int


def use_of(fixed: GridObject) -> Use:
    """Return what a fixed address is used for: pods carry a `VM ID`, reservations none."""
    if fixed.extattrs.get("VM ID", "N/A") != "N/A":
        return Use.POD
    return Use.RESERVATION if fixed.fields["match_client"] == "RESERVED" else Use.OTHER


def address_map(store: Store, network: GridObject) -> AddressMap:
    """Return the map of a network: all of a small one, of a large one the part in use."""
    cidr = cidr_of(network)
    holders = dict(_holders(store, network))
    shown = _shown(cidr, max(holders, default=cidr.base))
    ranges = Spans((scope.first, scope.last) for scope in store.in_network(cidr.family.scope, network))
    cells = tuple(_cell(cidr, cidr.base + place, holders, ranges) for place in range(shown))
    return AddressMap(
        cells,
        hidden=cidr.last - cidr.base + 1 - shown,
        used=len(holders),
        hosts=cidr.last_host - cidr.first_host + 1,
    )


def _shown(cidr: Cidr, highest: int) -> int:
    size = cidr.last - cidr.base + 1
    if size <= _SMALL:
        return size
    in_use = highest - cidr.base + 1
    return min(size, CELLS_MAX, max(_ROW * 2, -(-in_use // _ROW) * _ROW))


def _holders(store: Store, network: GridObject) -> Iterator[tuple[int, tuple[Use, str]]]:
    for kind in ("discovered", "record:host"):
        for thing in store.in_view(kind, network.view):
            words = f"host {thing.fields['name']}" if kind == "record:host" else "seen on the network"
            for address in thing.occupies:
                if network.first <= address <= network.last:
                    yield address, (Use.OTHER, words)
    for fixed in store.in_network(family_of(network.first).fixed, network):
        words = fixed.extattrs.get("VM Name") or fixed.fields["name"] or fixed.fields["match_client"]
        yield fixed.occupies[0], (use_of(fixed), str(words))


def _cell(cidr: Cidr, address: int, holders: dict[int, tuple[Use, str]], ranges: Spans) -> Cell:
    shown = format_address(address)
    if address in holders:
        return Cell(shown, *holders[address])
    if not cidr.first_host <= address <= cidr.last_host:
        return Cell(shown, Use.EDGE, Use.EDGE.value)
    if ranges.behind(address) is not None:
        return Cell(shown, Use.RANGE, "inside a DHCP range")
    return Cell(shown, Use.FREE, Use.FREE.value)
