"""Where a network has no address left, an ADD gets what other nodes keep ready before it is refused."""

from machine_world import World

from coordinator.allocation.shortage import ASKED_BACK_S, COMPARE_EVERY_S
from coordinator.nodes.sessions import SILENT_S
from coordinator.provision.readiness import BAD_NEWS_KEPT_S
from coordinator.sweep.comparison import Comparison
from protocol.wire import messages, values

TINY = {"subnet": "10.56.0.0/29", "name": "tiny"}


def connected(world, node="node-1"):
    agent = world.agent(node)
    agent.hello()
    return agent


def nodes_with_one_ready(world, *names):
    """Agents that have all that is left of a network, one ready allocation each."""
    agents = [connected(world, name) for name in names]
    for agent in agents:
        agent.ask(**TINY)
        agent.ready = claim_of(agent.told())
        agent.hello(claims=[agent.ready])
    return agents


def claim_of(told):
    return values.ClaimRow(
        allocation=told.allocation,
        view=told.view,
        subnet=told.subnet,
        network_name=TINY["name"],
        address=told.address,
        state=values.State.READY,
        seal=told.seal,
    )


def give_back(agent):
    """Do what the coordinator has asked for. Returns whether it has."""
    if not agent.take(messages.PleaseLetGo):
        return False
    agent.let_go(agent.ready.allocation, was_held=False)
    return True


def test_every_add_of_an_exhausted_network_gets_what_another_node_has_ready():
    world = World()
    asker = connected(world, "asker")
    ready = nodes_with_one_ready(world, "node-1", "node-2", "node-3")
    for _ in range(3):
        asker.ask(**TINY)
    assert len(asker.take(messages.Allocated)) == 3
    for _ in range(3):
        asker.ask(**TINY)
        assert [give_back(agent) for agent in ready].count(True) == 1
        assert asker.told()
    asker.ask(**TINY)
    assert asker.take(messages.Declined)


def test_adds_that_come_together_each_get_what_another_node_has_ready():
    world = World()
    asker = connected(world, "asker")
    ready = nodes_with_one_ready(world, "node-1", "node-2", "node-3")
    for _ in range(6):
        asker.ask(**TINY)
    assert [give_back(agent) for agent in ready] == [True, True, True]
    assert len(asker.take(messages.Allocated)) == 6


def test_a_node_that_does_not_answer_keeps_no_add_from_what_the_next_one_has_ready():
    world = World()
    asker = connected(world, "asker")
    dead, alive = nodes_with_one_ready(world, "dead", "node-2")
    for _ in range(4):
        asker.ask(**TINY)
    assert len(asker.take(messages.Allocated)) == 4
    asker.ask(**TINY)
    assert dead.take(messages.PleaseLetGo)
    assert not alive.take(messages.PleaseLetGo)
    world.passes(ASKED_BACK_S)
    assert give_back(alive)
    assert asker.told()


def test_the_error_of_an_exhausted_network_says_what_silent_nodes_keep_ready():
    world = World()
    asker = connected(world, "asker")
    nodes_with_one_ready(world, "node-1", "node-2")
    for _ in range(4):
        asker.ask(**TINY)
    asker.take(messages.Allocated)
    asker.stays(SILENT_S)
    asker.ask(**TINY)
    (declined,) = asker.take(messages.Declined)
    assert "2 are kept ready by nodes that are away" in declined.details


def test_an_exhausted_network_has_grid_and_journals_compared_once_a_minute(monkeypatch):
    compared = []
    monkeypatch.setattr(Comparison, "all", lambda _, now_s: compared.append(now_s))
    world = World()
    agent = connected(world)
    for _ in range(6):
        agent.ask(**TINY)
    compared.clear()
    for _ in range(2):
        agent.ask(**TINY)
        world.passes(BAD_NEWS_KEPT_S)
    assert len(compared) == 1
    agent.stays(COMPARE_EVERY_S)
    agent.ask(**TINY)
    assert len(compared) == 2
