"""What the machine tells the history, as allocations begin, are held and end."""

from __future__ import annotations

from machine_world import World
from test_coordinator_machine import LABEL, claim

from coordinator.core.changes import ChangeKind
from coordinator.grid.allocation_object import unpack
from coordinator.lease.standing import Follows
from protocol.admin.history import TellHistory

OTHER = LABEL.model_copy(update={"container_id": "c" * 64, "pod": "web-2"})


def events(world: World) -> list[tuple[str, str]]:
    return [(each.kind.value, unpack(each.label_text).pod if each.label_text else "") for each in world.changes]


def test_an_add_and_its_del_are_told_with_all_their_names() -> None:
    world = World()
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    told = agent.told()
    agent.let_go(told.allocation, age_ms=5_000)
    began_s = world.now_s
    agent.stays(60)
    assert events(world) == [("held", "web-1"), ("let_go", "web-1"), ("gone", "web-1")]
    for each in world.changes:
        assert (each.address, each.view, each.subnet, each.node, each.allocation, each.network_name) == (
            *(told.address, "default", "10.55.0.0/24", "node-1", told.allocation, "pods"),
        )
    assert world.changes[1].at_s == began_s - 5, "when its owner let it go, not when that was heard"


def test_what_comes_from_the_reserve_is_told_again_with_its_pod_and_once_only() -> None:
    world = World()
    agent = world.agent()
    agent.hello()
    allocation = agent.ask(for_reserve=True, ready=0)
    agent.take(type(agent.told()))
    agent.label(allocation, OTHER)
    agent.label(allocation, OTHER)
    assert events(world) == [("ready", ""), ("held", "web-2")]


def test_what_each_hello_names_again_was_let_go_once() -> None:
    world = World(release_delay_s=600.0)
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    told = agent.told()
    for _ in range(3):
        agent.let_go(told.allocation)
    assert events(world) == [("held", "web-1"), ("let_go", "web-1")]


def test_what_the_grid_forgot_is_told_as_put_back_and_what_somebody_else_has_as_lost() -> None:
    world = World()
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    told = agent.told()
    world.delete_by_admin(told.address)
    agent.hello(claims=[claim(told)])
    agent.stays(700)
    assert world.changes[-1].kind is ChangeKind.REPAIRED
    world.delete_by_admin(told.address)
    world.create_by_admin(told.address)
    agent.hello(claims=[claim(told)])
    agent.stays(700)
    lost = world.changes[-1]
    assert (lost.kind, lost.address, lost.why) == (ChangeKind.LOST, told.address, "another object")


def test_who_asks_is_told_what_is_held_now_and_who_leads() -> None:
    world = World()
    agent = world.agent()
    agent.hello()
    for label in (LABEL, OTHER):
        agent.ask(label=label)
        agent.told()
    addresses = {}
    for what in ("shop/web-2", "web-2", "c" * 12, "10.55.0.2", "web", "none"):
        world.command(TellHistory(id="h-1", what=what))
        addresses[what] = [
            (seen.address, seen.label.pod if seen.label else "") for seen in world.recalls[-1].present
        ]
    second = addresses["shop/web-2"]
    assert [pod for _, pod in second] == ["web-2"]
    assert addresses["web-2"] == addresses["c" * 12] == second
    assert addresses["web"] == addresses["none"] == [], "a part of a name names no pod"
    assert len(addresses["10.55.0.2"]) == 1
    assert world.recalls[-1].leader == ""


def test_a_coordinator_that_follows_tells_its_own_history_and_who_leads() -> None:
    world = World(is_elected=True, listed=False)
    world.begin()
    world.feed(Follows("other_1"))
    world.command(TellHistory(id="h-1", what="10.55.0.2"))
    assert world.recalls[-1].leader == "other_1"
