"""What the coordinator answers, what it costs, what the grid holds afterwards."""

from __future__ import annotations

from typing import Any

import pytest
from coordinator_world import SUBNET, World, address, code, given, is_released

from gridsim.faults import Faults
from gridsim.model import Grid
from protocol.messages import Declined

MAC = "02:00:00:00:00:01"


def test_the_first_pod_of_a_network_makes_network_and_gateway_in_few_calls() -> None:
    world = World()
    (answer,) = world.ask(world.allocate("a"))
    assert address(answer) == "10.55.0.2"
    assert world.calls <= 6
    assert [network["network"] for network in world.grid.objects("network")] == [SUBNET]


def test_warm_allocate_repeat_release_and_unknown_release_cost_what_was_promised() -> None:
    world = World()
    world.ask(world.allocate("a"))
    costs = []
    allocate = world.allocate("b")
    for message in (allocate, allocate, world.release("b"), world.release("nobody")):
        world.calls = 0
        world.ask(message)
        costs.append(world.calls)
    assert costs == [1, 0, 1, 1]
    assert sorted(world.held().values()) == ["a"]


def test_fifty_at_once_share_their_calls() -> None:
    world = World()
    world.ask(world.allocate("warm"))
    world.calls = 0
    answers = world.ask(*(world.allocate(f"c{n}", f"02:00:00:00:01:{n:02x}") for n in range(50)))
    assert len({address(answer) for answer in answers}) == 50
    assert world.calls <= 8
    world.calls = 0
    assert all(is_released(answer) for answer in world.ask(*(world.release(f"c{n}") for n in range(50))))
    assert world.calls <= 12
    assert list(world.held().values()) == ["warm"]


@pytest.mark.parametrize("mac", [MAC, None], ids=["with a MAC", "without"])
@pytest.mark.parametrize("trouble", ["lose request", "lose reply", "not sent"])
def test_a_create_of_unknown_outcome_leads_to_one_address(trouble: str, mac: str | None) -> None:
    world = World()
    world.ask(world.allocate("warm"))
    world.trouble = [trouble]
    world.ask(world.allocate("a", mac))
    world.pass_time(70)
    assert sorted(world.held().values()) == ["a", "warm"]
    assert [address(answer) for answer in world.answers if answer.id == "a2"] == ["10.55.0.3"]


def test_a_create_without_a_mac_is_not_repeated_before_the_first_can_have_been_committed() -> None:
    world = World()
    world.ask(world.allocate("warm"))
    world.trouble = ["lose request"]
    world.ask(world.allocate("a"))
    world.pass_time(29)
    assert list(world.held().values()) == ["warm"]
    world.pass_time(2)
    assert sorted(world.held().values()) == ["a", "warm"]


def test_a_decline_says_whether_something_may_still_come_of_what_was_sent() -> None:
    world = World()
    full = world.ask(*(world.allocate(f"c{n}", subnet="10.66.0.0/30") for n in range(2)))
    world.ask(world.allocate("warm"))
    world.trouble = ["lose request"]
    world.ask(world.allocate("a", budget_ms=5000))
    world.pass_time(6)

    declined = [answer for answer in [*full, *world.answers] if isinstance(answer, Declined)]
    assert [answer.settled for answer in declined] == [True, False]


@pytest.mark.parametrize("trouble", ["lose request", "lose reply", "not sent"])
def test_a_release_of_unknown_outcome_is_carried_out(trouble: str) -> None:
    world = World()
    world.ask(world.allocate("a"), world.allocate("b"))
    world.trouble = [trouble]
    world.ask(world.release("a"))
    world.pass_time(10)
    assert list(world.held().values()) == ["b"]
    assert is_released(world.answers[-1])


def test_a_resend_after_a_restart_finds_what_the_lost_answer_gave() -> None:
    world = World()
    world.ask(world.allocate("warm"))
    first = world.allocate("a", MAC)
    before = address(world.ask(first)[0])
    world.restart()
    (again,) = world.ask(first.model_copy(update={"attempt": 2, "first_sent_ms_ago": 900}))
    assert address(again) == before
    assert sorted(world.held().values()) == ["a", "warm"]


def test_an_overtaken_allocate_makes_no_address() -> None:
    world = World()
    world.ask(world.allocate("warm"))
    overtaken = world.allocate("a")
    assert is_released(world.ask(world.release("a"))[0])
    (answer,) = world.ask(overtaken)
    assert code(answer) == 11
    assert list(world.held().values()) == ["warm"]


def test_a_release_that_overtakes_an_allocate_in_its_call_frees_what_that_got() -> None:
    world = World()
    world.ask(world.allocate("warm"))
    world.say(world.allocate("a"))
    answers = world.ask(world.release("a"))
    assert [type(answer).__name__ for answer in answers] == ["Declined", "Released"]
    assert list(world.held().values()) == ["warm"]


def test_an_allocate_withdraws_the_release_that_still_waits_and_keeps_the_address() -> None:
    world = World(release_delay_s=30.0)
    first = address(world.ask(world.allocate("a"))[0])
    world.ask(world.release("a"))
    world.pass_time(5)
    assert given(world.ask(world.allocate("a"))) == first
    world.pass_time(120)
    assert world.held() == {first: "a"}


def test_a_released_address_rests_before_it_is_freed() -> None:
    world = World(release_delay_s=30.0)
    world.ask(world.allocate("a"))
    world.ask(world.release("a"))
    world.pass_time(29)
    assert list(world.held().values()) == ["a"]
    world.pass_time(2)
    assert world.held() == {}


def test_another_nodes_attachment_is_refused() -> None:
    world = World()
    world.ask(world.allocate("a"))
    world.greet("node-2")
    for message in (world.release("a"), world.allocate("a")):
        assert code(world.ask(message, node="node-2")[0]) == 101
    assert list(world.held().values()) == ["a"]


def test_a_mac_twice_becomes_a_reservation() -> None:
    world = World()
    answers = world.ask(world.allocate("a", MAC)) + world.ask(world.allocate("b", MAC))
    assert len({address(answer) for answer in answers}) == 2


def test_an_address_that_the_grid_forgot_is_not_given_to_another_pod() -> None:
    world = World()
    live = address(world.ask(world.allocate("a"))[0])
    (found,) = (each for each in world.grid.objects("fixedaddress") if each["ipv4addr"] == live)
    world.grid.delete(found["_ref"])
    assert address(world.ask(world.allocate("b"))[0]) != live
    assert world.held()[live] == "a"


def test_a_gateway_whose_reservation_was_deleted_is_not_given_to_a_pod() -> None:
    world = World()
    world.ask(world.allocate("a"))
    (gateway,) = (each for each in world.grid.objects("fixedaddress") if each["ipv4addr"] == "10.55.0.1")
    world.grid.delete(gateway["_ref"])
    assert address(world.ask(world.allocate("b"))[0]) == "10.55.0.3"
    assert "10.55.0.1" not in world.held()


def test_a_full_network_of_fifty_is_answered_in_few_calls() -> None:
    world = World()
    small = "10.66.0.0/30"
    world.ask(world.allocate("a", subnet=small))
    world.calls = 0
    answers = world.ask(*(world.allocate(f"c{n}", subnet=small) for n in range(50)))
    assert {code(answer) for answer in answers} == {11}
    assert world.calls <= 6


def test_the_last_addresses_go_to_as_many_as_there_are() -> None:
    world = World()
    answers = world.ask(*(world.allocate(f"c{n}", subnet="10.66.0.0/29") for n in range(8)))
    assert sum(type(answer).__name__ == "Allocated" for answer in answers) == 5
    assert len(world.held()) == 5


def test_an_exhausted_network_takes_the_oldest_delayed_release_first() -> None:
    world = World(release_delay_s=30.0)
    small = "10.66.0.0/29"
    addresses = [address(each) for each in world.ask(*(world.allocate(f"c{n}", subnet=small) for n in range(5)))]
    world.ask(world.release("c1"))
    world.pass_time(1)
    world.ask(world.release("c2"))
    assert given(world.ask(world.allocate("new", subnet=small))) == addresses[1]
    assert "c2" in world.held().values()


def test_somebody_elses_network_is_refused_with_the_attributes_to_set() -> None:
    world = World()
    world.grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "printers"}}})
    (answer,) = world.ask(world.allocate("a"))
    assert code(answer) == 7
    assert "Tenant ID" in answer.details  # type: ignore[attr-defined]
    assert "printers" in answer.details  # type: ignore[attr-defined]


def test_a_gateway_that_a_host_record_occupies_is_reserved_already() -> None:
    world = World()
    world.grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "pods"}}})
    host = {"name": "router", "ipv4addrs": [{"ipv4addr": "10.55.0.1"}], "configure_for_dns": False}
    world.grid.create("record:host", host)
    assert address(world.ask(world.allocate("a"))[0]) == "10.55.0.2"


READINGS: list[dict[str, Any]] = [
    {"request_atomicity": "stop"},
    {"request_atomicity": "continue"},
    {"request_sees_earlier": False},
    {"request_status": 200},
    {"request_reply": "object"},
    {"get_element": "object"},
    {"get_element": "flattened"},
    {"no_hit": "404"},
    {"no_hit": "literal"},
    {"no_hit": "previous"},
    {"negative_max_results_in_request": False},
    {"unknown_view_search": "empty"},
    {"reservation_mac": "absent"},
    {"user_kind": "no-request"},
    {"user_kind": "cloud"},
]


@pytest.mark.parametrize("reading", READINGS, ids=str)
def test_the_outcome_is_the_same_whichever_way_the_grid_is_read(reading: dict[str, Any]) -> None:
    world = World(Grid(faults=Faults(**reading)))
    same_mac = [world.allocate(f"c{n}", MAC) for n in range(3)]
    world.ask(*same_mac, *(world.allocate(f"d{n}") for n in range(7)))
    world.pass_time(100)
    assert len(set(world.held())) == 10
    released = ["c0", "c1", "d0", "d1", "nobody", "nothing"]
    world.ask(*(world.release(name) for name in released))
    world.pass_time(200)
    assert sorted(world.held().values()) == ["c2", "d2", "d3", "d4", "d5", "d6"]
