"""What `verify` prints of what was compared, and its exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from ctl import operator_socket, verify
from ctl.__main__ import main
from protocol.operator import Difference, DifferenceKind, Verified

GONE = Difference(kind=DifferenceKind.GRID_ONLY, view="default", address="10.55.0.9", why="its node is gone")
MENDED = GONE.model_copy(update={"outcome": "released", "is_settled": True})


def a_look(*differences: Difference, **counts: int) -> Verified:
    fields = {"compared": 31, **counts}
    return Verified.model_validate(
        {"id": "v", "cluster": "blue", "differences": [each.model_dump() for each in differences], "last": True}
        | fields
    )


@pytest.mark.parametrize(
    ("answer", "first_line", "code"),
    [
        (a_look(), "cluster blue: 31 compared; 0 differences", 0),
        (a_look(GONE), "cluster blue: 31 compared; 1 difference", 1),
        (a_look(MENDED), "cluster blue: 31 compared; 1 difference", 0),
        (
            a_look(uncompared=1170, nodes_away=39),
            "cluster blue: 31 compared, 1,170 not: 39 nodes are away; 0 differences",
            3,
        ),
        (
            a_look(GONE, uncompared=2, nodes_away=1, unreadable=1),
            "cluster blue: 31 compared, 3 not: 1 node is away, 1 cannot be read; 1 difference",
            1,
        ),
        (a_look(unreadable=1), "cluster blue: 31 compared, 1 not: 1 cannot be read; 0 differences", 3),
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
    assert main(["verify"]) == code
    assert capsys.readouterr().out.splitlines()[0] == first_line


def test_a_coordinator_that_cannot_be_asked_is_no_difference(tmp_path: Path) -> None:
    assert main(["verify", "--operator-socket", str(tmp_path / "none")]) == 2
    assert operator_socket.NotAsked.code == 2
