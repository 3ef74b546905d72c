"""How the sweep reads: page after page, and the next one is under way while a page is taken in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from machine_world import Fate, World
from test_coordinator_commands import connected
from test_coordinator_machine import LABEL

from coordinator.admin.events import AnswerCommand, Asked
from coordinator.grid.calls import Call
from coordinator.grid.operations import ReadPage
from coordinator.grid.writer import Writer
from coordinator.lane.events import Ticked
from protocol.admin.messages import ListAllocations, Listed

TICKET = 7


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A coordinator that has just begun, on a grid with five addresses, of which a page shows two."""
    list_page = Writer.list_page

    def of_two(writer: Writer, cluster_id: str, page_id: str | None) -> ReadPage:
        return replace(list_page(writer, cluster_id, page_id), page_objects_max=2)

    monkeypatch.setattr(Writer, "list_page", of_two)
    world = World()
    agent = connected(world)
    for number in range(5):
        agent.ask(label=LABEL.model_copy(update={"container_id": f"c{number}"}))
    return World(grid=world.grid, listed=False)


def is_page(effect: Any) -> bool:
    return isinstance(effect, Call) and isinstance(effect.operations[0], ReadPage)


def test_the_next_page_is_asked_for_before_one_is_taken_in(world: World) -> None:
    known_at_call = []

    def answered(call: Call) -> Fate:
        if is_page(call):
            known_at_call.append(len(world.machine.index))
        return Fate.ANSWERED

    world.fate = answered
    world.start()
    assert known_at_call[:3] == [0, 0, 2]
    assert len(world.machine.index) == 5


def test_what_comes_after_a_page_finds_it_taken_in(world: World) -> None:
    world.begin()
    world.now_s += 1.0
    (page,) = filter(is_page, world.machine.handle([Ticked(world.now_s)], world.now_s))
    (_following,) = filter(is_page, world.machine.handle([world.perform(page)], world.now_s))
    asked = Asked(TICKET, ListAllocations(id="l-1"), world.now_s)
    effects = world.machine.handle([asked], world.now_s)
    (told,) = [each.message for each in effects if isinstance(each, AnswerCommand)]
    assert isinstance(told, Listed)
    assert len(told.allocations) == 2
