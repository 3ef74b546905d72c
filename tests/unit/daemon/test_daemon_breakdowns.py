"""A machine that fails again and again rests ever longer, one that has worked for a while not at all."""

from __future__ import annotations

from daemon.breakdowns import LULL_S, PAUSE_MAX_S, Breakdowns


def test_rests_double_up_to_a_limit() -> None:
    breakdowns = Breakdowns()
    assert [breakdowns.rest_s(now_s) for now_s in range(7)] == [0, 1, 3, 7, 15, PAUSE_MAX_S, PAUSE_MAX_S]


def test_who_has_worked_for_a_while_begins_anew_at_once() -> None:
    breakdowns = Breakdowns()
    rests_s = [breakdowns.rest_s(now_s) for now_s in (0.0, 1.0, 1.0 + LULL_S, 1.5 + LULL_S)]
    assert rests_s == [0, 1, 0, 1]
