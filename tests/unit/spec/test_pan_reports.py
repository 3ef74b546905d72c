"""Reports of spin's verifier, as it writes them."""

from __future__ import annotations

import pytest

from spec.pan import REST, SpinError, parse

HOLDS = """
(Spin Version 6.5.2 -- 6 December 2019)
\t+ Partial Order Reduction

Full statespace search for:
\tnever claim         \t- (none specified)
\tassertion violations\t+
\tcycle checks       \t- (disabled by -DSAFETY)
\tinvalid end states\t+

State-vector 180 byte, depth reached 83, errors: 0
  2385545 states, stored
 11384686 states, matched
 13770231 transitions (= stored+matched)

Stats on memory usage (in Megabytes):
  473.207\tequivalent memory usage for states (stored*(State-vector + overhead))
  424.747\ttotal actual memory usage


unreached in proctype Grid
\ttiny.pml:61, state 14, "row[x] = 5"
\ttiny.pml:70, state 21, "-end-"
\t(2 of 21 states)
unreached in proctype Properties
\ttiny.pml:90, state 2, "backed = 0"
\t(1 of 4 states)

pan: elapsed time 21.1 seconds
"""
BROKEN = """pan:1: assertion violated backed (at depth 45)
pan: wrote tiny.pml.trail

(Spin Version 6.5.2 -- 6 December 2019)
Warning: Search not completed
State-vector 156 byte, depth reached 55, errors: 1
   100932 states, stored
  141.349\ttotal actual memory usage
pan: elapsed time 0.39 seconds
"""


def test_a_search_that_ends_without_an_error_is_complete() -> None:
    report = parse(HOLDS)
    assert (report.states, report.depth, report.seconds, report.memory_mb) == (2385545, 83, 21.1, 424.747)
    assert report.complete
    assert report.violated is None


def test_lines_that_were_never_executed_are_named_but_for_those_of_the_properties() -> None:
    assert parse(HOLDS).unreached == {61}


def test_a_broken_property_is_named() -> None:
    report = parse(BROKEN)
    assert report.violated == "backed"
    assert not report.complete


def test_a_run_that_never_ends_is_named() -> None:
    text = BROKEN.replace("assertion violated backed (at", "acceptance cycle (at")
    assert parse(text).violated == REST


def test_a_deadlock_is_an_error_without_an_assertion() -> None:
    text = BROKEN.replace("assertion violated backed (at", "invalid end state (at")
    assert parse(text).violated == "invalid end state"


@pytest.mark.parametrize(
    "sign",
    [
        "error: max search depth too small",
        "pan: reached -DMEMLIM bound",
        "pan: out of memory",
    ],
)
def test_a_search_that_was_cut_short_is_not_complete(sign: str) -> None:
    assert not parse(HOLDS + sign).complete


def test_what_is_no_report_is_refused() -> None:
    with pytest.raises(SpinError, match="no report"):
        parse("Segmentation fault")
