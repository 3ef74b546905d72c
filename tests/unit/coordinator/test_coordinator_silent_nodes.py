"""A node is connected while its agent was heard within half a minute; everybody is told by this one rule."""

from __future__ import annotations

import pytest
from desk_world import DeskWorld

from coordinator import desk
from coordinator.desk import Received
from coordinator.metrics import Metrics
from coordinator.sessions import FORGET_AFTER_S, LIVE_S
from protocol.messages import Ping
from protocol.status import NodeStatus

LOOK_S = desk.SILENCE_LOOK_S


@pytest.fixture
def world() -> DeskWorld:
    return DeskWorld().start()


def ping(world: DeskWorld, connection: bytes, node: str = "n1") -> None:
    world.handle([Received(node, connection, Ping(id=world.next_id()), world.now_s)])


def nodes(world: DeskWorld) -> dict[str, NodeStatus]:
    return {node.node: node for node in world.desk.status(None, world.now_s).nodes}


def gauges(world: DeskWorld) -> dict[str, float]:
    text = Metrics("1", "c").text(world.desk.status(None, world.now_s), {}).decode()
    lines = (line.split() for line in text.splitlines() if line.startswith("cni_infoblox_coordinator_nodes_"))
    return {name.rpartition("_")[2]: float(value) for name, value in lines}


def test_a_node_that_pings_stays_connected(world: DeskWorld) -> None:
    connection = world.connect("n1")
    for _ in range(10):
        world.advance(10)
        ping(world, connection)
    assert nodes(world)["n1"].connected_s == 100
    assert gauges(world) == {"connected": 1, "silent": 0}
    assert not world.noted("node_silent")


def test_a_silent_node_is_told_once_and_counted(world: DeskWorld) -> None:
    world.connect("n1")
    world.advance(LIVE_S + LOOK_S)
    world.advance(600)
    assert nodes(world)["n1"].connected_s is None
    assert nodes(world)["n1"].heard_s_ago == LIVE_S + LOOK_S + 600
    assert gauges(world) == {"connected": 0, "silent": 1}
    (note,) = world.noted("node_silent")
    assert note.fields["node"] == "n1"
    assert note.is_alarm


@pytest.mark.parametrize("how", ["ping", "hello"])
def test_a_node_that_comes_back_is_told_once_and_may_fall_silent_again(world: DeskWorld, how: str) -> None:
    connection = world.connect("n1")
    world.advance(LIVE_S + LOOK_S)
    if how == "ping":
        ping(world, connection)
        ping(world, connection)
    else:
        world.connect("n1")
    (note,) = world.noted("node_heard_again")
    assert note.fields == {"node": "n1", "silent_s": LIVE_S + LOOK_S}
    assert gauges(world) == {"connected": 1, "silent": 0}

    world.advance(LIVE_S + LOOK_S)
    assert len(world.noted("node_silent")) == 2


def test_many_that_fall_silent_together_are_named_up_to_a_bound(world: DeskWorld) -> None:
    for number in range(desk.NAMED_AT_ONCE_MAX + 7):
        world.connect(f"n{number}")
    world.advance(LIVE_S + LOOK_S)
    assert len(world.noted("node_silent")) == desk.NAMED_AT_ONCE_MAX
    (rest,) = world.noted("more_nodes_silent")
    assert rest.fields == {"nodes": 7}


def test_a_node_is_forgotten_after_a_day_of_silence_unless_it_holds_addresses(world: DeskWorld) -> None:
    for node in ("n1", "n2"):
        world.connect(node)
    world.add("c1", "n2")
    world.advance(FORGET_AFTER_S + 2 * desk.FORGET_EVERY_S)
    assert list(nodes(world)) == ["n2"]
    world.connect("n1")
    assert nodes(world)["n1"].connected_s == 0
