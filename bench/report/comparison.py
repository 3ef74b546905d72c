"""Two results of one part side by side: which medians differ by more than their noise."""

from __future__ import annotations

import random
import statistics

from bench.result import Result, Samples, Table
from bench.spread import Ratio, ratio

SEED = 0
SAMPLES_MIN = 5
"""Fewer have no noise that could be told."""


def compare(before: Result, after: Result) -> Table:
    """Every quantity that both have. Raises ValueError for results of different parts."""
    if before.part != after.part:
        raise ValueError(f"{before.part} cannot be compared with {after.part}")
    chance = random.Random(SEED)
    names = [name for name in before.samples if name in after.samples]
    rows = [_row(name, before.samples[name], after.samples[name], chance) for name in names]
    return Table(["what", "unit", "before", "after", "ratio", "95 of 100 between", ""], rows)


def _row(name: str, before: Samples, after: Samples, chance: random.Random) -> list[str]:
    medians = [f"{statistics.median(samples.values):.4g}" for samples in (before, after)]
    found = ratio(before.values, after.values, chance)
    if found is None:
        return [name, before.unit, *medians, "", "", ""]
    if min(len(before.values), len(after.values)) < SAMPLES_MIN:
        return [name, before.unit, *medians, f"{found.value:.3f}", "", "too few samples to tell"]
    between = f"{found.low:.3f} – {found.high:.3f}"
    return [name, before.unit, *medians, f"{found.value:.3f}", between, _reading(found, before)]


def _reading(found: Ratio, samples: Samples) -> str:
    if not found.is_certain:
        return "within the noise"
    return "better" if (found.value > 1) == samples.higher_is_better else "worse"
