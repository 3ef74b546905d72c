"""Says when a network will be empty, if it goes on losing free addresses as it did lately."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

SAMPLES_MIN: Final = 6
SPAN_MIN_S: Final = 3_600.0
"""From fewer samples, or a shorter time, nothing is concluded."""

DAYS_MAX: Final = 365.0
"""What is further away is not worth saying."""

_DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Sample:
    """How many addresses were free at a time."""

    at_s: float
    free: int


def days_left(samples: Sequence[Sample]) -> float | None:
    """In how many days none will be free, by the straight line that fits the samples best (least squares).

    `samples` are in the order of their times. None where they are too few, or where addresses do not get fewer.
    """
    if len(samples) < SAMPLES_MIN or samples[-1].at_s - samples[0].at_s < SPAN_MIN_S:
        return None
    mean_s = sum(each.at_s for each in samples) / len(samples)
    mean_free = sum(each.free for each in samples) / len(samples)
    spread = sum((each.at_s - mean_s) ** 2 for each in samples)
    slope = sum((each.at_s - mean_s) * (each.free - mean_free) for each in samples) / spread
    if slope >= 0:
        return None
    on_the_line = mean_free + slope * (samples[-1].at_s - mean_s)
    days = max(0.0, on_the_line) / -slope / _DAY_S
    return days if days <= DAYS_MAX else None
