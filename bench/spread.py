"""Medians, percentiles, and how far apart two sets of samples are for certain."""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

RESAMPLES: Final = 1000
CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class Ratio:
    """The ratio of two medians, with the bounds between which it lies in 95 of 100 repetitions."""

    value: float
    low: float
    high: float

    @property
    def is_certain(self) -> bool:
        """Whether the two differ by more than their noise."""
        return not self.low <= 1 <= self.high


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that so many percent of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def ratio(before: Sequence[float], after: Sequence[float], chance: random.Random) -> Ratio | None:
    """Median of `after` by median of `before`, its noise by resampling; None where the latter is 0."""
    base = statistics.median(before)
    if not base:
        return None
    resampled = [_resampled(after, chance) / (_resampled(before, chance) or base) for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2 * 100
    low, high = percentile(resampled, tail), percentile(resampled, 100 - tail)
    return Ratio(statistics.median(after) / base, low, high)


def _resampled(values: Sequence[float], chance: random.Random) -> float:
    return statistics.median(chance.choices(values, k=len(values)))
