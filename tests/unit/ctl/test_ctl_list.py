"""What `list`, `explain` and `journal` print, in each format, and what they refuse."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from ctl.__main__ import main
from ctl.admin import explain, journal, list_allocations
from ctl.failures import NotAsked
from protocol.admin.messages import Explained, FailedRequest, Listed, ListedAllocation, ListedState, Story
from protocol.journal_view import JournalRow, JournalView

MAC = "02:00:00:00:00:01"


def a_row(address: str, **changes: Any) -> ListedAllocation:
    known = {
        "address": address,
        "view": "default",
        "subnet": "10.55.0.0/24",
        "network": "pods",
        "node": "node-1",
        "namespace": "shop",
        "pod": "web-1",
        "container_id": "c" * 64,
        "ifname": "eth0",
        "mac": MAC,
        "state": ListedState.HELD,
        "allocation": f"id-of-{address}",
    }
    return ListedAllocation(**{**known, **changes})


READY = a_row(
    "10.55.0.9", namespace="", pod="", container_id="", ifname="", mac="", state=ListedState.READY, network="a,b"
)
ROWS = (a_row("10.55.0.10"), READY)


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What the coordinator answers to `list`."""

    def tell(rows: Sequence[ListedAllocation], remarks: Sequence[str] = ()) -> None:
        pages = [Listed(id="l", cluster="blue", allocations=[row], last=False) for row in rows]
        pages.append(Listed(id="l", cluster="blue", allocations=[], remarks=list(remarks), last=True))
        monkeypatch.setattr(list_allocations, "ask_for", lambda *_: iter(pages))

    return tell


def test_a_table_is_in_the_order_of_addresses(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(ROWS)
    assert main(["list"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "ADDRESS     NETWORK  NODE    NAMESPACE  POD    STATE",
        "10.55.0.9   a,b      node-1  -          -      ready",
        "10.55.0.10  pods     node-1  shop       web-1  held",
    ]


def test_wide_is_all_of_it(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(ROWS)
    assert main(["list", "-o", "wide"]) == 0
    titles, _, second = capsys.readouterr().out.splitlines()
    assert titles.split()[-6:] == ["VIEW", "SUBNET", "INTERFACE", "MAC", "CONTAINER", "ALLOCATION"]
    assert second.split()[-6:] == ["default", "10.55.0.0/24", "eth0", MAC, "c" * 12, "id-of-10.55.0.10"]


def test_json_is_what_the_coordinator_said(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(ROWS, ["not all of it"])
    assert main(["list", "--output", "json"]) == 0
    printed = capsys.readouterr()
    document = json.loads(printed.out)
    assert (document["cluster"], document["remarks"]) == ("blue", ["not all of it"])
    assert document["allocations"] == [row.model_dump(mode="json") for row in (READY, ROWS[0])]
    assert printed.err == "note: not all of it\n"


def test_csv_has_a_title_for_each_field(told: Any, capsys: pytest.CaptureFixture[str]) -> None:
    told(ROWS)
    assert main(["list", "-o", "csv"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert rows == [{name: str(value) for name, value in row.model_dump().items()} for row in (READY, ROWS[0])]


@pytest.mark.parametrize("form", ["table", "wide", "csv"])
def test_an_empty_list_is_a_list(told: Any, capsys: pytest.CaptureFixture[str], form: str) -> None:
    told([])
    assert main(["list", "-o", form]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["list", "-o", form, "--no-headers"]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--network", "10.55.0.1/24"], "--network 10.55.0.1/24: is an address in 10.55.0.0/24"),
        (["--state", "hold"], "'hold' is none of held, ready, "),
        (["--state", "hold"], "did you mean held?"),
        (["--output", "yaml"], "'yaml' is none of table, wide, json, csv"),
        (["--nod-e", "n"], "--nod-e: is not known; did you mean --node?"),
        (["shop"], "shop: is not known"),
        (["--node", "x" * 254], "node 'xxxx"),
        (["--pod"], "--pod: expected one argument"),
    ],
)
def test_a_list_that_cannot_be_asked_for(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", *words, "--operator-socket", "/nowhere"]) == 2
    complaint = capsys.readouterr().err
    assert said in complaint
    assert complaint.count("\n") == 1


def test_a_text_that_names_nothing_is_refused_before_anybody_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "x" * 254]) == 2
    assert "what 'xxx" in capsys.readouterr().err


# explain


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_was_not_asked_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    story = Story(title="10.55.0.9 in view default", lines=["holder: nobody"])
    pages = [Explained(id="e", stories=[story], unasked=["the grid: away"], last=True)]
    monkeypatch.setattr(explain, "ask_for", lambda *_: iter(pages))
    assert main(["explain", "10.55.0.9", "-o", form]) == 0
    printed = capsys.readouterr().out
    if form == "text":
        assert printed == "10.55.0.9 in view default\n  holder: nobody\nnot asked: the grid: away\n"
    else:
        assert json.loads(printed) == {
            "stories": [{"title": "10.55.0.9 in view default", "lines": ["holder: nobody"]}],
            "failures": [],
            "not_asked": ["the grid: away"],
        }


@pytest.mark.parametrize(
    ("unasked", "said"),
    [([], "neither the grid nor a journal knows web"), (["the grid: away"], "says nothing about the rest")],
)
def test_nothing_known_is_another_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], unasked: list[str], said: str
) -> None:
    pages = [Explained(id="e", stories=[], unasked=unasked, last=True)]
    monkeypatch.setattr(explain, "ask_for", lambda *_: iter(pages))
    assert main(["explain", "web"]) == 1
    assert said in capsys.readouterr().err


def test_what_a_pod_was_declined_for_is_an_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure = FailedRequest(
        pod="shop/web-9",
        node="node-1",
        network="10.55.0.0/24",
        first_at="2026-11-30T03:00:00Z",
        at="2026-11-30T03:12:00Z",
        times=7,
        code=11,
        error="NetworkExhausted",
        reason="no address left in network 10.55.0.0/24",
        remedy="Enlarge it.",
        request="r-1",
    )
    pages = [Explained(id="e", stories=[], failures=[failure], last=True)]
    monkeypatch.setattr(explain, "ask_for", lambda *_: iter(pages))
    assert main(["explain", "shop/web-9"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "pod shop/web-9 on node-1 got no address at 2026-11-30T03:12:00Z, 7 times since 2026-11-30T03:00:00Z",
        "  error: 11, no address left in network 10.55.0.0/24",
        "  details: Enlarge it.",
        "  network: 10.55.0.0/24",
        "  request: r-1, as the logs of agent and coordinator have it",
    ]


# journal


def a_view(**changes: Any) -> JournalView:
    row = JournalRow(
        allocation="c0ffee000000-n-m-b-d-j-00000000000a",
        state="let_go",
        address="10.55.0.7",
        view="default",
        subnet="10.55.0.0/24",
        network="pods",
        gateway="",
        namespace="shop",
        pod="web-1",
        container_id="d" * 64,
        ifname="eth0",
        mac="",
        netns="/run/netns/a",
        inode=7,
        is_labelled=True,
        let_go_s_ago=3.0,
        lost_to="",
    )
    known = {
        "node": "node-1",
        "driver": "infoblox",
        "machine": "2" * 8,
        "boot": "3" * 8,
        "journal": "5" * 8,
        "cluster_id": None,
        "allocations": (row,),
        "more": 0,
    }
    return JournalView(**{**known, **changes})


def test_a_journal_is_a_table_under_whose_it_is() -> None:
    assert list(journal.lines(a_view(more=2))) == [
        "journal 55555555 of node node-1, driver infoblox, boot 33333333, cluster none yet",
        "ADDRESS    NETWORK  NAMESPACE  POD    ATTACHMENT         STATE           ALLOCATION",
        "10.55.0.7  pods     shop       web-1  dddddddddddd/eth0  let-go 3 s ago  00000000000a",
        "and 2 more, for which there was no room",
    ]
    assert list(journal.lines(a_view(allocations=())))[1:] == ["it holds nothing"]


@pytest.mark.parametrize(
    ("code", "body", "said"),
    [
        (1, b'{"msg": "busy", "details": "later"}', "the agent declines: busy. later"),
        (1, b"", "the agent declines: code 1"),
        (0, b"", "no journal"),
        (0, b'{"node": 1}', "no journal (node)"),
        (0, b"[" * 100_000, "no journal"),
    ],
)
def test_an_answer_that_is_no_journal_is_said(code: int, body: bytes, said: str) -> None:
    with pytest.raises(NotAsked) as caught:
        journal._read(code, body)
    assert said in str(caught.value)


def test_without_an_agent_there_is_no_journal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["journal", "--socket-dir", str(tmp_path)]) == 2
    assert f"no agent serves {tmp_path}/infoblox.sock" in capsys.readouterr().err
