"""When an address is given back: after its rest, sooner where addresses are short, never far behind its time."""

from __future__ import annotations

from desk_world import DeskWorld, Setup, a_mac, address_of, has_released, refusal_of

from coordinator.lane.batch import OVERDUE_S
from coordinator.lookups import BAD_NEWS_KEPT_S
from gridsim.model import Grid
from protocol.messages import Allocated

SMALL = "10.66.0.0/29"
ROOM = 6
"""A /29 has six addresses; no gateway is asked for here."""

WIDE = "10.56.0.0/20"
BATCH = 32
FLOOD = 500


def a_full_network() -> DeskWorld:
    """Every address of a small network is held, by c0 to c5."""
    world = DeskWorld(network=SMALL).start()
    for number in range(ROOM):
        address_of(world.add(f"c{number}", subnet=SMALL))
    return world


def a_flooded_coordinator(releases: int) -> tuple[DeskWorld, list[str]]:
    """So many releases arrive at once, of which the first call is under way."""
    world = DeskWorld(Setup(release_delay_s=0.0, operations_max=BATCH), Grid(), WIDE).start()
    names = [f"c{number}" for number in range(releases)]
    world.ask(*(world.an_allocate(name, subnet=WIDE, mac=a_mac(n)) for n, name in enumerate(names)))
    world.settle()
    assert len(world.pods()) == releases
    return world, world.ask(*(world.a_release(name) for name in names))


def test_several_adds_in_a_full_network_get_the_addresses_that_rest_longest_in_the_call_that_frees_them() -> None:
    world = a_full_network()
    addresses = world.pods()
    for name in ("c4", "c1", "c3"):
        world.delete(name)
        world.advance(1)
    made = len(world.calls)
    new = world.ask(*(world.an_allocate(name, subnet=SMALL) for name in ("x", "y")))
    world.settle()
    given = {address_of(world.answers[request]) for request in new}
    assert given == {addresses["c4"], addresses["c1"]}
    freeing = next(call for call in world.described(made) if "delete c4" in call)
    assert freeing.index("delete c4") < min(freeing.index(each) for each in freeing if each.startswith("create"))


def test_a_release_in_a_network_known_to_be_full_does_not_rest() -> None:
    world = a_full_network()
    assert refusal_of(world.add("x", subnet=SMALL)) == ("try_again", 11)
    assert has_released(world.delete("c2"))
    assert "c2" not in world.pods()


def test_a_full_network_is_not_asked_again_for_five_seconds_then_by_one() -> None:
    world = a_full_network()
    world.add("x", subnet=SMALL)
    made = len(world.calls)
    for _ in range(10):
        assert refusal_of(world.add("x", subnet=SMALL))[1] == 11
    assert len(world.calls) == made
    world.advance(BAD_NEWS_KEPT_S)
    waiting = world.ask(*(world.an_allocate(f"w{number}", subnet=SMALL) for number in range(50)))
    world.settle()
    assert {refusal_of(world.answers[request])[1] for request in waiting} == {11}
    creates = [call for call in world.described(made) if any(each.startswith("create") for each in call)]
    assert [len(call) for call in creates] == [1]


def test_a_full_network_is_asked_again_at_once_when_an_address_came_back() -> None:
    world = a_full_network()
    address = world.pods()["c2"]
    assert refusal_of(world.add("x", subnet=SMALL))[1] == 11
    world.delete("c2")
    assert address_of(world.add("x", subnet=SMALL)) == address


def test_five_hundred_releases_do_not_put_adds_behind_them() -> None:
    world, _ = a_flooded_coordinator(FLOOD)
    made = len(world.calls)
    new = world.ask(*(world.an_allocate(f"new{n}", subnet=WIDE, mac=a_mac(900 + n)) for n in range(8)))
    world.land()
    world.land()
    assert all(isinstance(world.answers.get(request), Allocated) for request in new)
    assert len(world.calls) - made <= 2
    assert len(world.pods()) > FLOOD - 3 * BATCH


def test_releases_behind_an_endless_stream_of_adds_are_carried_out_when_they_are_overdue() -> None:
    world, releases = a_flooded_coordinator(BATCH)
    world.call_s = 0.5
    started_s, number = world.now_s, 1000
    while not all(has_released(world.answers.get(request)) for request in releases):
        names = range(number, number + BATCH)
        world.ask(*(world.an_allocate(f"c{n}", subnet=WIDE, mac=a_mac(n)) for n in names))
        number += BATCH
        world.land()
        assert world.now_s < started_s + OVERDUE_S + 4 * world.call_s
    assert world.now_s > started_s + OVERDUE_S
