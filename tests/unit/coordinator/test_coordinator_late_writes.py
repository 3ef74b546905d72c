"""Writes of unknown outcome that are committed late: whom they could hit must not be there yet."""

from __future__ import annotations

import pytest
from desk_world import LATE, SUBNET, DeskWorld, Setup, address_of, has_released, refusal_of

from gridsim.faults import Faults
from gridsim.model import Grid


def a_world(**setup: object) -> DeskWorld:
    """A coordinator that has looked its network up already."""
    world = DeskWorld(Setup(**{"release_delay_s": 0.0, **setup})).start()  # type: ignore[arg-type]
    world.add("warm")
    return world


def a_world_without_request() -> DeskWorld:
    """Its coordinator has to delete by reference; it is no longer new."""
    world = DeskWorld(Setup(release_delay_s=0.0), Grid(faults=Faults().changed({"user_kind": "no-request"})))
    world.start()
    world.add("warm")
    world.advance(40.0)
    return world


def test_an_add_after_a_deletion_of_unknown_outcome_gets_an_address_that_stays() -> None:
    world = a_world()
    world.add("c1")
    world.next_calls(LATE, only="'DELETE'")
    world.delete("c1")
    (again,) = world.ask(world.an_allocate("c1"))
    world.settle()
    assert again not in world.answers
    world.advance(40.0)
    assert world.pods()["c1"] == address_of(world.answers[again])


def test_an_add_that_is_repeated_waits_for_that_deletion_as_well() -> None:
    world = a_world()
    world.add("c1")
    world.next_calls(LATE, only="'DELETE'")
    world.delete("c1")
    ask = world.an_allocate("c1", budget_ms=1000)
    world.ask(ask)
    world.advance(2.0)
    (again,) = world.ask(ask.model_copy(update={"id": "again", "attempt": 2, "budget_ms": 60_000}))
    world.settle()
    assert again not in world.answers
    world.advance(40.0)
    assert world.pods()["c1"] == address_of(world.answers[again])


@pytest.mark.parametrize(("attempt", "waits"), [(1, False), (2, True)])
def test_an_add_waits_for_the_deletion_of_another_coordinator_that_heard_of_the_del(
    attempt: int, waits: bool
) -> None:
    world = a_world()
    world.advance(60.0)
    world.connect("n1")
    world.delete("c1", attempt=attempt, first_sent_ms_ago=2000)
    (asked,) = world.ask(world.an_allocate("c1", released_ms_ago=2000))
    world.settle()
    assert (asked not in world.answers) is waits
    world.advance(40.0)
    assert world.pods()["c1"] == address_of(world.answers[asked])


def test_a_deletion_by_reference_is_repeated_when_the_lost_one_cannot_be_committed_any_more() -> None:
    world = a_world_without_request()
    address = address_of(world.add("c1"))
    reference = next(each["_ref"] for each in world.grid.objects("fixedaddress") if each["ipv4addr"] == address)
    world.late_s = 25.0
    world.next_calls(LATE, only=f"DELETE {reference}")
    (release,) = world.ask(world.a_release("c1"))
    world.advance(20.0)
    assert world.pods()["c1"] == address
    world.advance(15.0)
    assert has_released(world.answers[release])
    assert address_of(world.add("c2")) == address
    world.advance(60.0)
    assert world.pods()["c2"] == address


def test_without_request_a_new_coordinator_deletes_nothing_that_the_last_one_may_be_deleting_still() -> None:
    world = a_world_without_request()
    address = address_of(world.add("c1"))
    world.start()
    world.connect()
    (release,) = world.ask(world.a_release("c1", attempt=2))
    world.advance(25.0)
    assert world.pods()["c1"] == address
    world.advance(10.0)
    assert has_released(world.answers[release])


def test_a_full_network_does_not_hasten_a_deletion_that_has_to_wait() -> None:
    world = a_world_without_request()
    subnet = "10.66.0.0/30"
    world.make_network(subnet)
    world.add("c1", subnet=subnet, gateway="0.0.0.1")
    world.start()
    world.connect()
    world.ask(world.a_release("c1", attempt=2))
    world.settle()
    world.add("c2", subnet=subnet, gateway="0.0.0.1")
    assert "c1" in world.pods()


def test_an_add_whose_time_is_up_while_it_is_looked_up_creates_nothing() -> None:
    world = a_world()
    made = len(world.calls)
    world.call_s = 5.0
    (request,) = world.ask(world.an_allocate("c1", attempt=2, mac="0a:58:00:00:00:01", budget_ms=2000))
    world.now_s += 3.0
    world.handle([])
    assert refusal_of(world.answers[request]) == ("try_again", 11)
    world.settle()
    assert world.described(made) == [["find c1"]]


def test_an_add_that_is_asked_again_while_it_is_looked_up_goes_on() -> None:
    world = a_world()
    message = world.an_allocate("c1", attempt=2, mac="0a:58:00:00:00:01", budget_ms=2000)
    world.ask(message)
    world.now_s += 3.0
    world.handle([])
    again = message.model_copy(update={"id": "again", "attempt": 3, "budget_ms": 50_000})
    world.ask(again)
    world.settle()
    assert address_of(world.answers["again"]) == world.pods()["c1"]


def test_a_create_that_the_last_coordinator_lost_is_found_by_the_release_at_the_new_one() -> None:
    world = a_world()
    mac = "0a:58:00:00:00:01"
    world.late_s = 20.0
    world.next_calls(LATE, only="nextavailableip")
    world.add("c1", mac=mac)
    world.start()
    world.connect()
    (release,) = world.ask(world.a_release("c1", attempt=2, subnet=SUBNET))
    world.advance(25.0)
    assert "c1" in world.pods()
    world.advance(10.0)
    assert has_released(world.answers[release])
    assert "c1" not in world.pods()


def test_a_create_that_another_coordinator_lost_is_found_by_the_release_at_one_that_runs_for_long() -> None:
    world = a_world()
    world.advance(100.0)
    world.connect()
    (release,) = world.ask(world.a_release("c1", subnet=SUBNET))
    world.advance(10.0)
    world.plant("10.55.0.9", "c1", "n1")
    world.advance(30.0)
    assert has_released(world.answers[release])
    assert "c1" not in world.pods()


@pytest.mark.parametrize("macs", [("0a:58:00:00:00:01", "0a:58:00:00:00:02"), (None, "0a:58:00:00:00:02")])
def test_a_create_that_may_still_come_is_awaited_by_an_add_whose_mac_does_not_shut_it_out(
    macs: tuple[str | None, str],
) -> None:
    world = a_world()
    world.late_s = 20.0
    world.next_calls(LATE, only="nextavailableip")
    before, after = macs
    world.ask(world.an_allocate("c1", mac=before))
    world.land()
    world.ask(world.a_release("c1"))
    world.settle()
    (asked,) = world.ask(world.an_allocate("c1", mac=after))
    world.advance(60.0)
    assert world.pods()["c1"] == address_of(world.answers[asked])


def test_a_create_that_came_late_is_found_by_the_release_though_somebody_had_deleted_the_first_object() -> None:
    world = a_world()
    world.late_s = 20.0
    world.next_calls(LATE, only="nextavailableip")
    address = address_of(world.add("c1", mac="0a:58:00:00:00:01"))
    world.advance(10.0)
    world.remove(address)
    world.add("c2")  # is offered that address, which goes back to its holder, without the MAC
    world.advance(100.0)
    world.delete("c1")
    world.advance(1.0)
    assert "c1" not in world.pods()
