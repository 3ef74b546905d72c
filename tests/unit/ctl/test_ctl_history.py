"""What `history` makes of changes: who had an address from when until when."""

from __future__ import annotations

import argparse
import json
from typing import Any

import pytest

from ctl.admin import history
from ctl.failures import BadArgument
from protocol.admin.history import ChangeRecord, HistoryTold


def record(event: str, time: str, pod: str = "shop/web-1", allocation: str = "a1", **names: Any) -> ChangeRecord:
    names = {"container": pod and "c" * 64, "ifname": pod and "eth0", "node": "node-1", **names}
    return ChangeRecord(
        time=f"2026-11-30T{time}:00.000Z",
        event=event,
        address="10.0.0.1",
        view="default",
        network="10.0.0.0/24",
        pod=pod,
        allocation=allocation,
        **names,
    )


LIFE = [
    record("ready", "09:00", pod=""),
    record("held", "10:00"),
    record("let_go", "11:00"),
    record("gone", "11:30"),
    record("held", "12:00", pod="shop/web-2", allocation="a2"),
    record("present", "13:00", pod="shop/web-2", allocation="a2"),
]


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(changes: list[ChangeRecord], at: str = "", output: str = "text", **facts: Any) -> tuple[int, str]:
        told = HistoryTold(
            id="h", coordinator="pod-0", since="2026-11-01T00:00:00.000Z", changes=changes, last=True, **facts
        )
        monkeypatch.setattr(history, "ask_for", lambda *_: iter([told]))
        code = history.run(argparse.Namespace(operator_socket=None, what="10.0.0.1", at=at, output=output))
        return code, capsys.readouterr().out

    return run


def test_each_allocation_is_one_row_from_its_pods_begin_to_its_end(ask: Any) -> None:
    code, text = ask(LIFE, directory="/history")
    assert code == 0
    assert text.splitlines() == [
        "ADDRESS   VIEW     FROM                  UNTIL                 HOLDER      INTERFACE  NODE    CONTAINER"
        "     REMARK",
        "10.0.0.1  default  2026-11-30 10:00:00Z  2026-11-30 11:00:00Z  shop/web-1  eth0       node-1  "
        "cccccccccccc  free at 2026-11-30 11:30:00Z",
        "10.0.0.1  default  2026-11-30 12:00:00Z  now                   shop/web-2  eth0       node-1  "
        "cccccccccccc",
        "told by coordinator pod-0, from files in /history, since 2026-11-01 00:00:00Z",
    ]


@pytest.mark.parametrize(
    ("at", "holder"),
    [
        ("2026-11-30T08:59", None),
        ("2026-11-30T09:30", "shop/web-1"),
        ("2026-11-30T10:00", "shop/web-1"),
        ("2026-11-30T11:00+00:00", "shop/web-1"),
        ("2026-11-30T11:29:59", "shop/web-1"),
        ("2026-11-30T11:30", None),
        ("2026-11-30T13:15+01:00", "shop/web-2"),
        ("2026-12-01", "shop/web-2"),
    ],
)
def test_at_a_time_it_is_one_holder_or_none(ask: Any, at: str, holder: str | None) -> None:
    code, text = ask(LIFE, at=at, output="json")
    assert code == (0 if holder else 1)
    assert [each["pod"] for each in json.loads(text)["tenures"]] == ([holder] if holder else [])


def test_an_end_that_nobody_recorded_is_told_as_not_known_and_the_next_holder_ends_it(ask: Any) -> None:
    changes = [record("held", "10:00"), record("held", "12:00", pod="shop/web-2", allocation="a2")]
    assert " not known  " in ask(changes)[1].splitlines()[1]
    assert "the grid has it no more" in ask(changes)[1].splitlines()[1]
    found = json.loads(ask(changes, at="2026-11-30T13:00", output="json")[1])["tenures"]
    assert [each["pod"] for each in found] == ["shop/web-2"]


def test_a_pod_that_began_before_the_history_did_is_known_by_what_ends_it(ask: Any) -> None:
    row = ask([record("let_go", "11:00")])[1].splitlines()[1]
    assert row.startswith("10.0.0.1  default  not known  2026-11-30 11:00:00Z  shop/web-1")


def test_what_a_history_lacks_is_said(ask: Any) -> None:
    facts = {"leader": "pod-1", "several": True, "lost": 3, "unreadable": 2, "left_out": True}
    code, text = ask([], **facts)
    assert code == 1
    assert text.splitlines() == [
        "nothing is recorded of 10.0.0.1",
        "told by coordinator pod-0, from its memory alone (--history-dir keeps it in files), "
        "since 2026-11-01 00:00:00Z",
        "note: coordinator pod-1 leads and records what happens now: ask it, too",
        "note: another coordinator serves nodes of this cluster (--several): ask it, too",
        "note: 3 changes could not be recorded",
        "note: 2 lines could not be read",
        "note: older changes are left out; --at finds them",
    ]


def test_a_time_that_is_none_is_named(ask: Any) -> None:
    with pytest.raises(BadArgument, match="--at 'yesterday': must be a time such as"):
        ask(LIFE, at="yesterday")
