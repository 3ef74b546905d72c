"""A cluster that scales gets new names every day: of those that are gone for good nothing is kept."""

import gc
from collections import deque
from collections.abc import Iterable
from types import FunctionType, ModuleType

from machine_world import Agent, World

from coordinator.lane.turns import Turns
from coordinator.sweep.forgetting import FORGET_AFTER_S, LOOK_S
from protocol.wire import messages
from protocol.wire.allocation_id import hash_node
from protocol.wire.values import Label

LABEL = Label(container_id="c1", ifname="eth0", pod="web-1", pod_namespace="shop")
LONG_S = FORGET_AFTER_S + LOOK_S + 1


def refers_to(owner: object) -> Iterable[object]:
    """What an object holds; of a function what it has closed over, not its whole module."""
    if isinstance(owner, FunctionType):
        return owner.__closure__ or ()
    if isinstance(owner, dict):
        return (*owner.keys(), *owner.values())
    return gc.get_referents(owner)


def texts(root: object) -> str:
    """Every text that is reachable from here, but for what `Turns` keeps of a bounded number of nodes."""
    seen, found, todo = {id(root)}, [], deque([root])
    while todo:
        for each in refers_to(todo.popleft()):
            if id(each) in seen or isinstance(each, ModuleType | type | Turns | World | Agent):
                continue
            seen.add(id(each))
            if isinstance(each, str | bytes):
                found.append(each if isinstance(each, str) else each.decode(errors="replace"))
            todo.append(each)
    return "\n".join(found)


def of(world: World, node: str) -> bool:
    """Whether the coordinator knows anything of a node, by its name or by its ids."""
    known = texts(world.machine)
    return node in known or hash_node(node) in known


def a_life(world: World, node: str, **who) -> Agent:
    """A node that comes, has a pod and a reserve for a while, and lets both go."""
    agent = world.agent(node, **who)
    agent.hello()
    ids = [agent.ask(label=LABEL), agent.ask(for_reserve=True)]
    agent.let_go(*ids, was_held=False)
    agent.heard.clear()
    return agent


def test_nodes_that_come_and_go_leave_nothing_in_memory():
    world = World()
    stays = world.agent("stays")
    stays.hello()
    for number in range(20):
        a_life(world, f"passes-{number}", machine=f"{number:08x}")
    assert of(world, "passes-7")
    stays.stays(LONG_S)
    world.notes.clear()
    assert not any(of(world, f"passes-{number}") for number in range(20))
    assert len(world.machine.sessions) == 1
    stays.say(messages.Ping(id="ping"))
    assert not stays.take(messages.HelloFirst)


def test_whoever_is_forgotten_says_hello_when_it_comes_back():
    world = World()
    agent = a_life(world, "node-2")
    world.passes(LONG_S)
    agent.say(messages.Ping(id="ping"))
    assert agent.take(messages.HelloFirst)
    agent.hello()
    agent.ask()
    assert agent.told()


def test_a_node_that_claims_anything_or_has_anything_in_the_grid_is_not_forgotten():
    world = World()
    claims, left = world.agent("claims"), world.agent("left", machine="7" * 8)
    for agent in (claims, left):
        agent.hello()
        agent.ask(label=LABEL)
    world.delete_by_admin(claims.told().address)
    left.hello()
    world.passes(3 * LONG_S)
    assert world.machine.sessions.nodes() == {"claims", "left"}


def test_before_the_grid_was_listed_nobody_is_forgotten():
    world = World(listed=False)
    a_life(world, "node-2")
    world.passes(2 * LONG_S)
    assert world.machine.sessions.nodes() == {"node-2"}


def test_two_machines_that_are_gone_leave_no_alarm():
    world = World()
    one, other = world.agent("node-2", boot="a" * 8), world.agent("node-2", boot="b" * 8, machine="7" * 8)
    one.hello()
    other.hello()
    for _ in range(3):
        world.passes(20.0)
        one.say(messages.Ping(id="ping"))
    assert [each.kind for each in world.machine.status(None, world.now_s).alarms] == ["two_machines"]
    world.passes(LONG_S)
    assert world.machine.status(None, world.now_s).alarms == ()
