"""Whether a restart of the coordinator is harmless now, by its status."""

from __future__ import annotations

from machine_world import Fate, World
from test_coordinator_commands import connected
from test_coordinator_machine import LABEL


def costs(world: World) -> list[str]:
    return list(world.machine.status(None, world.now_s).restart_costs)


def test_in_a_quiet_cluster_it_costs_nothing() -> None:
    world = World()
    agent = connected(world)
    agent.let_go(agent.ask(label=LABEL))
    assert costs(world) == []


def test_before_the_grid_is_listed_the_listing_would_begin_again() -> None:
    assert costs(World(listed=False)) == ["the grid is not listed to its end yet: the listing would begin again"]


def test_while_the_grid_is_away_what_is_known_and_who_waits_would_be_lost() -> None:
    world = World()
    agent = connected(world)
    world.fate = lambda call: Fate.DROPPED
    agent.ask(label=LABEL)
    away, waits = costs(world)
    assert away.startswith("the grid is away (")
    assert waits.endswith("until nodes are connected again: 1")


def test_what_a_node_let_go_before_it_was_switched_off_would_stay() -> None:
    world = World()
    agent = connected(world)
    allocation = agent.ask(label=LABEL)
    agent.let_go(allocation)
    world.fate = lambda call: Fate.DROPPED
    world.passes(40.0)
    assert allocation in world.objects()
    assert costs(world)[-1].endswith("which would stay in the grid until these are back: 1")
