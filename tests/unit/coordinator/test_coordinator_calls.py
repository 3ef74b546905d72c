"""Few calls: what each thing that nodes ask for costs at the grid."""

from machine_world import NETWORK, Fate, World
from test_coordinator_machine import connected

from coordinator.allocation.asks import ASKS_OF_NODE_MAX
from coordinator.grid.operations import ReadPage
from coordinator.lane.task import COMPANY_S
from coordinator.machine import Received
from coordinator.sweep.sweeper import FIRST_AFTER_S
from gridsim.model import Grid
from protocol.wire import messages, values
from protocol.wire.values import Label

WIDE = "10.56.0.0/21"


def a_label(number: int) -> Label:
    mac = f"0a:58:0a:38:{number >> 8:02x}:{number & 255:02x}"
    return Label(container_id=f"c{number}", ifname="eth0", pod=f"web-{number}", pod_namespace="shop", mac=mac)


def an_ask(world, agent, number: int, *, for_reserve: bool = False, subnet: str = NETWORK.subnet) -> Received:
    """One of many that arrive together."""
    message = messages.Allocate(
        id=f"ask-{number}",
        wants=[
            values.Want(
                allocation=str(agent.owner.draw(world.draw())),
                network=NETWORK.model_copy(update={"subnet": subnet}),
            )
        ],
        budget_ms=50_000,
        for_reserve=for_reserve,
        label=None if for_reserve else a_label(number),
    )
    return Received(agent.node, agent.connection, message, world.now_s)


def warm(world, agent) -> None:
    """The network was looked up."""
    agent.ask(label=a_label(255))
    agent.told()


def test_adds_that_waited_for_a_coordinator_do_not_wait_for_its_listing():
    world, made = World(listed=False), []

    def answered(call):
        made.extend(type(operation) for operation in call.operations)
        return Fate.ANSWERED

    world.fate = answered
    world.begin()
    agent = world.agent()
    agent.hello()
    agent.ask(label=a_label(1))
    assert agent.told()
    assert ReadPage not in made
    world.passes(FIRST_AFTER_S)
    assert ReadPage in made
    assert world.machine.index.is_complete


def test_an_add_without_reserve_is_one_call_with_its_label():
    world = World(reserve=0)
    agent = connected(world)
    warm(world, agent)
    before = world.calls
    agent.ask(label=a_label(1))
    assert agent.told()
    assert world.calls - before == 1
    assert "web-1" in world.names()


def test_a_deletion_is_one_call():
    world = World(reserve=0)
    agent = connected(world)
    agent.ask(label=a_label(1))
    told = agent.told()
    before = world.calls
    agent.let_go(told.allocation)
    agent.stays(40.0)
    assert agent.take(messages.Gone)
    assert world.calls - before == 1


def test_fifty_adds_at_once_share_their_calls():
    world = World(reserve=0)
    agents = [connected(world, node=f"node-{number}") for number in range(5)]
    warm(world, agents[0])
    before = world.calls
    world.feed(*(an_ask(world, agents[number % 5], number) for number in range(50)))
    assert sum(len(agent.take(messages.Allocated)) for agent in agents) == 50
    assert world.calls - before <= 8
    assert len(set(world.objects().values())) == 51


def test_fifty_labels_and_the_refills_after_them_share_their_calls():
    """The fifty ADDs were answered on their nodes from what lay ready there, without any call."""
    grid = Grid()
    grid.create("network", {"network": WIDE, "extattrs": {"Network Name": {"value": "pods"}}})
    world = World(grid=grid, reserve=50)
    agent = connected(world)
    world.feed(*(an_ask(world, agent, number, for_reserve=True, subnet=WIDE) for number in range(50)))
    world.passes(COMPANY_S)
    ready = agent.take(messages.Allocated)
    assert len(ready) == 50
    before = world.calls
    rows = [
        values.LabelRow(allocation=each.allocation, label=a_label(number)) for number, each in enumerate(ready)
    ]
    labels = messages.SetLabels(id="labels", labels=rows)
    world.feed(
        Received(agent.node, agent.connection, labels, world.now_s),
        *(an_ask(world, agent, number, for_reserve=True, subnet=WIDE) for number in range(50)),
    )
    assert world.calls == before
    world.passes(COMPANY_S)
    world.passes(1.0)
    assert sum(len(each.allocations) for each in agent.take(messages.Labelled)) == 50
    assert len(agent.take(messages.Allocated)) == 50
    assert world.calls - before <= 8


def test_an_idle_hour_makes_no_calls_but_the_sweeps():
    world = World(reserve=0, sweep_interval_s=600.0)
    agent = connected(world)
    warm(world, agent)
    before = world.calls
    agent.stays(3590.0)
    assert world.calls - before <= 2 * 6, "a page, and how full the network is"


def test_a_label_of_a_pod_that_has_ended_is_not_written():
    world = World(reserve=1)
    agent = connected(world)
    agent.ask(for_reserve=True)
    ready = agent.told()
    before = world.calls
    rows = [values.LabelRow(allocation=ready.allocation, label=a_label(1))]
    agent.say(messages.SetLabels(id="labels", labels=rows))
    agent.let_go(ready.allocation, was_held=True)
    agent.stays(40.0)
    assert agent.take(messages.Gone)
    assert not agent.take(messages.Labelled)
    assert world.calls - before == 1


def test_so_many_asks_of_a_node_wait_and_more_are_declined():
    world = World(listed=False, reserve=0)
    agent, other = connected(world), connected(world, node="node-2")
    world.feed(*(an_ask(world, agent, number) for number in range(ASKS_OF_NODE_MAX + 1)))
    (declined,) = agent.take(messages.Declined)
    assert (declined.kind, declined.code) == (messages.DeclineKind.TRY_AGAIN, 11)
    world.feed(an_ask(world, other, 1))
    assert not other.take(messages.Declined)
