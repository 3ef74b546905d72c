"""How large a call may be, how long it may last, on a grid of some speed."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from coordinator.lane.pace import CALL_TARGET_S, CALLS_REMEMBERED_MAX, GROWTH_MAX, OPERATIONS_START, Pace


def after(calls: list[int], fixed_s: float, operation_s: float, operations_max: int = 256) -> Pace:
    """What is known after calls of these sizes on a grid with these costs."""
    pace = Pace(operations_max)
    for operations in calls:
        pace.measured(operations, fixed_s + operations * operation_s)
    return pace


def full_calls(count: int, fixed_s: float, operation_s: float) -> list[int]:
    """The sizes of so many calls when there is always more than one can carry."""
    pace, sizes = Pace(256), []
    for _ in range(count):
        sizes.append(pace.limit)
        pace.measured(pace.limit, fixed_s + pace.limit * operation_s)
    return sizes


def test_on_a_quick_grid_the_third_full_call_is_as_large_as_any() -> None:
    assert full_calls(3, 0.15, 0.005) == [OPERATIONS_START, OPERATIONS_START * GROWTH_MAX, 256]


def test_on_a_slow_grid_calls_stay_within_their_target() -> None:
    sizes = full_calls(20, 0.1, 0.05)
    assert max(sizes) * 0.05 <= CALL_TARGET_S * 1.1
    assert sizes[-1] * 0.05 >= CALL_TARGET_S / 2


def test_a_call_that_took_too_long_makes_the_next_ones_smaller() -> None:
    pace = after([8, 64, 256], 0.02, 0.002)
    pace.measured(256, 4 * CALL_TARGET_S)
    assert 32 <= pace.limit <= 96


def test_a_grid_that_is_slow_to_answer_at_all_still_gets_full_calls() -> None:
    assert full_calls(12, 3.0, 0.005)[-1] >= 128


def test_a_single_operation_says_nothing_of_how_many_a_call_may_carry() -> None:
    assert after([1] * 20, 0.02, 0.005).limit == OPERATIONS_START


@pytest.mark.parametrize(("fixed_s", "operation_s"), [(0.02, 0.005), (0.15, 0.005), (0.15, 0.02)])
def test_the_fixed_cost_of_a_call_is_told_from_that_of_its_operations(fixed_s: float, operation_s: float) -> None:
    pace = after([1, 8, 64, 136, 64, 136, 64, 136], fixed_s, operation_s)
    assert pace.fixed_s == pytest.approx(fixed_s, rel=0.05)


def test_calls_of_one_size_leave_what_is_known_of_an_operation_as_it_is() -> None:
    pace = after([1, 8, 64, 136, 64, 136, 64, 136, *[200] * 50], 0.15, 0.005)
    assert pace.fixed_s == pytest.approx(0.15, rel=0.05)


def test_no_more_is_fixed_than_the_shortest_call_of_late_took() -> None:
    pace = after([1, 8, 64, 136], 0.02, 0.005)
    for _ in range(10):
        pace.measured(200, 1.2)
    assert pace.fixed_s <= 0.04


@given(
    operations_max=st.integers(1, 256),
    calls=st.lists(st.tuples(st.integers(1, 256), st.floats(0.0, 100.0)), max_size=30),
    too_big=st.none() | st.integers(1, 256),
)
def test_the_pace_stays_between_one_and_the_limit(
    operations_max: int, calls: list[tuple[int, float]], too_big: int | None
) -> None:
    pace = Pace(operations_max)
    if too_big is not None:
        pace.too_big(min(too_big, operations_max))
    for operations, took_s in calls:
        pace.measured(operations, took_s)
        assert 1 <= pace.limit <= operations_max
        assert pace.fixed_s >= 0.0
        assert 10.0 <= pace.read_timeout_s(pace.limit) <= 45.0


def test_how_slow_the_grid_is_is_said_by_its_newest_calls() -> None:
    pace = Pace(256)
    assert pace.took_s(0.5) is None
    for number in range(CALLS_REMEMBERED_MAX + 100):
        pace.measured(1, float(number))
    assert (pace.took_s(0.0), pace.took_s(0.5), pace.took_s(0.95), pace.took_s(1.0)) == (100, 200, 290, 299)
