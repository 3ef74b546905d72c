"""What people read of the daemons' answers."""

from __future__ import annotations

import pytest

from ctl import screen
from ctl.answers import Agent, Coordinator


def test_an_agent_fills_four_lines() -> None:
    agent = Agent.model_validate(
        {
            "node": "node-a",
            "release": "0.1.0",
            "connected": True,
            "heard_s_ago": 3.2,
            "attachments": {"asked": 1, "held": 20, "releasing": 2},
            "pending_files": 1,
        }
    )
    assert screen.agent_lines("http://a", agent) == [
        "agent http://a: node node-a, release 0.1.0",
        "  coordinator  connected, heard 3 s ago",
        "  attachments  20 held, 1 asked, 2 releasing",
        "  pending      1 file",
    ]


def test_an_agent_without_coordinator_says_so_aloud() -> None:
    assert screen.agent_lines("u", Agent())[1] == "  coordinator  NOT CONNECTED, nothing heard yet"
    agent = Agent.model_validate({"why_not_connected": "no route", "seconds_since_heard": 60})
    assert screen.agent_lines("u", agent)[1] == "  coordinator  NOT CONNECTED (no route), heard 60 s ago"


def test_a_coordinator_shows_grid_networks_and_nodes() -> None:
    coordinator = Coordinator.model_validate(
        {
            "cluster": "prod-1",
            "release": "0.1.0",
            "nodes": [
                {"node": "node-a", "connected_s": 300, "attachments": 1},
                {"node": "node-b", "connected_s": None, "attachments": 0},
            ],
            "allocations": 21,
            "releases_waiting": 1,
            "grid": {"state": "failing", "reason": "wrong password", "calls": 7, "mode": "request"},
            "networks": [{"view": "default", "subnet": "10.55.0.0/16", "allocations": 21}],
        }
    )
    assert screen.coordinator_lines("http://c", coordinator) == [
        "coordinator http://c: cluster prod-1, release 0.1.0",
        "  grid         failing, wrong password, mode request, 7 calls",
        "  allocations  21, 1 release waiting",
        "  network      10.55.0.0/16 in view default: 21 allocations",
        "  node         node-b: NOT CONNECTED, 0 attachments",
        "  node         node-a: connected for 5 min, 1 attachment",
    ]


def test_many_nodes_fit_on_a_screen_with_the_absent_ones_first() -> None:
    nodes = [{"node": f"node-{number:03}", "connected_s": 5} for number in range(500)]
    nodes[400]["connected_s"] = None
    lines = screen.coordinator_lines("u", Coordinator.model_validate({"nodes": nodes}))
    assert lines[3].startswith("  node         node-400: NOT CONNECTED")
    assert lines[-1].strip() == "and 490 more"
    assert len(lines) < 24


@pytest.mark.parametrize(
    ("time_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_duration_is_written_in_a_unit_that_suits_it(time_s: float, text: str) -> None:
    assert screen.duration(time_s) == text
