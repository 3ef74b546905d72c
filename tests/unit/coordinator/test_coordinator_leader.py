"""The machine of a coordinator that is elected: who follows answers that it does, reads, and writes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from machine_world import Fate, World
from test_coordinator_machine import LABEL, claim

from coordinator.core.errors import NotLeading
from coordinator.grid.calls import Call, NotSent
from coordinator.lease.standing import Follows, Leads
from coordinator.sweep import warm_listing
from coordinator.sweep.sweeper import FIRST_AFTER_S
from coordinator.tasks.references import SETTLED_S
from gridsim.model import Grid
from protocol.admin.messages import TurnedDown, Verify
from protocol.wire import messages


def elected(**options: Any) -> World:
    """A coordinator that has not heard yet who leads."""
    return World(is_elected=True, **options)


def leads(world: World) -> World:
    world.feed(Leads())
    return world


def status(world: World) -> Any:
    return world.machine.status(None, world.now_s)


def test_until_it_hears_that_it_leads_it_follows_and_answers_every_message_so() -> None:
    world = elected()
    agent = world.agent()
    for message in (
        messages.Hello(id="h", node="node-1", machine="2" * 8, boot="3" * 8, driver="infoblox", journal="5" * 8),
        messages.Claims(id="c", welcome=1, page=0, last=True),
        messages.Ping(id="p"),
        messages.LetGo(id="l", allocations=[]),
    ):
        agent.say(message)
        (answer,) = agent.take(messages.Message)
        assert answer == messages.NotLeader(id=message.id)
    assert len(world.machine.sessions) == 0


def test_one_that_follows_reads_the_grid_each_interval_and_writes_nothing() -> None:
    world = leads(elected())
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    agent.ask(label=LABEL)
    before = world.writes
    world.notes.clear()
    world.feed(Follows("other"))
    world.passes(700.0)
    assert world.writes == before
    assert world.notes.count("listed") == 2
    assert status(world).allocations == 2
    assert "other" in status(world).why_not_leading


def test_one_that_follows_forgets_what_the_grid_holds_no_more() -> None:
    world = leads(elected())
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    told = agent.told()
    world.feed(Follows("other"))
    world.delete_by_admin(told.address)
    world.passes(700.0)
    assert status(world).allocations == 0


def test_one_that_follows_takes_no_mac_for_another_objects_when_it_leads_since_that_may_be_long_gone() -> None:
    mac = "02:00:00:00:00:07"
    world = leads(elected())
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL.model_copy(update={"mac": mac}))
    assert world.machine.index.has_mac(mac, "another")
    world.feed(Follows("other"))
    assert status(world).allocations == 1
    assert not world.machine.index.has_mac(mac, "another")


def test_one_that_follows_makes_no_definition_until_it_leads() -> None:
    world = World(grid=Grid(definitions="none"), is_elected=True)
    assert world.calls
    assert world.writes == 0
    leads(world)
    assert world.writes


def test_where_the_grid_is_slow_one_that_follows_reads_no_more_than_a_page(monkeypatch: Any) -> None:
    monkeypatch.setattr(warm_listing, "SLOW_PAGE_S", 0.0)
    world = World(is_elected=True, former=("decaf0000000",))
    world.passes(590.0)
    assert world.notes.count("listing_postponed") == 1
    calls = world.calls
    world.passes(20.0)
    assert (world.notes.count("listing_postponed"), world.calls) == (2, calls + 1)


def test_who_takes_over_begins_as_at_a_start() -> None:
    world = elected()
    agent = world.agent()
    agent.say(messages.Ping(id="p"))
    leads(world)
    assert status(world).why_not_leading is None
    world.passes(FIRST_AFTER_S)
    assert status(world).listed
    agent.hello()
    agent.ask(label=LABEL)
    assert agent.told()


def test_who_loses_the_lease_tells_it_to_all_and_knows_nobody_any_more() -> None:
    world = leads(elected())
    agents = [world.agent(f"node-{number}") for number in range(3)]
    for agent in agents:
        agent.hello()
        agent.heard = []
    world.feed(Follows("other"))
    assert [len(agent.take(messages.NotLeader)) for agent in agents] == [1, 1, 1]
    assert len(world.machine.sessions) == 0
    assert "leader_lost" in world.notes


class Slow(World):
    """A world in which calls are answered when the test says so."""

    def __init__(self, **options: Any) -> None:
        self.under_way: list[Call] = []
        self.is_slow = False
        super().__init__(**options)

    def _carry_out(self, effects: list[Any]) -> None:
        if self.is_slow:
            self.under_way += [each for each in effects if isinstance(each, Call)]
            effects = [each for each in effects if not isinstance(each, Call)]
        super()._carry_out(effects)

    def answer(self) -> None:
        landings = [self.perform(call) for call in self.under_way]
        self.under_way = []
        self.feed(*landings)


@pytest.mark.parametrize("fate", [Fate.ANSWERED, Fate.REPLY_LOST, Fate.DROPPED])
def test_the_call_under_way_is_made_to_its_end_and_nothing_follows_it(fate: Fate) -> None:
    world = Slow(is_elected=True)
    leads(world)
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    world.is_slow = True
    agent.ask(label=LABEL)
    agent.ask(label=LABEL)
    assert len(world.under_way) == 1
    agent.heard = []
    world.feed(Follows("other"))
    world.fate = lambda call: fate
    writes = len(world.objects())
    world.answer()
    world.fate = lambda call: Fate.ANSWERED
    world.is_slow = False
    while world.under_way:
        world.answer()
    world.passes(100.0)
    assert len(world.objects()) <= writes + 1
    assert [type(each) for each in agent.heard] == [messages.NotLeader]


def test_a_call_that_was_not_begun_since_another_one_leads_is_no_outage_of_the_grid() -> None:
    world = Slow(is_elected=True)
    leads(world)
    agent = world.agent()
    agent.hello()
    world.is_slow = True
    agent.ask(label=LABEL)
    (call,) = world.under_way
    world.is_slow = False
    world.feed(Follows("other"), NotSent(call.id, NotLeading(leader="other"), world.now_s))
    assert status(world).grid.state == "ok"
    assert "grid_unavailable" not in world.notes


def test_what_a_leader_was_told_is_kept_from_one_term_to_the_next_by_the_agents_alone() -> None:
    world = leads(elected())
    agent = world.agent()
    agent.hello()
    agent.ask(label=LABEL)
    told = agent.told()
    world.feed(Follows("other"), Leads())
    assert len(world.machine.sessions) == 0
    assert set(world.objects()) == {told.allocation}
    agent.hello(claims=[claim(told)])
    world.passes(700.0)
    assert set(world.objects()) == {told.allocation}
    assert "claim_ignored" not in world.notes


def test_nothing_is_written_by_reference_in_the_first_minute_after_taking_over() -> None:
    world = elected()
    world.passes(10 * SETTLED_S)
    leads(world)
    references = world.machine._references
    assert references.free_at_s("any") == world.now_s + SETTLED_S
    world.feed(Follows("other"))
    assert world.machine._references.free_at_s("any") == float("inf")


def test_people_are_told_who_leads() -> None:
    world = elected()
    world.feed(Follows("coordinator-2_abc"))
    (answer,) = world.command(Verify(id="v"))
    assert isinstance(answer, TurnedDown)
    assert "coordinator-2_abc" in answer.msg


def test_commands_under_way_are_answered_when_the_lease_is_lost() -> None:
    world = Slow(is_elected=True)
    leads(world)
    world.is_slow = True
    answers = world.command(Verify(id="v"))
    world.feed(Follows("other"))
    assert isinstance(answers[-1], TurnedDown)


def test_a_machine_that_begins_anew_knows_who_leads_by_now() -> None:
    world = leads(elected())
    world._carry_out(world.machine.begin_anew(world.now_s, Follows("other")))
    agent = world.agent()
    agent.say(messages.Ping(id="p"))
    assert agent.take(messages.NotLeader)
    world._carry_out(world.machine.begin_anew(world.now_s, Leads()))
    agent.hello()
