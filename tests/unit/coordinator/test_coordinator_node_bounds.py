"""However a node names its boots, and whatever it keeps to itself, its objects in the grid are bounded."""

from machine_world import NETWORK, Agent, World
from test_coordinator_machine import claim

from coordinator.nodes.events import Received
from protocol.wire import messages, values

LIMIT = 3
MOST = 2 * LIMIT


def small(**policy) -> World:
    return World(allocations_max=LIMIT, reserve=0, **policy)


def greedy(world: World, **who) -> Agent:
    """An agent that claims nothing in its hello, and then asks as long as it gets anything."""
    agent = world.agent(**who)
    agent.hello()
    for _ in range(MOST):
        agent.ask()
    return agent


def boot(number: int) -> dict[str, str]:
    """A machine in a boot, with a journal of its own."""
    return {"machine": f"{number:08x}", "boot": f"{number:08x}", "journal": f"{number + 1:08x}"}


def an_ask(agent: Agent, number: int) -> messages.Allocate:
    allocation = str(agent.owner.draw(f"{number:012x}"))
    return messages.Allocate(
        id=f"a{number}", wants=[values.Want(allocation=allocation, network=NETWORK)], budget_ms=50_000
    )


def answer_mine(world: World) -> None:
    """Everything that anybody is asked about is its own."""
    for agent in world.agents:
        for asked in agent.take(messages.Whose):
            agent.say(messages.Answer(id=asked.id, mine=asked.allocations, disowned=[]))


def test_a_node_that_claims_nothing_and_calls_all_its_own_gets_no_more_than_twice_its_limit():
    world = small()
    for _ in range(4):
        greedy(world)
        answer_mine(world)
        world.passes(700.0)
    assert len(world.objects()) == MOST
    (*_, declined) = greedy(world).take(messages.Declined)
    assert declined.kind is messages.DeclineKind.TRY_AGAIN
    assert f"{MOST} addresses of node node-1" in declined.msg
    neighbour = world.agent("node-2", machine="7" * 8)
    neighbour.hello()
    neighbour.ask()
    neighbour.told()


def test_a_node_that_invents_boots_gets_no_more_than_twice_its_limit():
    world = small()
    for number in range(4):
        greedy(world, **boot(number))
    assert len(world.objects()) == MOST


def test_asks_of_many_boots_that_share_a_call_get_no_more_than_twice_the_limit():
    world = small()
    warm_up = greedy(world, node="node-2", machine="7" * 8)
    assert warm_up.take(messages.Allocated)
    agents = [world.agent(**boot(number)) for number in range(4)]
    for agent in agents:
        agent.hello()
    asks = [
        Received(agent.node, agent.connection, an_ask(agent, number), world.now_s)
        for agent in agents
        for number in range(LIMIT)
    ]
    world.feed(*asks)
    assert sum(len(agent.take(messages.Allocated)) for agent in agents) == MOST
    assert sum(len(agent.take(messages.Declined)) for agent in agents) == len(asks) - MOST


def test_claims_of_many_boots_that_the_grid_lacks_are_put_back_up_to_the_bound_alone():
    world = small()
    claims = {}
    for number in range(4):
        agent = greedy(world, **boot(number))
        told = agent.take(messages.Allocated)
        assert len(told) == LIMIT
        claims[number] = [claim(each) for each in told]
        agent.let_go(*(each.allocation for each in told), was_held=False)
        for each in told:
            world.create_by_admin(each.address)  # else the next boot gets it, too
    assert world.objects() == {}
    for rows in claims.values():
        for row in rows:
            world.delete_by_admin(row.address)
    for number, rows in claims.items():
        world.agent(**boot(number)).hello(claims=rows)
    world.passes(700.0)
    assert len(world.objects()) == MOST
    assert "repair_not_allowed" in world.notes


def test_after_a_reboot_a_full_node_gets_all_its_addresses_at_once():
    world = small()
    before = world.agent()
    before.hello()
    for _ in range(LIMIT):
        before.ask()
    assert len(before.take(messages.Allocated)) == LIMIT
    after = world.agent(boot="4" * 8, journal="6" * 8)
    after.hello()
    for _ in range(LIMIT):
        after.ask()
    assert len(after.take(messages.Allocated)) == LIMIT
    assert len(world.objects()) == MOST
    after.stays(61.0)
    (probe,) = after.take(messages.Probe)
    after.say(messages.ProbeAnswer(id="alive", nonce=probe.nonce))
    assert len(world.objects()) == LIMIT


def test_a_full_node_may_start_each_of_its_pods_anew_while_their_addresses_rest():
    world = small(release_delay_s=30.0)
    agent = world.agent()
    agent.hello()
    for _ in range(LIMIT):
        agent.ask()
    first = [each.allocation for each in agent.take(messages.Allocated)]
    agent.let_go(*first)
    for _ in range(LIMIT):
        agent.ask()
    assert len(agent.take(messages.Allocated)) == LIMIT
