"""People edit our objects, restore them, copy them: each gets its own id back, and no claim waits for ever."""

import pytest
from machine_world import CLUSTER, Fate, World
from test_coordinator_machine import LABEL, claim, connected

from coordinator.grid import comment
from coordinator.grid.comment import MachinePart
from coordinator.grid.exchange import RefusedError
from coordinator.grid.operations import is_write
from coordinator.grid.refusals import Kind, Refusal
from gridsim.database import calls
from protocol.wire import messages
from protocol.wire.allocation_id import Owner


def edit(world, address, **fields):
    """Somebody edits the object at an address in the grid's user interface."""
    query = [("ipv4addr", address)]
    (hit,) = world.grid.call(calls.Call("GET", "fixedaddress", query, None)).body
    assert world.grid.call(calls.Call("PUT", hit["_ref"], [], fields)).status == 200


def plant(world, address, *, said: str, allocation: str = ""):
    """An object whose comment names an id, with another id or none."""
    eas = {"extattrs": {"Allocation ID": {"value": allocation}}} if allocation else {}
    text = comment.write("shop/web-1 on node-1", MachinePart(said)) if said else "a printer"
    world.grid.create("fixedaddress", {"ipv4addr": address, "match_client": "RESERVED", "comment": text, **eas})


def comments(world):
    query = [("_return_fields", "ipv4addr,comment")]
    found = world.grid.call(calls.Call("GET", "fixedaddress", query, None)).body
    return {each["ipv4addr"]: each.get("comment", "") for each in found}


def held(world, **who):
    """An agent that holds an address."""
    agent = connected(world, **who)
    agent.ask(label=LABEL)
    return agent, agent.told()


def sweep(world, *agents):
    """A sweep, while the agents ping."""
    for agent in agents:
        agent.stays(20.0)
    for agent in agents:
        agent.say(messages.Ping(id="ping"))
    world.passes(15.0)


def a_world() -> World:
    return World(sweep_interval_s=30.0)


def test_an_object_that_has_lost_its_id_gets_it_back_and_keeps_its_label():
    world = a_world()
    agent, told = held(world)
    edit(world, told.address, extattrs={})
    assert world.objects() == {}
    sweep(world, agent)
    assert world.objects() == {told.allocation: told.address}
    assert not agent.take(messages.Lost)


def test_an_edited_object_gets_the_id_of_its_own_comment_back_which_may_be_another():
    world = a_world()
    agent, told = held(world)
    other = str(agent.owner.draw("e" * 12))
    world.delete_by_admin(told.address)
    plant(world, told.address, said=other)
    sweep(world, agent)
    assert world.objects() == {other: told.address}
    (whose,) = agent.take(messages.Whose)
    assert whose.allocations == [other]
    agent.say(messages.Answer(id=whose.id, mine=[], disowned=[other]))
    sweep(world, agent)
    assert world.objects() == {told.allocation: told.address}
    assert not agent.take(messages.Lost)


def test_an_occupant_that_its_journal_calls_its_own_makes_the_claim_lost():
    world = a_world()
    agent, told = held(world)
    other = str(agent.owner.draw("e" * 12))
    world.delete_by_admin(told.address)
    plant(world, told.address, said=other, allocation=other)
    sweep(world, agent)
    whose = agent.take(messages.Whose)[-1]
    agent.say(messages.Answer(id=whose.id, mine=[other], disowned=[]))
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == told.allocation
    assert told.allocation not in world.machine.sessions.claims_at(told.view, told.address)


def test_an_occupant_that_is_adopted_while_a_claim_waits_for_its_place_makes_the_claim_lost():
    world = a_world()
    agent, told = held(world)
    owner = agent.owner
    orphan = str(Owner(owner.cluster, owner.node, owner.machine, owner.boot, owner.driver, "9" * 8).draw("e" * 12))
    world.delete_by_admin(told.address)
    plant(world, told.address, said=orphan)
    sweep(world, agent)
    assert orphan in world.objects()
    sweep(world, agent)
    sweep(world, agent)
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == told.allocation


def test_a_copy_that_names_an_id_which_is_in_use_elsewhere_is_somebody_elses():
    world = a_world()
    agent, told = held(world)
    agent.ask(label=LABEL)
    second = agent.told()
    world.delete_by_admin(told.address)
    plant(world, told.address, said=second.allocation)
    sweep(world, agent)
    assert world.objects() == {second.allocation: second.address}
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == told.allocation


FOREIGN = str(Owner("0" * 12, "1" * 16, "2" * 8, "3" * 8, "4" * 4, "5" * 8).draw("e" * 12))


@pytest.mark.parametrize(
    ("said", "allocation"), [(FOREIGN, FOREIGN), (FOREIGN, ""), ("", ""), ("", "no id at all")]
)
def test_an_occupant_of_somebody_else_makes_the_claim_lost(said, allocation):
    world = a_world()
    agent, told = held(world)
    world.delete_by_admin(told.address)
    plant(world, told.address, said=said, allocation=allocation)
    sweep(world, agent)
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == told.allocation
    assert "lost" in world.notes


def test_a_claim_that_was_lost_is_none_after_the_next_hello_either():
    world = a_world()
    agent, told = held(world)
    world.delete_by_admin(told.address)
    world.create_by_admin(told.address)
    sweep(world, agent)
    assert agent.take(messages.Lost)
    agent.hello(claims=[claim(told)])
    sweep(world, agent)
    (lost,) = agent.take(messages.Lost)
    assert lost.allocation == told.allocation


def test_a_label_that_was_edited_away_is_asked_for_and_written_again():
    world = a_world()
    agent, told = held(world)
    edit(world, told.address, extattrs={"Allocation ID": {"value": told.allocation}}, comment="")
    sweep(world, agent)
    (please,) = agent.take(messages.PleaseLabel)
    assert please.allocations == [told.allocation]
    agent.label(told.allocation, LABEL)
    assert agent.take(messages.Labelled)
    assert told.allocation in comments(world)[told.address]


def test_a_repaired_object_is_labelled_again():
    world = a_world()
    agent, told = held(world)
    world.delete_by_admin(told.address)
    sweep(world, agent)
    assert world.objects() == {told.allocation: told.address}
    please = agent.take(messages.PleaseLabel)[0]
    assert please.allocations == [told.allocation]
    assert CLUSTER in told.allocation


def test_an_orphan_whose_id_was_away_is_offered_when_it_is_back():
    world = a_world()
    _, told = held(world)
    world.write_id_by_admin(told.address, "edited")
    after = connected(world, journal="6" * 8)
    assert not [row for orphans in after.take(messages.Orphans) for row in orphans.rows]

    world.write_id_by_admin(told.address, told.allocation)
    sweep(world, after)

    (row,) = [row for orphans in after.take(messages.Orphans) for row in orphans.rows]
    assert row.allocation == told.allocation


def test_an_orphan_whose_address_was_given_again_while_others_were_searched_is_not_offered():
    world = a_world()
    agent, told = held(world)
    left = agent.ask(label=LABEL)
    other = connected(world, node="node-2")
    takes_all, given = world._transport, []

    def takes_one(http, read_timeout_s):
        if isinstance(http.body, list) and len(http.body) > 1:
            raise RefusedError(Refusal(Kind.TOO_BIG, "HTTP status 413"))
        return takes_all(http, read_timeout_s)

    def fate(call):
        """An ask comes while the first orphan is searched; before it is granted, the orphan is deleted."""
        if any(map(is_write, call.operations)):
            world.delete_by_admin(told.address)
        elif not given and len(call.operations) == 1:
            given.append(other.ask())
        return Fate.ANSWERED

    world._transport, world.fate = takes_one, fate
    after = connected(world, journal="6" * 8)

    assert world.objects()[given[0]] == told.address
    assert [row.allocation for orphans in after.take(messages.Orphans) for row in orphans.rows] == [left]
    assert list(world.machine.sessions.claims_at(told.view, told.address)) == given
