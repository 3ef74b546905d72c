"""What one node says, or a person edits, costs no other node its address, and stops no network for ever."""

import gc
from types import FunctionType, ModuleType

from machine_world import NETWORK, Fate, World
from test_coordinator_machine import LABEL, claim, connected, reserved

from coordinator.grid.operations import Create
from coordinator.nodes.events import Received
from gridsim.database import calls
from protocol.wire import messages, values

TINY = {"subnet": "10.56.0.0/29", "name": "tiny"}


def held(world, **who):
    """An agent that holds an address."""
    agent = connected(world, **who)
    agent.ask(label=LABEL)
    return agent, agent.told()


def move(world, address: str, to: str) -> None:
    """Somebody gives an object another address in the grid's user interface."""
    query = [("ipv4addr", address)]
    (hit,) = world.grid.call(calls.Call("GET", "fixedaddress", query, None)).body
    assert world.grid.call(calls.Call("PUT", hit["_ref"], [], {"ipv4addr": to})).status == 200


def parked(world):
    """A claim whose place one of our objects has that nobody claims: the agent, and the object's id."""
    agent, told = held(world)
    occupant = str(agent.owner.draw("e" * 12))
    world.delete_by_admin(told.address)
    world.grid.create("fixedaddress", reserved(told.address, occupant))
    agent.stays(700.0)
    assert occupant in world.objects()
    return agent, told, occupant


def test_no_node_answers_for_an_id_of_another():
    world = World()
    agent, told, occupant = parked(world)
    stranger = connected(world, node="node-2")
    stranger.say(messages.Answer(id="a", mine=[occupant], disowned=[]))
    assert not agent.take(messages.Lost)
    assert told.allocation in world.machine.sessions.claims_at(told.view, told.address)


def test_a_claim_is_put_back_when_somebody_else_has_deleted_what_had_its_place():
    world = World()
    agent, told, _ = parked(world)
    world.delete_by_admin(told.address)
    agent.stays(700.0)
    assert world.objects() == {told.allocation: told.address}


def test_a_claim_whose_object_was_moved_is_lost_and_stops_no_add():
    world = World()
    agent, told = held(world)
    move(world, told.address, "10.55.0.99")
    asker = connected(world, node="node-2")
    asker.let_go(asker.ask(), was_held=False)
    assert asker.take(messages.Unknown)
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [told.allocation]
    asker.ask()
    assert asker.told()


def test_a_sweep_sees_that_the_object_of_a_claim_was_moved():
    world = World()
    agent, told = held(world)
    move(world, told.address, "10.55.0.99")
    agent.stays(700.0)
    assert [lost.allocation for lost in agent.take(messages.Lost)] == [told.allocation]


def also_claims(world, told, **who):
    """An agent whose journal claims an address of another's, as it once was told; returns it with its claim."""
    agent = world.agent(**who)
    allocation = str(agent.owner.draw("d" * 12))
    seal = world.machine._sealer.seal(allocation, told.view, told.address)
    return agent, claim(told.model_copy(update={"allocation": allocation, "seal": seal}))


def test_who_comes_later_to_an_address_that_the_grid_has_forgotten_takes_it_from_nobody():
    world = World()
    agent, told = held(world)
    late, row = also_claims(world, told, node="node-2")
    world.delete_by_admin(told.address)
    late.hello(claims=[row])
    assert [lost.allocation for lost in late.take(messages.Lost)] == [row.allocation]
    assert not agent.take(messages.Lost)
    assert world.objects() == {told.allocation: told.address}


def test_a_claim_of_a_silent_node_keeps_no_later_one_from_its_address():
    world = World()
    gone, told = held(world)
    late, row = also_claims(world, told, node="node-2")
    world.passes(60.0)
    world.delete_by_admin(told.address)
    late.hello(claims=[row])
    assert not late.take(messages.Lost)
    assert [lost.allocation for lost in gone.take(messages.Lost)] == [told.allocation]
    assert world.objects() == {row.allocation: told.address}


def test_a_failed_search_takes_no_claim_from_a_silent_node():
    world = World()
    silent, asker = connected(world), connected(world, node="node-2")
    silent.ask(label=LABEL)
    told = silent.told()
    asker.stays(40.0)
    world.delete_by_admin(told.address)
    asker.let_go(asker.ask(), was_held=False)
    asker.take(messages.Unknown)
    silent_claims = world.machine.sessions.claims_at(told.view, told.address)
    assert told.allocation in silent_claims
    copy = reserved("10.55.0.70", told.allocation)
    world.grid.create("fixedaddress", copy)
    world.machine._repairs.forgot(world.machine.index.get(told.allocation), world.now_s)
    asker.say(messages.Ping(id="p"))
    world.passes(5.0)
    assert told.allocation in world.machine.sessions.claims_at(told.view, told.address)


def during_next_create(world, happens, then=Fate.ANSWERED):
    """Something happens while the next create is at the grid, which then meets this fate."""

    def fate(call):
        if not any(isinstance(each, Create) for each in call.operations):
            return Fate.ANSWERED
        world.fate = lambda _: Fate.ANSWERED
        happens()
        return then

    world.fate = fate


def test_nothing_more_is_made_for_an_ask_that_was_let_go_while_its_call_was_under_way():
    world = World()
    agent, other = connected(world), connected(world, node="node-2")
    for _ in range(6):
        other.ask(**TINY)
    ready = claim(other.take(messages.Allocated)[0], values.State.READY)
    other.hello(claims=[ready.model_copy(update={"network_name": TINY["name"]})])
    allocation = str(agent.owner.draw("d" * 12))
    ask = messages.Allocate(
        id="ask",
        wants=[values.Want(allocation=allocation, network=NETWORK.model_copy(update=TINY))],
        budget_ms=50_000,
        label=LABEL,
    )
    during_next_create(world, lambda: agent.let_go(allocation, was_held=False))
    agent.say(ask)
    other.let_go(ready.allocation, was_held=False)
    world.passes(5.0)
    assert allocation not in world.objects()
    assert not agent.take(messages.Allocated)


def test_an_id_is_used_once_even_while_what_it_was_asked_for_is_under_way():
    world = World()
    first, again = connected(world), world.agent()
    allocation = str(first.owner.draw("d" * 12))
    ask = messages.Allocate(
        id="ask", wants=[values.Want(allocation=allocation, network=NETWORK)], budget_ms=50_000, label=LABEL
    )

    def ask_again():
        again.hello()
        again.say(ask)

    during_next_create(world, ask_again)
    first.say(ask)
    assert len(world.search()) == len(world.objects()) == 1
    assert again.take(messages.Declined)


def test_a_claim_that_names_another_network_stops_no_add():
    world = World()
    agent, told = held(world)
    world.delete_by_admin(told.address)
    world.restart()
    agent.hello(claims=[claim(told).model_copy(update={"subnet": "10.55.0.0/25"})])
    assert world.objects() == {}
    asker = connected(world, node="node-2")
    asker.let_go(asker.ask(), was_held=False)
    assert asker.take(messages.Unknown)
    assert world.objects() == {told.allocation: told.address}
    asker.ask()
    assert asker.told()


def test_a_boot_that_says_hello_and_nothing_more_is_not_silent():
    world = World()
    begins, lives = world.agent(boot="4" * 8), world.agent()
    left = str(begins.owner.draw("d" * 12))
    world.grid.create("fixedaddress", reserved("10.55.0.77", left))
    world.start()
    lives.hello()
    for _ in range(20):
        lives.stays(10.0)
        begins.greet()
        for probe in lives.take(messages.Probe):
            lives.say(messages.ProbeAnswer(id="p", nonce=probe.nonce))
    assert left in world.objects()
    for _ in range(20):
        lives.stays(10.0)
        for probe in lives.take(messages.Probe):
            lives.say(messages.ProbeAnswer(id="p", nonce=probe.nonce))
    assert left not in world.objects()


def test_nobody_else_keeps_a_session_from_falling_silent():
    world = World()
    agent = connected(world)
    world.passes(25.0)
    world.feed(Received("node-2", agent.connection, messages.Ping(id="ping"), world.now_s))
    world.passes(10.0)
    (session,) = world.machine.sessions.of_node("node-1")
    assert session.is_silent(world.now_s)


def test_what_a_search_finds_in_another_network_is_told_to_nobody():
    world = World()
    agent = connected(world)
    world.grid.create("network", {"network": "10.57.0.0/24"})
    agent.ask(label=LABEL)
    agent.take(messages.Allocated)

    def moved(call):
        world.fate = lambda _: Fate.ANSWERED
        (found,) = [each for each in world.search() if each["ipv4addr"].endswith(".2")]
        move(world, found["ipv4addr"], "10.57.0.9")
        return Fate.ANSWERED

    def lost(call):
        world.fate = moved
        return Fate.REPLY_LOST

    world.fate = lost
    agent.ask(label=LABEL)
    assert not agent.take(messages.Allocated)
    assert agent.take(messages.Unknown)


def orphans(world, **changed):
    """What a journal is told of two that others have left, of which one was changed in the grid."""
    agent, before = world.agent(), world.agent(journal="9" * 8)
    for number in (1, 2):
        left = reserved(f"10.55.0.7{number}", str(before.owner.draw(f"{number}" * 12)))
        left["extattrs"] |= changed if number == 1 else {}
        world.grid.create("fixedaddress", left)
    world.start()
    agent.hello()
    return [row for page in agent.take(messages.Orphans) for row in page.rows]


def test_a_text_that_is_too_long_for_nodes_stops_no_coordinator():
    long, short = orphans(World(), **{"Network Name": {"value": "x" * 256}})
    assert (long.network_name, short.network_name) == ("x" * 253, "")


def test_an_id_that_the_grid_holds_twice_keeps_no_other_from_its_journal():
    world = World()
    twice = str(world.agent(journal="9" * 8).owner.draw("1" * 12))
    world.grid.create("fixedaddress", reserved("10.55.0.99", twice))
    assert [row.address for row in orphans(world)] == ["10.55.0.72"]


def kept(root) -> int:
    """How many objects a machine keeps."""
    known, todo = set(), [root]
    while todo:
        each = todo.pop()
        if id(each) in known or isinstance(each, type | ModuleType):
            continue
        known.add(id(each))
        todo += each.__closure__ or () if isinstance(each, FunctionType) else gc.get_referents(each)
    return len(known)


def test_what_a_hostile_node_invents_is_not_kept(monkeypatch):
    for place in ("coordinator.provision.readiness.NETWORKS_MAX", "coordinator.allocation.grants.NETWORKS_MAX"):
        monkeypatch.setattr(place, 16)
    world = World(may_create_networks=False)
    _, told = held(world)
    told_row = claim(told, values.State.READY)

    def invent(number: int) -> None:
        agent = world.agent(boot=f"{number:08x}", driver=f"driver-{number}", journal=f"{number:08x}")
        agent.hello()
        agent.ask(for_reserve=True, subnet=f"10.{number % 256}.0.0/24", view=f"v{number}")
        other = world.agent(boot=f"{number:08x}", driver=f"driver-{number}", journal=f"{number + 1:08x}")
        other.hello()
        liar = world.agent()
        liar.hello(claims=[told_row.model_copy(update={"subnet": f"10.{number % 256}.0.0/24"})])
        long = messages.Allocate(
            id="a",
            wants=[
                values.Want(
                    allocation=str(liar.owner.draw(world.draw())),
                    network=NETWORK.model_copy(update={"view": "nowhere"}),
                )
            ],
            budget_ms=2**53,
        )
        liar.say(long)
        world._agents.clear()
        world.passes(1.0)

    for number in range(1, 121):
        invent(number)
    before = kept(world.machine)
    for number in range(121, 241):
        invent(number)
    assert kept(world.machine) - before < 120


def test_asks_that_were_given_up_while_a_network_waits_for_the_grid_are_not_kept():
    world = World()
    _, told = held(world)
    asker = connected(world, node="node-2")
    world.delete_by_admin(told.address)

    def fate(call):
        is_create = any(isinstance(each, Create) for each in call.operations)
        return Fate.ANSWERED if is_create else Fate.DROPPED

    world.fate = fate
    asker.let_go(asker.ask(), was_held=False)
    assert "grid_forgot" in world.notes

    def asks_in_vain() -> None:
        for _ in range(10):
            asker.ask()
            asker.stays(70.0)
            asker.heard.clear()

    asks_in_vain()
    before = kept(world.machine)
    asks_in_vain()
    assert kept(world.machine) - before < 20


def test_a_network_that_the_grid_forgot_waits_for_no_node_that_has_fallen_silent():
    world = World()
    one, told = held(world)
    silent, third = connected(world, node="node-2"), connected(world, node="node-3")
    world.delete_by_admin(told.address)
    silent.ask()
    for _ in range(8):
        one.stays(5.0)
        third.stays(5.0)

    third.ask()

    assert third.told().address != told.address
