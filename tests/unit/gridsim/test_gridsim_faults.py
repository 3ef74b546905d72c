"""The switches take only what they can mean."""

from typing import Any

import pytest

from gridsim.database.faults import BadFault, Faults


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"no_such_switch": 1}, "no_such_switch"),
        ({"status_503": "many"}, "status_503"),
        ({"status_503": -2}, "status_503"),
        ({"status_503": 1.5}, "status_503"),
        ({"latency_ms": -1}, "latency_ms"),
        ({"latency_ms": True}, "latency_ms"),
        ({"close_connections": 1}, "close_connections"),
        ({"only_containing": None}, "only_containing"),
        ({"user_kind": "root"}, "user_kind"),
        ({"request_status": 202}, "request_status"),
    ],
)
def test_a_bad_change_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(BadFault, match=named):
        Faults().changed(changes)


def test_a_change_leaves_the_other_switches() -> None:
    changed = Faults(hang=2).changed({"no_hit": 404, "latency_ms": 5})
    assert (changed.hang, changed.no_hit, changed.latency_ms) == (2, "404", 5.0)


def test_a_counted_switch_hits_as_often_as_it_says() -> None:
    faults, hits = Faults(cut_after_commit=2), 0
    while faults.hits("cut_after_commit", ""):
        faults, hits = faults.spent("cut_after_commit"), hits + 1
    assert hits == 2


def test_minus_one_hits_until_it_is_changed() -> None:
    faults = Faults(status_503=-1)
    for _ in range(5):
        faults = faults.spent("status_503")
    assert faults.hits("status_503", "")


def test_a_text_restricts_what_is_hit() -> None:
    faults = Faults(hang=1, only_containing="func:nextavailableip")
    assert faults.hits("hang", "POST func:nextavailableip:10.0.0.0/8")
    assert not faults.hits("hang", "GET networkview")
