"""What the bench makes of its samples: files, comparisons, verdicts."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.books import compare_books, holders
from bench.load.hops import Hops, Trail
from bench.parts.growth import ALLOCATIONS
from bench.parts.memory import RUNNING
from bench.report.comparison import compare
from bench.report.plots import draw
from bench.report.targets import verdicts
from bench.result import Mark, Panel, Result, Samples, Series, Table, read, write
from bench.run import Wrong
from bench.spread import percentile, ratio

RESULT = Result(
    part="exec",
    title="From exec to exit",
    compared="Two executables.",
    table=Table(["executable", "median ms"], [["infoblox ADD", "5.0"]]),
    panels=[
        Panel("median", "", "ms", [Series("median", ["infoblox ADD"], [5.0], Mark.BAR)]),
        Panel(
            "growth",
            "n",
            "s",
            [Series("ours", [1, 10], [1.0, 2.0]), Series("most", [1, 10], [3.0, 3.0], Mark.LIMIT)],
        ),
    ],
    samples={"add.took": Samples("ms", [5.0, 5.1, 4.9])},
    checks=["the grid is as it must be"],
)


def result(part: str, samples: Mapping[str, Sequence[float]]) -> Result:
    """Of a part, with these samples alone."""
    return replace(RESULT, part=part, samples={name: Samples("ms", values) for name, values in samples.items()})


def verdict(results: Sequence[Result], what: str) -> bool | None:
    """Whether the one target that begins like this is met."""
    (found,) = [each for each in verdicts(results) if each.what.startswith(what)]
    return found.is_met


# Files and plots


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    write(RESULT, tmp_path / "exec.json")
    assert read(tmp_path / "exec.json") == RESULT


def test_a_file_that_is_no_result_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "other.json").write_text('{"part": "exec"}')
    with pytest.raises(ValueError, match=r"other\.json"):
        read(tmp_path / "other.json")


def test_the_same_figures_make_the_same_picture(tmp_path: Path) -> None:
    for name in ("one.svg", "two.svg"):
        draw(RESULT, tmp_path / name)
    assert (tmp_path / "one.svg").read_bytes() == (tmp_path / "two.svg").read_bytes()


# Comparison


def test_a_percentile_is_a_value_that_was_measured() -> None:
    assert percentile(range(1, 101), 99) == 99
    assert percentile([7.0], 99) == 7.0


def test_a_difference_beyond_the_noise_is_certain_one_within_it_is_not() -> None:
    chance = random.Random(1)
    steady = [chance.gauss(10, 1) for _ in range(100)]
    slower = ratio(steady, [value * 1.2 for value in steady], chance)
    same = ratio(steady, [chance.gauss(10, 1) for _ in range(100)], chance)
    assert slower
    assert slower.is_certain
    assert same
    assert not same.is_certain


def test_a_comparison_says_which_is_better_where_more_is_better_too() -> None:
    before = replace(
        RESULT,
        samples={"rate": Samples("ADD/s", [10.0] * 9, higher_is_better=True), "t": Samples("s", [10.0] * 9)},
    )
    after = replace(
        RESULT,
        samples={"rate": Samples("ADD/s", [12.0] * 9, higher_is_better=True), "t": Samples("s", [12.0] * 9)},
    )
    assert [(row[0], row[-1]) for row in compare(before, after).rows] == [("rate", "better"), ("t", "worse")]


def test_results_of_different_parts_are_not_compared() -> None:
    with pytest.raises(ValueError, match="cannot be compared"):
        compare(RESULT, replace(RESULT, part="idle"))


# Verdicts


def test_a_target_is_met_up_to_its_limit_and_missed_beyond_it() -> None:
    assert verdict([result("exec", {"add.took": [8.0], "host_local_add.took": [4.0]})], "installed plugin") is True
    assert (
        verdict([result("exec", {"add.took": [8.1], "host_local_add.took": [4.0]})], "installed plugin") is False
    )


def test_a_target_whose_part_did_not_run_is_neither_met_nor_missed() -> None:
    assert verdict([], "installed plugin") is None
    assert verdict([result("exec", {})], "installed plugin") is None


def test_the_slowest_first_add_decides_however_few_allocations_there_were() -> None:
    quick = {f"allocations.{count}.first_add": [0.7] for count in ALLOCATIONS}
    assert verdict([result("growth", quick)], "first ADD") is True
    assert verdict([result("growth", quick | {"allocations.0.first_add": [1.1]})], "first ADD") is False


def test_what_is_only_told_is_neither_met_nor_missed() -> None:
    (told,) = (
        each
        for each in verdicts([result("memory", {f"{RUNNING}.rss": [53.0], f"{RUNNING}.unique": [33.0]})])
        if each.what == "idle agent, memory"
    )
    assert told.row() == ("idle agent, memory", "reported", "53.0 MB, 33.0 of them its own", "")


def test_one_call_too_many_misses_the_target_however_fast_it_was() -> None:
    figures = {"20ms.alone.add": [30.0], "20ms.alone.wapi_calls": [1, 1, 2]}
    assert verdict([result("one_pod", figures)], "ADD through the exec") is False


# Books


def test_books_that_agree_are_told() -> None:
    assert "(2)" in compare_books({"a": "10.0.0.1", "b": "10.0.0.2"}, {"b": "10.0.0.2", "a": "10.0.0.1"})


@pytest.mark.parametrize(
    ("held", "living"),
    [
        ({"a": "10.0.0.1"}, {}),
        ({}, {"a": "10.0.0.1"}),
        ({"a": "10.0.0.2"}, {"a": "10.0.0.1"}),
        ({"a": "10.0.0.1", "b": "10.0.0.1"}, {"a": "10.0.0.1", "b": "10.0.0.1"}),
    ],
)
def test_an_address_too_many_too_few_elsewhere_or_twice_is_wrong(
    held: dict[str, str], living: dict[str, str]
) -> None:
    with pytest.raises(Wrong):
        compare_books(held, living)


def test_a_container_with_two_addresses_is_wrong() -> None:
    found = {"extattrs": {"VM ID": {"value": "a"}}}
    with pytest.raises(Wrong):
        holders([{**found, "ipv4addr": "10.0.0.1"}, {**found, "ipv4addr": "10.0.0.2"}])


# Hops


def test_the_hops_of_an_add_add_up_to_what_it_took_also_when_it_was_repeated() -> None:
    agent = [
        {"event": "message_sent", "type": "allocate", "request": "r", "timestamp": "2026-01-01T00:00:00.000000Z"},
        {
            "event": "message_received",
            "type": "allocated",
            "request": "r",
            "timestamp": "2026-01-01T00:00:00.030000Z",
        },
        {"event": "allocated", "container": "c", "request": "r", "took_ms": 35.0},
        {"event": "allocated", "container": "c", "request": "again", "took_ms": 0.1},
    ]
    coordinator = [{"event": "allocated", "request": "r", "took_ms": 28.0, "grid_ms": 27.0, "wapi_calls": 1}]
    hops = Trail(agent, coordinator).hops("c", took_ms=40.0)
    assert hops == Hops(execs=5.0, agent=5.0, wire=2.0, lane=1.0, grid=27.0, wapi_calls=1)
