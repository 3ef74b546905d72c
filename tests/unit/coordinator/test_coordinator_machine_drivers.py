"""Several agents of one node, one for each driver name: none of them throws another out."""

from machine_world import NETWORK, Agent, World

from protocol.wire import messages, values

DRIVERS = ("infoblox", "infoblox-fast")
LABEL = values.Label(container_id="c1", ifname="eth0", pod="web", pod_namespace="shop")


def connected(world: World, driver: str, **who: str) -> Agent:
    agent = world.agent(driver=driver, journal=f"{1 + DRIVERS.index(driver)}" * 8, **who)
    agent.hello()
    return agent


def test_sixty_pods_of_two_drivers_need_one_hello_each():
    world = World()
    agents = [connected(world, driver) for driver in DRIVERS]
    held: dict[str, str] = {}
    for _ in range(30):
        for agent in agents:
            agent.ask(label=LABEL)
            told = agent.told()
            held[told.allocation] = told.address
    assert len(set(held.values())) == 60
    assert world.objects() == held
    agents[0].stays(700.0)
    for agent in agents:
        agent.say(messages.Ping(id="ping"))
        assert not agent.take(messages.HelloFirst)
        assert not agent.take(messages.Notice)
    assert len(world.machine.sessions) == 2


def test_an_agent_that_comes_again_replaces_its_own_session_alone():
    world = World()
    one, other = (connected(world, driver) for driver in DRIVERS)
    other.ask()
    told = other.told()
    after = connected(world, one.driver)
    assert not after.take(messages.Orphans)[0].rows
    assert not after.take(messages.Whose)
    sessions = world.machine.sessions.of_node("node-1")
    assert {each.connection for each in sessions} == {after.connection, other.connection}
    assert [each.claims.keys() for each in sessions if each.driver == other.driver] == [{told.allocation}]


def test_what_the_agent_of_another_driver_has_left_is_nobody_elses():
    world = World()
    left = connected(world, DRIVERS[1]).ask()
    world.restart()
    other = connected(world, DRIVERS[0])
    assert not other.take(messages.Orphans)[0].rows
    other.let_go(left)
    other.stays(700.0)
    assert left in world.objects()
    assert "not_yours" in world.notes


def test_a_boot_ends_for_all_its_drivers():
    world = World()
    for driver in DRIVERS:
        connected(world, driver).ask()
    assert len(world.objects()) == 2
    after = connected(world, DRIVERS[0], boot="4" * 8)
    after.stays(61.0)
    (probe,) = after.take(messages.Probe)
    after.say(messages.ProbeAnswer(id="alive", nonce=probe.nonce))
    assert world.objects() == {}
    assert [each.connection for each in world.machine.sessions.of_node("node-1")] == [after.connection]


def test_claims_are_bounded_for_each_agent():
    world = World(allocations_max=2)
    agents = [connected(world, driver) for driver in DRIVERS]
    for agent in agents:
        agent.ask()
        agent.ask()
        assert len(agent.take(messages.Allocated)) == 2
        agent.ask()
        assert agent.take(messages.Declined)


def test_each_agent_has_a_reserve_of_its_own():
    world = World(reserve=2)
    agents = [connected(world, driver) for driver in DRIVERS]
    for _ in range(2):
        for agent in agents:
            agent.ask(for_reserve=True)
            assert agent.told()
    ready = world.machine.sessions.ready_by_agent("default", NETWORK.subnet or "")
    assert list(ready.values()) == [2, 2]
    agents[0].ask(for_reserve=True)
    assert agents[0].take(messages.Declined)
