"""When a network will be empty, told from how many addresses were free lately."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coordinator.sweep.forecast import DAYS_MAX, SAMPLES_MIN, SPAN_MIN_S, Sample, days_left

SWEEP_S = 600.0


def falling(first: int, per_sweep: int, sweeps: int = 24) -> list[Sample]:
    return [Sample(n * SWEEP_S, first - n * per_sweep) for n in range(sweeps)]


def test_a_network_that_loses_144_addresses_a_day_lasts_as_many_days():
    samples = falling(first=743, per_sweep=1)
    assert samples[-1].free == 720
    assert days_left(samples) == pytest.approx(5.0)


def test_noise_around_the_line_changes_little():
    samples = [Sample(each.at_s, each.free + (-1) ** n) for n, each in enumerate(falling(1023, 1, 144))]
    assert days_left(samples) == pytest.approx(880 / 144, rel=0.05)


@pytest.mark.parametrize(
    "samples",
    [
        [],
        falling(500, 1, SAMPLES_MIN - 1),
        [Sample(n * 60.0, 500 - n) for n in range(SAMPLES_MIN)],
        falling(500, 0),
        falling(500, -3),
        [Sample(n * SWEEP_S, 60_000 - (n == 23)) for n in range(24)],
    ],
    ids=["none", "too few", "too short a time", "steady", "growing", "in years"],
)
def test_nothing_is_said_where_nothing_is_to_be_feared_or_known(samples: list[Sample]):
    assert days_left(samples) is None


def test_an_empty_network_is_empty_now():
    assert days_left([Sample(n * SWEEP_S, max(0, 60 - 3 * n)) for n in range(24)]) == 0.0


@given(st.lists(st.integers(0, 70_000), min_size=SAMPLES_MIN, max_size=288))
def test_whatever_was_seen_the_answer_is_a_time_ahead_within_a_year(counts: list[int]):
    samples = [Sample(n * SPAN_MIN_S, free) for n, free in enumerate(counts)]
    days = days_left(samples)
    assert days is None or 0 <= days <= DAYS_MAX
