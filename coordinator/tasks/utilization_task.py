"""Reads from the grid how full networks are, whoever has the addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address
from itertools import chain
from typing import Any, Final

from coordinator.grid.operations import Found, Object, Operation, Reply, Search
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import Failed, Priority, Task

_NETWORK_FIELDS: Final = ("network", "network_view", "utilization")
_RANGE_FIELDS: Final = ("start_addr", "end_addr", "network", "network_view")

Place = tuple[str, str]
"""A network view and a subnet in it."""


@dataclass(frozen=True)
class GridUse:
    """A network as the grid counts it.

    `permille`: the share of its addresses that are in use, network and broadcast address counted among all of
    them. `in_ranges`: addresses of DHCP ranges, which are in use as a whole.
    """

    permille: int
    in_ranges: int


@dataclass(frozen=True)
class Utilizations:
    """What the grid said of those networks that it shows."""

    by_place: Mapping[Place, GridUse]


class UtilizationTask(Task[Utilizations | Failed]):
    """Reads some networks (WAPI: `network`, field `utilization`; `range`) in one call.

    It goes apart: should the grid refuse a field, nobody else's request is refused with it.
    """

    priority = Priority.LIST
    apart = True

    def __init__(self, places: Sequence[Place], user: str) -> None:
        super().__init__()
        self._places = tuple(places)
        self._user = user

    def operations(self) -> tuple[Operation, ...]:
        return tuple(chain.from_iterable(map(_searches, self._places)))

    def answered(self, replies: Sequence[Reply], now_s: float) -> Utilizations:
        hits = [reply.hits if isinstance(reply, Found) else () for reply in replies]
        found = {}
        for place, networks, ranges in zip(self._places, hits[::2], hits[1::2], strict=True):
            if use := _read(networks, ranges):
                found[place] = use
        return Utilizations(found)

    def refused(self, refusal: Refusal, now_s: float) -> Failed:
        return Failed(as_problem(refusal, "read how full the networks are", self._user))

    def doubtful(self, now_s: float) -> Utilizations | None:
        return None

    def unknown(self, now_s: float) -> Utilizations:
        """Nobody waits for it: the next sweep reads it again."""
        return Utilizations({})


def _searches(place: Place) -> tuple[Search, Search]:
    view, subnet = place
    criteria = {"network": subnet, "network_view": view}
    return Search("network", criteria, _NETWORK_FIELDS), Search("range", criteria, _RANGE_FIELDS)


def _read(networks: Sequence[Object], ranges: Sequence[Object]) -> GridUse | None:
    """None where the network is not shown, or not in a form that is understood."""
    permille = networks[0].get("utilization") if len(networks) == 1 else None
    if not isinstance(permille, int) or not 0 <= permille <= 1000:
        return None
    try:
        return GridUse(permille, sum(map(_size, ranges)))
    except ValueError:
        return None


def _size(found: Mapping[str, Any]) -> int:
    """How many addresses a range has. Raises ValueError where its ends are no addresses."""
    first, last = IPv4Address(str(found.get("start_addr"))), IPv4Address(str(found.get("end_addr")))
    return max(0, int(last) - int(first) + 1)
