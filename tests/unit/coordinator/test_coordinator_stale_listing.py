"""What a coordinator has listed may have changed through another one: the journals know better."""

from __future__ import annotations

import pytest
from desk_world import DeskWorld, Setup, address_of, has_released

from coordinator.grid.calls import Answered, Call
from coordinator.grid.operations import Found, ReadPage
from coordinator.lane.commands import WakeAt
from coordinator.lane.events import Ticked
from coordinator.ownership import Identity, Owner
from protocol.messages import PAGE_ITEMS_MAX

FIRST = "10.55.0.1"


def a_world_that_listed(container: str, node: str) -> DeskWorld:
    """Its coordinator has seen the object of that attachment, which another coordinator then released."""
    world = DeskWorld(Setup(release_delay_s=0.0))
    world.plant(FIRST, container, node)
    world.start()
    world.remove(FIRST)
    return world


def test_an_address_of_which_its_nodes_journal_knows_nothing_goes_to_the_next_pod() -> None:
    world = a_world_that_listed("gone", node="n2")
    world.connect("n2")
    assert address_of(world.add("c1")) == FIRST
    assert world.pods() == {"c1": FIRST}
    assert not world.noted("grid_forgot_address")


def test_an_address_stays_its_holders_until_the_nodes_journal_was_heard() -> None:
    world = a_world_that_listed("silent", node="n2")
    assert address_of(world.add("c1")) != FIRST
    assert world.pods()["silent"] == FIRST


def test_a_hello_of_many_pages_names_what_any_of_them_names() -> None:
    world = a_world_that_listed("first", node="n2")
    count = PAGE_ITEMS_MAX - 1
    others = [world.holding(f"other{n}", f"10.55.{1 + n // 250}.{n % 250}") for n in range(count)]
    connection = world.connect("n2", [world.holding("first", FIRST), *others], last=False)
    world.hello(connection, "n2", page=1)
    world.settle()
    assert address_of(world.add("c1")) != FIRST
    assert world.pods()["first"] == FIRST


def test_a_journal_is_right_where_the_listing_names_another_holder() -> None:
    world = a_world_that_listed("gone", node="n2")
    world.connect("n3", [world.holding("heir", FIRST)])
    assert not world.noted("address_twice")
    assert address_of(world.add("c1")) != FIRST
    assert world.pods()["heir"] == FIRST


def test_a_journal_is_right_that_was_heard_before_the_listing_names_another_holder() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0))
    world.plant(FIRST, "gone", "n2")
    world.start_unsettled()
    world.connect("n3", [world.holding("heir", FIRST)])
    world.settle()
    world.remove(FIRST)
    assert address_of(world.add("c1")) != FIRST
    assert world.pods()["heir"] == FIRST


@pytest.mark.parametrize("after_s", [0.0, 1300.0])
def test_of_two_that_journals_name_the_other_has_the_address_when_one_is_gone(after_s: float) -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.connect("n2", [world.holding("one", FIRST)])
    world.connect("n3", [world.holding("two", FIRST)])
    world.advance(after_s)
    world.delete("two", node="n3")
    assert address_of(world.add("c1")) != FIRST
    assert world.pods()["one"] == FIRST


def test_two_journals_that_name_one_address_are_an_alarm() -> None:
    world = DeskWorld().start()
    world.connect("n2", [world.holding("one", FIRST)])
    world.connect("n3", [world.holding("two", FIRST)])
    assert [note.fields["address"] for note in world.noted("address_twice")] == [FIRST]


def test_an_add_of_what_the_journal_did_not_name_is_looked_up() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0))
    world.plant(FIRST, "c1", "n1")
    world.start()
    world.connect("n1")
    assert address_of(world.add("c1")) == FIRST
    assert world.pods() == {"c1": FIRST}


def test_a_release_looks_again_when_no_other_coordinator_can_have_its_unanswered_add_any_more() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.connect()
    (request,) = world.ask(world.a_release("c1", unanswered_ask_ms_ago=20_000))
    world.advance(35.0)
    assert request not in world.answers
    world.plant(FIRST, "c1")
    world.advance(40.0)
    assert has_released(world.answers[request])
    assert world.pods() == {}


def test_a_hello_that_was_long_on_its_way_does_not_bring_back_what_was_released_since() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    message = world.an_allocate("c1")
    world.ask(message)
    world.settle()
    world.delete("c1")
    world.connect(holdings=[world.holding("c1", FIRST, seq=message.seq)])
    assert address_of(world.add("c2")) == FIRST
    assert world.pods() == {"c2": FIRST}


def test_a_node_that_boots_again_has_each_of_its_addresses_released_by_one_call() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.add("c1")
    world.connect()
    made = len(world.calls)
    assert has_released(world.delete("c1"))
    assert world.pods() == {}
    assert len(world.calls) == made + 1


def test_a_release_that_was_sent_before_looks_for_what_the_journal_did_not_name() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0)).start()
    world.add("c1")
    world.connect()
    world.remove(FIRST)
    made = len(world.calls)
    assert has_released(world.delete("c1", attempt=2))
    assert world.described(made) == [["find c1"]]


def test_the_grid_reads_the_next_page_while_the_last_one_is_taken_in() -> None:
    world = DeskWorld()
    world.start_unsettled()
    world.land()
    assert world.flight
    eas = {
        name: {"value": value} for name, value in Owner("blue").identity_eas(Identity("c1", "eth0", "n1")).items()
    }
    where = {"ipv4addr": FIRST, "network": "10.55.0.0/24", "network_view": "default"}
    page = Found(({"_ref": "fixedaddress/x", **where, "extattrs": eas},), next_page_id="second")
    effects = world.desk.handle([Answered(world.flight.id, [page], world.now_s)], world.now_s)
    (call,) = (effect for effect in effects if isinstance(effect, Call))
    assert isinstance(call.operations[0], ReadPage)
    assert call.operations[0].page_id == "second"
    assert world.desk.status(None, world.now_s).allocations == 0
    assert effects[-1] == WakeAt(world.now_s)
    world.desk.handle([Ticked(world.now_s)], world.now_s)
    assert world.desk.status(None, world.now_s).allocations == 1
