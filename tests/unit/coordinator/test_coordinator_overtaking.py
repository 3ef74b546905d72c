"""Requests of one attachment that overtake each other, or that other attachments get in the way of."""

from __future__ import annotations

from desk_world import (
    CUT,
    DOWN,
    FORBIDDEN,
    GONE,
    LATE,
    SUBNET,
    DeskWorld,
    Setup,
    a_mac,
    address_of,
    has_released,
    refusal_of,
)

from coordinator.core.networks import Network
from coordinator.grid.operations import UpdateFound
from coordinator.grid.refusals import classify
from coordinator.lane.events import Ticked
from coordinator.lane.task import Failed
from coordinator.objects import Label, read_fixed_address, read_origin, reassign_address
from coordinator.ownership import Identity, Owner
from coordinator.preparation_work import ReassignWork
from gridsim.faults import Faults
from gridsim.model import Grid
from protocol.messages import Address, Declined, HelloFirst, Welcome

TINY = "10.66.0.0/30"


def a_warm_world(**setup: object) -> DeskWorld:
    """A coordinator that has looked its network up already."""
    world = DeskWorld(Setup(**{"release_delay_s": 5.0, **setup})).start()  # type: ignore[arg-type]
    world.add("warm", is_gateway=True)
    return world


def test_an_add_with_its_del_in_one_poll_creates_nothing() -> None:
    world = a_warm_world()
    made = len(world.calls)
    _, release = world.ask(world.an_allocate("c1", is_gateway=True), world.a_release("c1"))
    world.settle()
    assert world.described(made) == [["find c1"]]
    assert has_released(world.answers[release])


def test_an_add_without_any_time_left_is_answered_without_a_call() -> None:
    world = a_warm_world()
    made = len(world.calls)
    assert refusal_of(world.add("c1", is_gateway=True, budget_ms=0)) == ("try_again", 11)
    assert world.described(made) == []


def test_an_expired_add_keeps_the_address_that_its_hanging_call_gets() -> None:
    world = a_warm_world()
    world.call_s = 10.0
    message = world.an_allocate("c1", is_gateway=True, budget_ms=2000)
    world.ask(message)
    world.now_s += 3.0
    world.handle([])
    assert refusal_of(world.answers[message.id]) == ("try_again", 11)
    world.settle()
    made = len(world.calls)
    again = message.model_copy(update={"id": "again", "attempt": 2, "budget_ms": 9000})
    world.ask(again)
    assert address_of(world.answers["again"]) == world.pods()["c1"]
    assert len(world.calls) == made


def test_a_del_after_an_add_that_waits_for_a_deletion_in_its_call_wins() -> None:
    world = a_warm_world(release_delay_s=0.0)
    world.add("c1", is_gateway=True)
    world.ask(world.a_release("c1"))
    assert world.flight
    world.ask(world.an_allocate("c1", is_gateway=True))
    (last,) = world.ask(world.a_release("c1"))
    world.settle()
    assert has_released(world.answers[last])
    assert set(world.pods()) == {"warm"}


def test_an_add_after_a_del_that_waits_for_the_first_add_in_its_call_is_answered_with_its_address() -> None:
    world = a_warm_world()
    world.ask(world.an_allocate("c1", is_gateway=True))
    world.ask(world.a_release("c1"))
    (last,) = world.ask(world.an_allocate("c1", is_gateway=True))
    world.advance(60.0)
    assert address_of(world.answers[last]) == world.pods()["c1"]


def test_an_add_into_another_network_lets_the_waiting_release_go_first() -> None:
    world = a_warm_world(release_delay_s=300.0)
    world.make_network("10.77.0.0/24")
    world.add("c1", is_gateway=True)
    world.ask(world.a_release("c1"))
    answer = world.add("c1", subnet="10.77.0.0/24", is_gateway=True)
    assert address_of(answer) == "10.77.0.2"
    assert world.pods()["c1"] == "10.77.0.2"


def test_a_deleted_address_under_watch_for_late_commits_goes_to_the_next_pod() -> None:
    world = a_warm_world(release_delay_s=0.0)
    old = address_of(world.add("c1", is_gateway=True))
    world.delete("c1", unanswered_ask_ms_ago=0)
    assert address_of(world.add("c2", is_gateway=True)) == old
    world.advance(60.0)
    assert world.pods() == {"warm": "10.55.0.2", "c2": old}


def test_a_late_commit_behind_a_release_is_removed() -> None:
    world = a_warm_world(release_delay_s=0.0)
    world.next_calls(LATE)
    world.ask(world.an_allocate("c1", mac=a_mac(1), is_gateway=True))
    (release,) = world.ask(world.a_release("c1"))
    world.advance(9.0)
    assert release not in world.answers
    world.advance(60.0)
    assert has_released(world.answers[release])
    assert set(world.pods()) == {"warm"}


def test_two_objects_of_one_attachment_both_go_with_its_release() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0))
    world.plant("10.55.0.7", "c1")
    world.plant("10.55.0.8", "c1")
    world.start()
    assert not has_released(world.delete("c1")) or world.fixed() == {}
    world.advance(60.0)
    assert world.fixed() == {}


def test_of_two_objects_the_one_that_the_journal_names_stays() -> None:
    world = DeskWorld()
    world.plant("10.55.0.7", "c1")
    world.plant("10.55.0.8", "c1")
    world.start()
    world.connect("n1", [world.holding("c1", "10.55.0.8")])
    world.advance(60.0)
    assert world.fixed() == {"10.55.0.8": "c1"}


def test_a_resent_add_that_finds_two_objects_answers_one_and_removes_the_other_when_the_journal_has_it() -> None:
    world = a_warm_world()
    world.plant("10.55.0.7", "c1")
    world.plant("10.55.0.8", "c1")
    answer = world.add("c1", is_gateway=True, attempt=2)
    world.advance(60.0)
    assert {"10.55.0.7", "10.55.0.8"} <= world.fixed().keys()
    world.connect("n1", [world.holding("c1", address_of(answer), seq=world.next_seq())])
    world.advance(60.0)
    assert world.pods()["c1"] == address_of(answer) == "10.55.0.7"


def test_a_squatting_node_does_not_shut_out_the_real_owner() -> None:
    world = a_warm_world()
    world.delete("c1", node="n2")
    assert address_of(world.add("c1", node="n1", is_gateway=True))
    assert refusal_of(world.delete("c1", node="n2")) == ("refused", 101)
    assert refusal_of(world.add("c1", node="n2", is_gateway=True)) == ("refused", 101)


def test_a_journal_with_an_impossible_address_is_noted_while_the_coordinator_goes_on() -> None:
    world = a_warm_world()
    held = world.holding("c9", "10.55.0.9").model_copy(update={"addresses": [Address(address="999.1.1.1/24")]})
    world.connect("n1", [held])
    assert world.noted("holding_unreadable")
    assert address_of(world.add("c9", is_gateway=True))


def test_a_hello_whose_first_page_is_missing_has_to_be_said_again() -> None:
    world = a_warm_world()
    first = world.hello(b"new", "n1", page=1, last=True)
    assert isinstance(world.answers[first], HelloFirst)
    world.hello(b"new", "n1", page=0, last=False)
    last = world.hello(b"new", "n1", page=1, last=True)
    assert isinstance(world.answers[last], Welcome)


def test_several_addresses_that_the_grid_forgot_go_back_to_their_holders_before_an_add_gets_a_free_one() -> None:
    world = a_warm_world()
    live = {name: address_of(world.add(name, is_gateway=True)) for name in ("a", "b", "c", "d", "e")}
    for address in live.values():
        world.remove(address)
    fresh = address_of(world.add("new", is_gateway=True))
    assert fresh not in live.values()
    assert world.pods() == {"warm": "10.55.0.2", **live, "new": fresh}


def test_a_grid_that_searches_no_comments_is_asked_without_and_then_no_more() -> None:
    unsearchable = classify(400, {"text": "Field is not searchable: comment"})
    made = read_fixed_address(
        {"ipv4addr": "10.55.0.2", "network_view": "v", "network": SUBNET, "comment": "boot b"}
    )
    network, identity = Network("v", SUBNET, None, "pods"), Identity("c1", "eth0", "n1")
    work = ReassignWork("admin", made.address, reassign_address(Owner("blue"), identity, network, made, {}, ""))
    (first,) = work.operations()
    assert isinstance(first, UpdateFound)
    assert first.criteria["comment:"] == "boot b"
    assert work.refused(unsearchable, 0.0) is None
    (second,) = work.operations()
    assert isinstance(second, UpdateFound)
    assert second.criteria == {name: text for name, text in first.criteria.items() if name != "comment:"}
    assert isinstance(work.refused(unsearchable, 0.0), Failed)


def test_what_another_coordinator_has_found_meanwhile_is_not_given_back() -> None:
    world = a_warm_world()
    address = address_of(world.add("old", node="n2", is_gateway=True))
    world.remove(address)
    (request,) = world.ask(world.an_allocate("web", is_gateway=True))
    world.land()
    world.grid.update(world.at(address)["_ref"], {"comment": "boot boot-n1 coordinator another"})
    world.settle()
    assert isinstance(world.answers[request], Declined)
    assert world.pods()["web"] == address


def test_what_another_coordinator_made_is_marked_before_it_is_told() -> None:
    world = a_warm_world()
    world.plant("10.55.0.9", "web", "n1", comment="boot boot-n1 coordinator another")
    assert address_of(world.add("web", attempt=2)) == "10.55.0.9"
    assert world.at("10.55.0.9")["comment"] == f"boot boot-n1 coordinator {world.coordinator_id}"


def test_what_another_coordinator_made_is_not_told_from_memory_when_its_mark_could_not_be_changed() -> None:
    world = DeskWorld()
    world.plant("10.55.0.9", "web", comment="boot boot-n1 coordinator another")
    world.start()
    world.next_calls(DOWN, 1000, only="'PUT'")
    request = world.an_allocate("web", attempt=2, budget_ms=20_000)
    world.ask(request)
    world.advance(30.0)
    assert refusal_of(world.answers[request.id]) == ("try_again", 11)
    world.rules.clear()
    world.advance(60.0)
    (again,) = world.ask(request.model_copy(update={"id": "again", "attempt": 3}))
    world.settle()
    assert address_of(world.answers[again]) == "10.55.0.9"
    assert world.at("10.55.0.9")["comment"] == f"boot boot-n1 coordinator {world.coordinator_id}"


def test_a_deletion_that_was_not_sent_is_dropped_when_its_node_says_that_it_holds_the_address() -> None:
    world = a_warm_world()
    address = address_of(world.add("c1", is_gateway=True))
    world.ask(world.a_release("c1"))
    world.next_calls(DOWN)
    world.now_s += 5.1
    world.handle([Ticked(world.now_s)])
    assert world.flight
    world.connect("n1", [world.holding("c1", address, world.next_seq())])
    world.advance(200.0)
    assert world.pods()["c1"] == address


def test_an_add_whose_time_is_up_while_an_earlier_one_is_in_a_call_creates_nothing() -> None:
    world = a_warm_world()
    request = world.an_allocate("c1", is_gateway=True, attempt=2)
    world.ask(request)
    made = len(world.calls)
    world.connect("n1")
    again = {"id": "again", "attempt": 3, "released_ms_ago": 6000, "budget_ms": 50_000}
    world.ask(request.model_copy(update=again))
    world.now_s += 55.0
    world.handle([Ticked(world.now_s)])
    world.advance(120.0)
    assert refusal_of(world.answers["again"]) == ("try_again", 11)
    assert world.described(made) == []
    assert "c1" not in world.pods()


def test_a_del_that_meets_its_add_in_a_call_lets_it_create_nothing_any_more() -> None:
    world = a_warm_world()
    world.ask(world.an_allocate("c1", is_gateway=True, attempt=2))
    made = len(world.calls)
    (release,) = world.ask(world.a_release("c1"))
    world.advance(100.0)
    assert has_released(world.answers[release])
    assert not [call for call in world.described(made) if "create c1" in call]


def test_a_long_uid_of_a_pod_leaves_room_for_boot_and_coordinator() -> None:
    origin = read_origin(Label("pod", "default", "u" * 253, "b" * 64, "c1").comment)
    assert (origin.pod_uid, origin.boot_id, origin.coordinator_id) == ("", "b" * 64, "c1")


def test_what_another_coordinator_made_is_taken_from_nobody() -> None:
    world = a_warm_world()
    address = address_of(world.add("old", node="n2"))
    world.remove(address)
    world.plant(address, "web", "n1")
    answer = world.add("web", attempt=2)
    assert refusal_of(answer) == ("try_again", 11)
    assert isinstance(answer, Declined)
    assert not answer.settled
    assert world.pods()["web"] == address
    world.delete("web")
    world.advance(60.0)
    assert world.pods() == {"warm": "10.55.0.2"}


def test_what_was_made_for_a_node_that_has_gone_is_taken_from_nobody() -> None:
    world = a_warm_world()
    address = address_of(world.add("old", node="n2", is_gateway=True))
    world.remove(address)
    (request,) = world.ask(world.an_allocate("web", is_gateway=True))
    world.now_s += 16.0
    world.settle()
    assert refusal_of(world.answers[request]) == ("try_again", 11)
    assert world.pods()["web"] == address


def test_a_create_whose_answer_was_lost_leaves_a_forgotten_address_to_its_holder_in_the_end() -> None:
    world = a_warm_world()
    address = address_of(world.add("alive", is_gateway=True))
    world.remove(address)
    world.next_calls(CUT)
    assert refusal_of(world.add("one", is_gateway=True)) == ("try_again", 11)
    world.delete("one")
    world.advance(60.0)
    fresh = address_of(world.add("two", is_gateway=True))
    assert world.pods() == {"warm": "10.55.0.2", "alive": address, "two": fresh}


def test_a_release_brought_forward_outlives_an_outage() -> None:
    world = DeskWorld(Setup(release_delay_s=300.0), network=None)
    world.make_network(TINY)
    world.start()
    address_of(world.add("a", subnet=TINY))
    address_of(world.add("b", subnet=TINY))
    release = world.a_release("a")
    world.ask(release)
    world.next_calls(DOWN, 8, "'DELETE'")
    world.ask(world.an_allocate("c", subnet=TINY))
    world.advance(400.0)
    assert has_released(world.answers[release.id])
    assert "a" not in world.pods()


def test_a_full_network_with_a_release_and_another_network_in_its_call_comes_to_an_end() -> None:
    for mode in ("all", "stop", "continue"):
        grid = Grid(faults=Faults().changed({"request_atomicity": mode}))
        world = DeskWorld(Setup(release_delay_s=0.0), grid)
        world.make_network(TINY)
        world.start()
        for name in ("a", "b"):
            world.add(name, subnet=TINY)
        world.add("gone", is_gateway=True)
        made = len(world.calls)
        full, good, gone = world.ask(
            world.an_allocate("full", subnet=TINY),
            world.an_allocate("good", is_gateway=True),
            world.a_release("gone"),
        )
        world.settle()
        assert refusal_of(world.answers[full]) == ("try_again", 11)
        assert address_of(world.answers[good])
        assert has_released(world.answers[gone])
        assert len(world.calls) - made <= 7


def test_a_release_that_overtook_an_add_is_answered_when_the_network_turns_out_full() -> None:
    world = DeskWorld(Setup(release_delay_s=0.0), network=None)
    world.make_network(TINY)
    world.start()
    for name in ("a", "b"):
        world.add(name, subnet=TINY)
    world.ask(*(world.an_allocate(name, subnet=TINY) for name in ("x", "y")))
    (release,) = world.ask(world.a_release("y"))
    world.advance(120.0)
    assert has_released(world.answers[release])
    assert set(world.pods()) == {"a", "b"}


def test_releases_that_need_an_approval_are_not_sent_again_and_again() -> None:
    for kind in ("superuser", "no-request"):
        world = a_warm_world(release_delay_s=0.0)
        world.grid.faults = world.grid.faults.changed({"approval": True, "user_kind": kind})
        made = len(world.calls)
        assert world.delete("warm") is None
        world.advance(50.0)
        assert len(world.calls) - made <= 5
        world.grid.faults = world.grid.faults.changed({"approval": False})
        world.advance(120.0)
        assert world.pods() == {}


def test_pod_text_is_never_substituted_by_the_grid() -> None:
    world = a_warm_world()
    name = "##STATE:ref_0:## "
    world.add("c1", is_gateway=True, pod={"name": name, "namespace": "shop"})
    world.delete("c1")
    world.add("c1", is_gateway=True, pod={"name": name, "namespace": "shop"})
    (found,) = (each for each in world.grid.objects("fixedaddress") if each["ipv4addr"] == world.pods()["c1"])
    assert found["name"] == "#STATE:ref_0:#"


def test_a_lost_create_whose_add_then_failed_is_looked_for_before_the_next_one() -> None:
    world = a_warm_world()
    world.next_calls(LATE, 1, "nextavailableip")
    world.next_calls(GONE, 40)
    world.ask(world.an_allocate("c1", mac=a_mac(1), is_gateway=True))
    world.advance(20.0)
    world.rules.clear()
    answer = world.add("c1", mac=a_mac(1), is_gateway=True)
    world.advance(120.0)
    assert world.pods()["c1"] == address_of(answer)


def test_adds_are_served_between_the_pages_of_a_long_listing() -> None:
    world = DeskWorld(network=None)
    world.make_network("10.32.0.0/16")
    for number in range(3000):
        world.plant(f"10.32.{1 + number // 250}.{1 + number % 250}", f"old{number}")
    world.start_unsettled()
    world.land()
    (request,) = world.ask(world.an_allocate("c1", subnet="10.32.0.0/16"))
    world.settle()
    page = ["find fixedaddress"]
    assert world.described(1)[:5] == [page, ["find networkview"], page, ["find network"], page]
    assert address_of(world.answers[request]) == "10.32.0.1"
    assert world.noted("listed")[0].fields["allocations"] == 3000


def test_a_grid_that_forbids_everything_at_first_is_probed_for_requests_once_it_serves() -> None:
    world = DeskWorld()
    world.next_calls(FORBIDDEN, 6)
    world.start()
    world.advance(1000.0)
    world.add("c1", is_gateway=True)
    world.add("c2", is_gateway=True)
    assert world.desk.status(None, world.now_s).grid.mode == "request"
    assert set(world.pods()) == {"c1", "c2"}
    assert SUBNET in str(world.desk.status(None, world.now_s).networks)
