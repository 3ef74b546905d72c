"""Knows how full the networks are: what this cluster has by the index, all others by the grid's own count.

The grid counts in the background, so its numbers are minutes old and coarse. They are for people: no decision
about an address rests on them.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from typing import Final

from coordinator.allocation import reserve
from coordinator.allocation.parts import Parts
from coordinator.lane.task import Failed
from coordinator.sweep.forecast import Sample, days_left
from coordinator.tasks.utilization_task import GridUse, Place, Utilizations, UtilizationTask

NETWORKS_AT_ONCE: Final = 16
"""So many are read in one call."""

NETWORKS_MAX: Final = 512
"""Of more networks than that the grid is asked about the first ones alone."""

SAMPLES_MAX: Final = 288
"""Two days of sweeps at the usual interval."""


@dataclass(frozen=True)
class Use:
    """A network at this moment; all numbers count addresses.

    `others`: in use by somebody else, a gateway included. `in_ranges`: in DHCP ranges. Both are None before the
    grid has said so. `free`: what is left, as far as is known.
    """

    size: int
    others: int | None
    in_ranges: int | None
    free: int
    read_at_s: float | None
    days_left: float | None


@dataclass
class _Reading:
    """What the grid said last, with how many addresses were this cluster's then."""

    use: GridUse
    ours: int
    at_s: float
    samples: deque[Sample] = field(default_factory=lambda: deque(maxlen=SAMPLES_MAX))


class Fullness:
    """Reads the networks of this cluster after each listing, and at no other time."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._readings: dict[Place, _Reading] = {}

    def listed(self, now_s: float) -> None:
        """The grid was listed: read how full the networks are in which this cluster has something."""
        places = self._parts.index.networks()[:NETWORKS_MAX]
        self._readings = {place: self._readings[place] for place in places if place in self._readings}
        for at in range(0, len(places), NETWORKS_AT_ONCE):
            task = UtilizationTask(places[at : at + NETWORKS_AT_ONCE], self._parts.policy.user)
            self._parts.runner.submit(task, self._read, now_s)

    def of(self, view: str, subnet: str) -> Use:
        """The network at this moment."""
        reading = self._readings.get((view, subnet))
        size = reserve.usable_addresses(IPv4Network(subnet).prefixlen)
        ours = self._parts.index.count(view, subnet)
        if reading is None:
            return Use(size, None, None, max(0, size - ours), None, None)
        others = _others(reading, IPv4Network(subnet).num_addresses)
        free = max(0, size - ours - others - reading.use.in_ranges)
        return Use(size, others, reading.use.in_ranges, free, reading.at_s, days_left(reading.samples))

    def _read(self, outcome: Utilizations | Failed, now_s: float) -> None:
        if isinstance(outcome, Failed):
            self._parts.outbox.note("utilization_not_read", reason=outcome.problem.msg)
            return
        for place, use in outcome.by_place.items():
            before = self._readings.get(place)
            reading = _Reading(use, self._parts.index.count(*place), now_s)
            reading.samples.extend(before.samples if before else ())
            self._readings[place] = reading
            reading.samples.append(Sample(now_s, self.of(*place).free))


def _others(reading: _Reading, addresses: int) -> int:
    """How many addresses of the network are in use, in no range, and not this cluster's."""
    in_use = round(reading.use.permille * addresses / 1000)
    return max(0, in_use - reading.use.in_ranges - reading.ours)
