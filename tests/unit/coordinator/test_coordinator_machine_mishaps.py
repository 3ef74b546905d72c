"""Code that fails where nobody expects it costs the new machine one session's hello, or a start from the grid."""

from __future__ import annotations

import pytest
from machine_world import Agent, World
from test_coordinator_machine import LABEL, claim, connected

from coordinator.allocation.asks import Asks
from coordinator.allocation.deletions import Deletions
from coordinator.tasks.create_task import CreateTask
from coordinator.tasks.delete_task import RETRY_S, DeleteTask
from protocol.wire import messages
from protocol.wire.messages import DeclineKind


class Unexpected(Exception):
    """What no code expects."""


def break_at_its_end(patch: pytest.MonkeyPatch, owner: type, name: str) -> None:
    function = getattr(owner, name)

    def fails(*arguments: object) -> None:
        function(*arguments)
        raise Unexpected

    patch.setattr(owner, name, fails)


def fails(*arguments: object) -> None:
    raise Unexpected


@pytest.fixture
def world() -> World:
    world = World()
    world.expects_mishaps = True
    return world


def test_a_message_that_makes_code_fail_is_declined_and_costs_its_session_alone_a_hello(world: World) -> None:
    culprit, neighbour = connected(world), connected(world, node="node-2")
    with pytest.MonkeyPatch.context() as patch:
        break_at_its_end(patch, Asks, "take")
        allocation = culprit.ask(label=LABEL)

    (declined,) = culprit.take(messages.Declined)
    assert (declined.code, declined.kind, declined.allocation) == (100, DeclineKind.REFUSED, allocation)
    assert declined.id == f"ask-{allocation[-12:]}"
    assert culprit.take(messages.HelloFirst)
    assert [mishap.place for mishap in world.mishaps] == ["allocate"]

    neighbour.ask(label=LABEL)
    assert neighbour.told()
    culprit.say(messages.Ping(id="ping"))
    assert not culprit.take(messages.Pong)
    culprit.hello()
    culprit.ask(label=LABEL)
    assert culprit.told()


def test_a_task_that_fails_ends_as_declined_and_the_lane_goes_on(world: World) -> None:
    agent = connected(world)
    with pytest.MonkeyPatch.context() as patch:
        break_at_its_end(patch, CreateTask, "answered")
        agent.ask(label=LABEL)

    assert not agent.take(messages.Allocated)
    assert [mishap.place for mishap in world.mishaps] == ["CreateTask"]
    (declined,) = agent.take(messages.Declined)
    assert declined.code == 100
    # The grid has made it: its owner is asked, and nothing stays behind.
    (whose,) = agent.take(messages.Whose)
    assert whose.allocations == [declined.allocation]
    agent.say(messages.Answer(id="answer", disowned=whose.allocations))
    assert world.objects() == {}
    agent.ask(label=LABEL)
    assert agent.told()


def test_what_code_has_failed_to_delete_is_gone_when_the_grid_says_so(world: World) -> None:
    agent = connected(world)
    agent.ask(label=LABEL)
    allocation = agent.told().allocation
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DeleteTask, "answered", fails)
        patch.setattr(DeleteTask, "operations", lambda task: (task._writer.find(allocation),))
        agent.let_go(allocation, was_held=False)
    assert [mishap.place for mishap in world.mishaps] == ["DeleteTask"]
    assert allocation in world.objects()
    assert not agent.take(messages.Gone)

    agent.stays(RETRY_S)

    (gone,) = agent.take(messages.Gone)
    assert gone.allocations == [allocation]
    assert world.objects() == {}


def test_a_machine_that_begins_anew_knows_what_the_grid_holds_and_hears_every_journal_again(world: World) -> None:
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    with pytest.MonkeyPatch.context() as patch:
        break_at_its_end(patch, Deletions, "_gone")
        with pytest.raises(Unexpected):
            agent.let_go(told.allocation, was_held=False)

    world.begin_anew()

    assert agent.take(messages.HelloFirst)
    assert world.machine.index.is_complete
    assert agent.hello()
    agent.ask(label=LABEL)
    second = agent.told()
    agent.hello(claims=[claim(second)])
    assert set(world.objects()) == {second.allocation}


def test_after_another_secret_only_what_the_grid_holds_is_claimed(world: World) -> None:
    agent = connected(world)
    agent.ask(label=LABEL)
    agent.ask(label=LABEL)
    forgotten, held = agent.take(messages.Allocated)
    world.delete_by_admin(forgotten.address)
    world.restart()
    world.machine.rekey(b"another")

    claimant: Agent = world.agent()
    claimant.hello(claims=[claim(forgotten), claim(held)])

    assert "claim_ignored" in world.notes
    assert set(world.objects()) == {held.allocation}
