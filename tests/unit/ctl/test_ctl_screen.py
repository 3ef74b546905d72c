"""What people read of the daemons' answers."""

from __future__ import annotations

from typing import Any

import pytest

from ctl import screen
from protocol.wire.status import AlarmStatus, LeaseStatus, SweepStatus
from tests.statuses import a_coordinator, a_grid, a_network, a_node, an_agent

AGENT = "node node-a, driver infoblox, release 0.1.0, boot 33333333"


def test_an_agent_fills_five_lines() -> None:
    assert screen.agent_lines("http://a", an_agent()) == [
        f"agent http://a: {AGENT}",
        "  coordinator  connected to tcp://10.0.0.5:5510, heard 3 s ago",
        "  allocations  20 held, 2 ready, 1 asked, 2 let go",
        "  reserve      2 of 2 of pods (10.55.0.0/16)",
        "  pending      1 file",
    ]


def test_what_is_wrong_with_a_node_is_told_aloud() -> None:
    agent = an_agent(notices={"two_machines": "two machines use its key"}, journal_trouble="disk full")
    lines = screen.agent_lines("u", agent)
    assert lines[1] == "  NOTICE       two machines use its key"
    assert lines[-1] == "  journal      CANNOT BE WRITTEN: disk full"


def test_an_agent_without_coordinator_says_so_aloud() -> None:
    agent = an_agent(connected=False, why_not_connected="no route", heard_s_ago=None, unready="never reached")
    assert screen.agent_lines("u", agent)[1:3] == [
        "  NOT READY    never reached",
        "  coordinator  NOT CONNECTED (no route), nothing heard yet",
    ]
    agent = an_agent(connected=False, why_not_connected="no route", heard_s_ago=60)
    assert screen.agent_lines("u", agent)[1] == "  coordinator  NOT CONNECTED (no route), heard 60 s ago"


def test_a_coordinator_shows_grid_networks_and_nodes() -> None:
    coordinator = a_coordinator(
        nodes=[
            a_node("node-a", connected_s=300, held=1),
            a_node("node-b", connected_s=None, heard_s_ago=150),
        ],
        grid=a_grid(state="failing", reason="wrong password", call_median_s=0.04, call_p95_s=12.4),
        networks=[a_network("10.55.0.0/16", 21)],
    )
    assert screen.coordinator_lines("http://c", coordinator) == [
        "coordinator http://c: cluster prod-1 (c0ffee000000), release 0.1.0",
        "  grid         failing, wrong password, mode request, 7 calls, a call takes 40 ms, 5 % take 12 s or more",
        "  allocations  21, 1 deletion, 0 repairs waiting",
        "  restart      harmless now: nodes say again what they hold, and the grid is listed again",
        "  network      10.55.0.0/16 in view default: 21 allocations of 254, 2 ready, 1 resting",
        "  node         node-b (infoblox, boot 33333333): NOT CONNECTED, heard 2 min ago, 0 held, 2 ready",
        "  node         node-a (infoblox, boot 33333333): connected for 5 min, 1 held, 2 ready",
    ]


def test_what_a_person_has_to_look_at_comes_first() -> None:
    alarm = AlarmStatus(kind="two_machines", node="node-a", since_s=7200, text="give each its own key")
    sweep = SweepStatus(listed_s_ago=5, unreadable=0, stopped="half of all nodes are gone")
    coordinator = a_coordinator(alarms=(alarm,), why_not_leading="another one leads", sweep=sweep)
    lines = screen.coordinator_lines("u", coordinator)
    assert lines[1:3] == [
        "  NOT LEADING  another one leads",
        "  ALARM        two_machines for 2 h: give each its own key",
    ]
    assert "  sweep        STOPPED, half of all nodes are gone" in lines


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({}, "  lease        held by c-1_ab since 2026-11-30T15:52:37Z; this one is c-2_cd"),
        ({"identity": "c-1_ab"}, "  lease        held by c-1_ab since 2026-11-30T15:52:37Z, which is this one"),
        (
            {"holder": "", "trouble": "no connection"},
            "  lease        held by nobody; this one is c-2_cd; NOT REACHED: no connection",
        ),
    ],
)
def test_who_leads_is_told_and_since_when(changes: dict[str, Any], line: str) -> None:
    known = {"identity": "c-2_cd", "holder": "c-1_ab", "since": "2026-11-30T15:52:37Z"}
    lease = LeaseStatus(**{**known, "renewed_s_ago": None, "valid": False, "trouble": "", **changes})
    assert line in screen.coordinator_lines("u", a_coordinator(lease=lease))


def test_many_nodes_fit_on_a_screen_with_the_absent_ones_first() -> None:
    nodes = [a_node(f"node-{number:03}", None if number == 400 else 5) for number in range(500)]
    lines = screen.coordinator_lines("u", a_coordinator(nodes=nodes))
    assert lines[4].startswith("  node         node-400 (infoblox, boot 33333333): NOT CONNECTED")
    assert lines[-1].strip() == "and 490 more"
    assert len(lines) < 24


@pytest.mark.parametrize(
    ("time_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_duration_is_written_in_a_unit_that_suits_it(time_s: float, text: str) -> None:
    assert screen.duration(time_s) == text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"why_not_leading": "pod-1 leads"}, ["harmless, another one leads"]),
        ({"restart_costs": ["the grid is away"]}, ["COSTS SOMETHING NOW", "the grid is away"]),
    ],
)
def test_whether_a_restart_is_harmless_is_said(changes: dict[str, Any], said: list[str]) -> None:
    lines = screen.coordinator_lines("u", a_coordinator(**changes))
    assert [line.removeprefix("  restart      ") for line in lines if line.startswith("  restart ")] == said
