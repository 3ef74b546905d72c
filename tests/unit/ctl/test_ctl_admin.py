"""What `verify` prints of what was compared and what not, and its exit code."""

from __future__ import annotations

import argparse

import pytest

from ctl.admin import verify
from protocol.admin.messages import Difference, DifferenceKind, Uncompared, Verified

GONE = Difference(
    kind=DifferenceKind.GRID_ONLY, view="default", address="10.55.0.9", allocation="x", why="nobody names it"
)
MENDED = GONE.model_copy(update={"outcome": "deleted", "is_settled": True})
AWAY = Uncompared(why="are of nodes whose agent is away", count=1170, examples=["node-1", "node-2"], is_ours=True)
BARE = Uncompared(why="bear no id", count=2, examples=[], is_ours=False, remedy="See 'adopt'.")


def a_look(*differences: Difference, uncompared: tuple[Uncompared, ...] = ()) -> Verified:
    return Verified(
        id="v", cluster="blue", compared=31, differences=list(differences), uncompared=list(uncompared), last=True
    )


@pytest.mark.parametrize(
    ("answer", "first_line", "code"),
    [
        (a_look(), "cluster blue: 31 compared; 0 differences", 0),
        (a_look(GONE), "cluster blue: 31 compared; 1 difference", 1),
        (a_look(MENDED), "cluster blue: 31 compared; 1 difference", 0),
        (a_look(uncompared=(AWAY,)), "cluster blue: 31 compared, 1,170 not; 0 differences", 3),
        (a_look(uncompared=(BARE,)), "cluster blue: 31 compared; 0 differences", 0),
        (a_look(GONE, uncompared=(AWAY, BARE)), "cluster blue: 31 compared, 1,170 not; 1 difference", 1),
    ],
)
def test_what_was_compared_and_what_not(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: Verified,
    first_line: str,
    code: int,
) -> None:
    monkeypatch.setattr(verify, "ask_for", lambda *_: iter([answer]))
    assert verify.run(argparse.Namespace(operator_socket=None, output="text", repair=False, force=False)) == code
    assert capsys.readouterr().out.splitlines()[0] == first_line


def test_what_was_not_compared_is_said_with_its_reason_and_remedy() -> None:
    assert verify.lines([a_look(uncompared=(BARE, AWAY))])[-2:] == [
        "not compared: 1,170 are of nodes whose agent is away (node-1, node-2)",
        "besides: 2 bear no id; See 'adopt'.",
    ]
