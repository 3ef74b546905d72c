"""What people read of the daemons' answers."""

from __future__ import annotations

import pytest

from ctl import screen
from tests.statuses import a_coordinator, a_grid, a_network, a_node, an_agent


def test_an_agent_fills_four_lines() -> None:
    assert screen.agent_lines("http://a", an_agent()) == [
        "agent http://a: node node-a, release 0.1.0",
        "  coordinator  connected, heard 3 s ago",
        "  attachments  20 held, 1 asked, 2 releasing",
        "  pending      1 file",
    ]


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
            a_node("node-a", connected_s=300, attachments=1),
            a_node("node-b", connected_s=None, heard_s_ago=150),
        ],
        grid=a_grid(state="failing", reason="wrong password"),
        networks=[a_network("10.55.0.0/16", 21)],
    )
    assert screen.coordinator_lines("http://c", coordinator) == [
        "coordinator http://c: cluster prod-1, release 0.1.0",
        "  grid         failing, wrong password, mode request, 7 calls",
        "  allocations  21, 1 release waiting",
        "  network      10.55.0.0/16 in view default: 21 allocations",
        "  node         node-b: NOT CONNECTED, heard 2 min ago, 0 attachments",
        "  node         node-a: connected for 5 min, 1 attachment",
    ]


def test_many_nodes_fit_on_a_screen_with_the_absent_ones_first() -> None:
    nodes = [a_node(f"node-{number:03}", None if number == 400 else 5) for number in range(500)]
    lines = screen.coordinator_lines("u", a_coordinator(nodes=nodes))
    assert lines[3].startswith("  node         node-400: NOT CONNECTED")
    assert lines[-1].strip() == "and 490 more"
    assert len(lines) < 24


@pytest.mark.parametrize(
    ("time_s", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")]
)
def test_a_duration_is_written_in_a_unit_that_suits_it(time_s: float, text: str) -> None:
    assert screen.duration(time_s) == text
