"""What `list` is told: every address with its state, by what the coordinator knows, a piece in each turn."""

from __future__ import annotations

from typing import Any

import pytest
from machine_world import NETWORK, Fate, World
from test_coordinator_commands import connected
from test_coordinator_machine import LABEL, claim

from coordinator.admin import listing
from coordinator.admin.events import Left
from protocol.admin.messages import ListAllocations, Listed, ListedAllocation, ListedState
from protocol.wire.values import State

OTHER = LABEL.model_copy(update={"container_id": "c2", "pod": "db-0", "pod_namespace": "data"})


def listed(world: World, **filters: Any) -> list[ListedAllocation]:
    pages = world.command(ListAllocations(id="l-1", **filters))
    world.passes(0.0)
    assert [page.last for page in pages] == [False] * (len(pages) - 1) + [True]
    assert all(isinstance(page, Listed) for page in pages)
    return [row for page in pages for row in page.allocations]


def states(world: World) -> dict[str, ListedState]:
    return {row.allocation: row.state for row in listed(world)}


def remarks(world: World) -> list[str]:
    pages = world.command(ListAllocations(id="l-1"))
    world.passes(0.0)
    return [remark for page in pages for remark in page.remarks]


@pytest.fixture
def world() -> World:
    """Two nodes; the first has a pod and an address that is ready, the second a pod of another network."""
    world = World()
    named = {"Network Name": {"value": "dmz"}}
    world.grid.create("network", {"network": "10.66.0.0/24", "extattrs": named})
    first, second = connected(world), connected(world, node="node-2")
    first.ask(label=LABEL)
    first.ask(for_reserve=True)
    second.ask(label=OTHER, name="dmz", subnet="10.66.0.0/24")
    return world


def test_a_row_says_all_that_is_known(world: World) -> None:
    (row,) = listed(world, pod="shop/web-1")
    assert row.model_dump(exclude={"allocation", "mac"}) == {
        "address": world.objects()[row.allocation],
        "view": "default",
        "subnet": NETWORK.subnet,
        "network": "pods",
        "node": "node-1",
        "namespace": "shop",
        "pod": "web-1",
        "container_id": "c1",
        "ifname": "eth0",
        "state": ListedState.HELD,
    }


@pytest.mark.parametrize(
    ("filters", "pods"),
    [
        ({}, ["", "db-0", "web-1"]),
        ({"node": "node-1"}, ["", "web-1"]),
        ({"node": "node-9"}, []),
        ({"network": "dmz"}, ["db-0"]),
        ({"network": "10.55.0.0/24"}, ["", "web-1"]),
        ({"namespace": "data"}, ["db-0"]),
        ({"pod": "web-1"}, ["web-1"]),
        ({"pod": "data/web-1"}, []),
        ({"states": [ListedState.READY]}, [""]),
        ({"states": [ListedState.READY, ListedState.HELD], "node": "node-2"}, ["db-0"]),
    ],
)
def test_filters_let_through_what_is_asked_for(world: World, filters: dict[str, Any], pods: list[str]) -> None:
    calls = world.calls
    assert sorted(row.pod for row in listed(world, **filters)) == pods
    assert world.calls == calls, "the grid is not asked"


def test_what_was_let_go_and_what_is_of_a_node_that_is_away() -> None:
    world = World()
    agent = connected(world)
    held, let_go = agent.ask(label=LABEL), agent.ask(label=OTHER)
    away = connected(world, node="node-2").ask(label=LABEL)
    agent.stays(31.0)
    agent.let_go(let_go)
    assert states(world) == {held: ListedState.HELD, let_go: ListedState.LET_GO, away: ListedState.AWAY}


def test_what_the_grid_does_not_show_is_missing() -> None:
    world = World()
    held = connected(world).ask(label=LABEL)
    world.machine.index.drop(held)
    assert states(world) == {held: ListedState.MISSING}
    assert listed(world, node="node-2") == []


def test_what_nobody_names_is_unclaimed() -> None:
    world = World()
    agent = connected(world)
    stray = str(agent.owner.draw("0" * 12))
    extattrs = {"Allocation ID": {"value": stray}, "Location": {"value": "node-1"}}
    world.grid.create("fixedaddress", {"ipv4addr": "10.55.0.77", "match_client": "RESERVED", "extattrs": extattrs})
    agent.stays(610.0)
    assert states(world) == {stray: ListedState.UNCLAIMED}


def test_what_a_lost_journal_left_is_adopted() -> None:
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    world.agent(journal="6" * 8).hello(claims=[claim(told, State.ADOPTED)])
    assert states(world) == {told.allocation: ListedState.ADOPTED}


def test_a_long_list_comes_in_pieces_between_which_others_are_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SEEN_OF_TURN_MAX", 4)
    monkeypatch.setattr(listing, "ROWS_OF_PAGE_MAX", 3)
    world = World()
    agent = connected(world)
    asked = {agent.ask(label=LABEL.model_copy(update={"container_id": f"c{n}"})) for n in range(10)}
    pages = world.command(ListAllocations(id="l-1"))
    assert not pages[-1].last, "the first turn looks at four"
    world.passes(0.0)
    assert [len(page.allocations) for page in pages] == [3, 3, 3, 1]
    assert {row.allocation for page in pages for row in page.allocations} == asked
    assert [page.last for page in pages] == [False, False, False, True]


def test_a_person_who_leaves_stops_the_list(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "SEEN_OF_TURN_MAX", 1)
    world = World()
    agent = connected(world)
    for number in range(3):
        agent.ask(label=LABEL.model_copy(update={"container_id": f"c{number}"}))
    pages = world.command(ListAllocations(id="l-1"))
    world.feed(Left(1, world.now_s))
    world.passes(1.0)
    assert not any(page.last for page in pages)


def test_what_may_be_missing_is_said() -> None:
    world = World(listed=False)
    world.fate = lambda call: Fate.DROPPED
    world.start()
    said = remarks(world)
    assert said[0].startswith("this coordinator has not listed the grid")
    assert said[1].startswith("the grid has been away for ")
