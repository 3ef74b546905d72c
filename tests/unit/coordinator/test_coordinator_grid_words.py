"""What the grid means: containers, missing permissions, objects that are there twice, or hidden."""

import pytest
from machine_world import CLUSTER, NETWORK, World
from test_coordinator_machine import LABEL, connected

from gridsim import calls
from gridsim.model import Grid
from protocol.wire import messages

SUBNET = NETWORK.subnet


def a_world(*, has_network: bool = True, **policy):
    """A world with a network that pods may use, or without any."""
    grid = Grid()
    if has_network:
        grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": "pods"}}})
    world = World(grid=grid, **policy)
    return world, connected(world)


def declined(agent):
    """The words and the code with which an ask was refused."""
    agent.ask(label=LABEL)
    (answer,) = agent.take(messages.Declined)
    return answer.msg, answer.code


@pytest.mark.parametrize("may_create", [True, False])
def test_a_subnet_that_is_a_container_is_told_as_that(may_create):
    world, agent = a_world(has_network=False, may_create_networks=may_create)
    world.grid.create("networkcontainer", {"network": SUBNET})
    before = world.calls
    text, code = declined(agent)
    assert (code, "is a network container in view 'default'" in text) == (7, True)
    assert world.calls - before <= 4
    assert world.grid.call(calls.Call("GET", "network", [], None)).body == []


def test_a_network_that_the_user_does_not_see_is_told_as_that():
    world, agent = a_world()
    world.grid.faults = world.grid.faults.changed({"invisible": "network"})
    text, code = declined(agent)
    assert code == 118
    assert f"the grid has network {SUBNET} of view default already, but does not show it" in text


def test_a_permission_that_is_missing_is_named_with_what_was_to_be_done():
    world, agent = a_world(has_network=False)
    world.grid.faults = world.grid.faults.changed({"no_permission": "network"})
    assert declined(agent) == (f"user 'pods' has no permission in the grid to create network {SUBNET}", 118)


def test_a_network_that_is_seen_but_has_no_parent_for_addresses_lacks_a_permission():
    world, agent = a_world()
    world.grid.faults = world.grid.faults.changed({"no_permission": "fixedaddress"})
    text, code = declined(agent)
    assert (code, f"the grid shows network {SUBNET} to user 'pods'" in text) == (118, True)
    world.grid.faults = world.grid.faults.changed({"no_permission": ""})
    agent.ask(label=LABEL)
    assert agent.told()


def make_multiple(grid: Grid, name: str) -> None:
    """Let an attribute have several values."""
    query = [("name", name), ("_return_fields", "flags")]
    (found,) = grid.call(calls.Call("GET", "extensibleattributedef", query, None)).body
    flags = {"flags": found.get("flags", "") + "V"}
    assert grid.call(calls.Call("PUT", found["_ref"], [], flags)).status == 200


def test_one_of_several_values_of_an_attribute_counts():
    grid = Grid()
    make_multiple(grid, "Network Name")
    grid.create("network", {"network": SUBNET, "extattrs": {"Network Name": {"value": ["printers", "pods"]}}})
    agent = connected(World(grid=grid))
    agent.ask(label=LABEL)
    assert agent.told()


def test_two_objects_of_one_id_are_an_alarm_and_neither_is_deleted():
    world, agent = a_world()
    agent.ask(label=LABEL)
    told = agent.told()
    twin = {"Allocation ID": {"value": told.allocation}}
    world.grid.create("fixedaddress", {"ipv4addr": "10.55.0.99", "match_client": "RESERVED", "extattrs": twin})
    agent.let_go(told.allocation, was_held=False)
    agent.stays(100.0)
    assert "identity_not_unique" in world.notes
    assert not agent.take(messages.Gone)
    assert told.allocation.startswith(CLUSTER)
    world.delete_by_admin("10.55.0.99")
    agent.stays(130.0)
    assert world.objects() == {}
    assert agent.take(messages.Gone)
