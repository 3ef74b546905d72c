"""Views, networks, gateways and attribute definitions are made ready, under whatever names the grid has."""

import pytest
from machine_world import NETWORK, World
from test_coordinator_machine import LABEL, connected

from coordinator.core.attributes import AttributeNames
from gridsim.database import calls
from gridsim.model import Grid
from protocol.wire import messages


def read(grid, kind, fields):
    reply = grid.call(calls.Call("GET", kind, [("_return_fields", fields)], None))
    assert reply.status == 200, reply
    return reply.body


def test_a_network_view_and_gateway_that_are_missing_are_made_and_say_by_whom():
    world = World(grid=Grid())
    agent = connected(world)
    agent.ask(view="blue", subnet="10.56.0.0/24", gateway="10.56.0.1", label=LABEL)
    assert agent.told().address == "10.56.0.2"
    (network,) = read(world.grid, "network", "network,comment,extattrs")
    assert network["comment"] == "made by cni-infoblox for cluster prod-1 (cluster=c0ffee000000)"
    assert network["extattrs"]["Network Name"]["value"] == "pods"
    assert "gateway" in world.names()


def test_a_network_that_may_not_be_made_is_refused_by_name():
    world = World(grid=Grid(), may_create_networks=False)
    agent = connected(world)
    agent.ask(subnet="10.56.0.0/24")
    (declined,) = agent.take(messages.Declined)
    assert (declined.code, "10.56.0.0/24" in declined.msg) == (7, True)


def test_somebody_elses_network_is_refused_with_the_attributes_to_set():
    grid = Grid()
    grid.create("network", {"network": NETWORK.subnet, "extattrs": {"Network Name": {"value": "printers"}}})
    agent = connected(World(grid=grid))
    agent.ask()
    (declined,) = agent.take(messages.Declined)
    assert declined.code == 7
    assert "'pods'" in declined.details
    assert "printers" in declined.details


def test_a_network_that_this_cluster_has_made_stays_its_own_under_another_cluster_name():
    grid = Grid()
    agent = connected(World(grid=grid))
    agent.ask()
    assert agent.told()
    (network,) = read(grid, "network", "network")
    body = {"extattrs": {"Tenant ID": {"value": "renamed"}}}
    assert grid.call(calls.Call("PUT", network["_ref"], [], body)).status == 200
    other = connected(World(grid=grid), node="node-2")
    other.ask(name="other pods")
    assert other.told()


def test_a_pod_of_ours_at_the_gateway_keeps_the_network_from_being_used():
    world = World()
    agent = connected(world)
    agent.ask(label=LABEL)
    pod = agent.told().address
    agent.ask(gateway=pod)
    (declined,) = agent.take(messages.Declined)
    assert declined.code == 7
    assert "shop/web-1" in declined.msg


def test_a_gateway_that_a_node_keeps_ready_is_asked_back_and_then_reserved():
    world = World()
    keeps, asks = connected(world), connected(world, node="node-2")
    keeps.ask(for_reserve=True)
    ready = keeps.told()
    asks.ask(gateway=ready.address)
    asks.ask(gateway=ready.address)
    declined = asks.take(messages.Declined)
    assert [each.code for each in declined] == [11, 11]
    (please,) = keeps.take(messages.PleaseLetGo)
    assert (please.subnet, please.count) == (ready.subnet, 1)
    keeps.let_go(ready.allocation, was_held=False)
    asks.ask(gateway=ready.address)
    assert asks.told().gateway == ready.address
    assert "gateway" in world.names()


def test_a_gateway_that_rests_after_its_pods_end_is_waited_for():
    world = World(release_delay_s=30.0)
    agent = connected(world)
    agent.ask(label=LABEL)
    pod = agent.told()
    agent.let_go(pod.allocation)
    agent.ask(gateway=pod.address)
    (declined,) = agent.take(messages.Declined)
    assert declined.code == 11
    agent.stays(31.0)
    agent.ask(gateway=pod.address)
    assert agent.told().gateway == pod.address


def test_a_gateway_that_a_node_keeps_ready_which_is_away_is_refused_by_the_nodes_name():
    world = World()
    keeps, asks = connected(world), connected(world, node="node-2")
    keeps.ask(for_reserve=True)
    ready = keeps.told()
    asks.stays(40.0)
    asks.ask(gateway=ready.address)
    (declined,) = asks.take(messages.Declined)
    assert (declined.code, "node node-1 keeps it ready" in declined.msg) == (7, True)
    assert not keeps.take(messages.PleaseLetGo)


@pytest.mark.parametrize("kind", ["host", "reservation"])
def test_a_gateway_that_anything_else_occupies_is_reserved_already(kind):
    world = World()
    if kind == "host":
        addresses = [{"ipv4addr": "10.55.0.1", "configure_for_dhcp": False}]
        world.grid.create("record:host", {"name": "router", "ipv4addrs": addresses, "configure_for_dns": False})
    else:
        world.create_by_admin("10.55.0.1")
    agent = connected(world)
    agent.ask(gateway="10.55.0.1")
    assert agent.told().address == "10.55.0.2"


def test_attributes_may_have_other_names_on_a_grid():
    names = AttributeNames.renamed(["Location=Pod Node", "Allocation ID=Pod Address ID"])
    world = World(grid=Grid(definitions="none"), names=names)
    agent = connected(world)
    agent.ask(label=LABEL)
    told = agent.told()
    (found,) = read(world.grid, "fixedaddress", "ipv4addr,extattrs")
    assert found["extattrs"]["Pod Node"]["value"] == "node-1"
    assert found["extattrs"]["Pod Address ID"]["value"] == told.allocation
    defined = {each["name"]: each["type"] for each in read(world.grid, "extensibleattributedef", "name,type")}
    assert defined == names.types()
    agent.let_go(told.allocation, was_held=False)
    assert agent.take(messages.Gone)


def test_somebody_elses_network_is_told_by_the_names_that_attributes_have_here():
    grid = Grid()
    for name in ("Net", "Owner", "Kind"):
        grid.create("extensibleattributedef", {"name": name, "type": "STRING"})
    grid.create("network", {"network": NETWORK.subnet, "extattrs": {"Network Name": {"value": "pods"}}})
    names = AttributeNames.renamed(["Network Name=Net", "Tenant ID=Owner", "CMP Type=Kind"])
    agent = connected(World(grid=grid, names=names))
    agent.ask()
    (declined,) = agent.take(messages.Declined)
    assert "Net to 'pods', or Owner to 'prod-1' with Kind 'Kubernetes'" in declined.details


MEMBERS = [{"_struct": "dhcpmember", "name": "gm.example.org"}]


@pytest.mark.parametrize("reservations_only", [False, True])
def test_a_network_that_dhcp_members_serve_is_used_and_told_with_the_remedies_once(reservations_only):
    grid = Grid()
    named = {"Network Name": {"value": "pods"}}
    grid.create("network", {"network": NETWORK.subnet, "extattrs": named, "members": MEMBERS})
    world = World(grid=grid, reservations_only=reservations_only, lookup_ttl_s=10.0)
    agent = connected(world)
    for _ in range(3):
        agent.ask(label=LABEL)
        assert agent.told()
        world.passes(11.0)
    assert world.notes.count("dhcp_members") == (0 if reservations_only else 1)
