"""How full a network is, when others have addresses in it, too; and what it costs to know."""

from __future__ import annotations

import pytest
from machine_world import NETWORK, Agent, Fate, World

from coordinator.grid.operations import Found, Search
from coordinator.sweep.fullness import NETWORKS_AT_ONCE
from coordinator.tasks.utilization_task import GridUse, UtilizationTask
from gridsim.reads import projection
from protocol.wire import messages
from protocol.wire.status import NetworkStatus

SWEEP_S = 600.0
NAMED = {"Network Name": {"value": "pods"}}


def connected(world: World) -> Agent:
    agent = world.agent()
    agent.hello()
    return agent


def only_network(world: World) -> NetworkStatus:
    (network,) = world.machine.status(None, world.now_s).networks
    return network


def sees(world: World) -> tuple[int, int | None, int | None, int | None]:
    network = only_network(world)
    return network.allocations, network.others, network.in_ranges, network.free


def test_addresses_of_others_and_dhcp_ranges_are_not_free():
    world = World()
    agent = connected(world)
    for _ in range(10):
        agent.ask()
    assert sees(world) == (10, None, None, 244)
    for host in range(100, 140):
        world.create_by_admin(f"10.55.0.{host}")
    world.grid.create("range", {"start_addr": "10.55.0.200", "end_addr": "10.55.0.249"})

    world.passes(SWEEP_S)

    assert sees(world) == (10, 40, 50, 154)
    assert only_network(world).read_s_ago == pytest.approx(0, abs=1)
    agent.ask()
    assert sees(world) == (11, 40, 50, 153)


def test_a_count_of_the_grid_that_lags_behind_our_own_makes_nobody_else_appear(monkeypatch: pytest.MonkeyPatch):
    world = World()
    agent = connected(world)
    asked = [agent.ask() for _ in range(50)]
    monkeypatch.setitem(projection._COMPUTED, "utilization", lambda *_: 10)
    world.passes(SWEEP_S)
    assert sees(world) == (50, 0, 0, 204)
    agent.let_go(*asked[1:], was_held=False)
    assert sees(world) == (1, 0, 0, 253)


def test_all_networks_are_read_in_one_call_after_a_sweep_and_never_between_two():
    world = World(reserve=0)
    agent = connected(world)
    for third in range(NETWORKS_AT_ONCE):
        subnet = f"10.66.{third}.0/24"
        world.grid.create("network", {"network": subnet, "extattrs": NAMED})
        agent.ask(subnet=subnet)
    reads: list[int] = []

    def watched(call: object) -> Fate:
        operations = getattr(call, "operations", ())
        kinds = [each.object_type for each in operations if isinstance(each, Search)]
        if "range" in kinds:
            reads.append(len(operations))
        return Fate.ANSWERED

    world.fate = watched  # type: ignore[assignment]
    agent.stays(SWEEP_S + 20)
    assert reads == [2 * NETWORKS_AT_ONCE]
    calls = world.calls
    agent.stays(SWEEP_S - 60)
    assert world.calls == calls
    assert all(each.others == 0 for each in world.machine.status(None, world.now_s).networks)


def test_a_read_that_fails_harms_nobody_and_the_next_sweep_makes_up_for_it():
    world = World(reserve=0)
    agent = connected(world)
    agent.ask()

    def lost(call: object) -> Fate:
        kinds = [getattr(each, "object_type", "") for each in getattr(call, "operations", ())]
        return Fate.DROPPED if "range" in kinds else Fate.ANSWERED

    world.fate = lost  # type: ignore[assignment]
    agent.stays(SWEEP_S + 60)
    assert sees(world) == (1, None, None, 253)
    agent.take(messages.Allocated)
    agent.ask()
    assert agent.told().subnet == NETWORK.subnet

    world.fate = lambda call: Fate.ANSWERED
    agent.stays(SWEEP_S)
    assert sees(world) == (2, 0, 0, 252)


def test_a_network_that_fills_says_when_it_will_be_empty():
    world = World(reserve=0)
    agent = connected(world)
    for _ in range(12):
        for _ in range(2):
            agent.ask()
        agent.stays(SWEEP_S)
    network = only_network(world)
    assert network.free == 254 - 24
    assert network.days_left == pytest.approx(230 / 288, rel=0.1)


@pytest.mark.parametrize("utilization", [None, "40", -1, 1001, 3.5])
def test_a_count_in_another_form_than_the_known_one_is_no_count(utilization: object):
    task = UtilizationTask([("default", "10.55.0.0/24")], "pods")
    network = {"_ref": "network/x", "network": "10.55.0.0/24", "utilization": utilization}
    assert task.answered([Found((network,)), Found(())], 0.0).by_place == {}
    known = task.answered([Found(({**network, "utilization": 400},)), Found(())], 0.0)
    assert known.by_place == {("default", "10.55.0.0/24"): GridUse(400, 0)}
