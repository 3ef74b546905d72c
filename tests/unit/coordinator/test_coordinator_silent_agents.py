"""An agent is silent when it was not heard for half a minute; people are told once, and when it is back."""

from __future__ import annotations

from typing import Any

import pytest
from machine_world import Agent, World

from coordinator.nodes.notices import NAMED_AT_ONCE_MAX, SILENCE_LOOK_S
from coordinator.nodes.sessions import SILENT_S

LATE_S = SILENT_S + SILENCE_LOOK_S


def connected(world: World, **who: Any) -> Agent:
    agent = world.agent(**who)
    agent.hello()
    return agent


def told(world: World, event: str) -> int:
    return world.notes.count(event)


def test_an_agent_that_pings_is_not_silent() -> None:
    world = World()
    connected(world).stays(100.0)
    assert told(world, "node_silent") == 0


@pytest.mark.parametrize("how", ["ping", "hello"])
def test_a_silent_agent_is_told_once_and_so_is_its_return(how: str) -> None:
    world = World()
    agent = connected(world)
    world.passes(LATE_S)
    world.passes(600.0)
    assert (told(world, "node_silent"), told(world, "node_heard_again")) == (1, 0)
    assert world.machine.status(None, world.now_s).nodes[0].connected_s is None
    if how == "ping":
        agent.stays(20.0)
    else:
        agent.hello()
        world.passes(SILENCE_LOOK_S)
    assert (told(world, "node_silent"), told(world, "node_heard_again")) == (1, 1)
    world.passes(LATE_S)
    assert told(world, "node_silent") == 2


def test_a_boot_that_has_ended_makes_no_silent_node_while_the_next_one_speaks() -> None:
    world = World()
    connected(world)
    connected(world, boot="8" * 8, journal="9" * 8).stays(100.0)
    assert told(world, "node_silent") == 0


def test_of_many_that_fall_silent_together_some_are_named() -> None:
    world = World()
    for number in range(NAMED_AT_ONCE_MAX + 7):
        connected(world, node=f"node-{number}")
    world.passes(LATE_S)
    assert (told(world, "node_silent"), told(world, "more_nodes_silent")) == (NAMED_AT_ONCE_MAX, 1)
