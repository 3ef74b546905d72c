"""A session begins with what answers a welcome, and only what answers a later one replaces it."""

from machine_world import Agent, World

from coordinator.nodes.sessions import WELCOMES_OF_NODE_MAX
from protocol.wire import messages


def the_session(world: World) -> bytes:
    (session,) = world.machine.sessions.of_node("node-1")
    return session.connection


def is_heard(agent: Agent) -> bool:
    agent.say(messages.Ping(id="ping"))
    (answer,) = agent.take(messages.Pong) + agent.take(messages.HelloFirst)
    return isinstance(answer, messages.Pong)


def test_claims_of_a_dead_connection_that_are_read_last_replace_nothing():
    world = World()
    before, after = world.agent(), world.agent()
    late, first = before.greet(), after.greet()
    assert late.number < first.number

    after.claim(first)
    before.claim(late)

    assert the_session(world) == after.connection
    assert is_heard(after)
    assert before.take(messages.HelloFirst)


def test_a_welcome_alone_replaces_nothing():
    world = World()
    before, after = world.agent(), world.agent()
    before.hello()
    welcome = after.greet()
    assert is_heard(before)
    assert not is_heard(after)

    after.claim(welcome)
    assert not is_heard(before)
    assert is_heard(after)


def test_the_pages_of_several_connections_of_a_node_do_not_mix():
    world = World()
    one, other = world.agent(driver="one"), world.agent(driver="other")
    numbers = [agent.greet().number for agent in (one, other)]
    for page in range(2):
        for agent, number in zip((one, other), numbers, strict=True):
            agent.say(messages.Claims(id="claims", welcome=number, page=page, last=page == 1))
    assert is_heard(one)
    assert is_heard(other)


def test_a_page_that_answers_no_welcome_begins_nothing():
    world = World()
    agent = world.agent()
    agent.say(messages.Claims(id="claims", welcome=1, page=0, last=True))
    assert agent.take(messages.HelloFirst)
    number = agent.greet().number
    for welcome, page in ((number + 1, 0), (number, 1)):
        agent.say(messages.Claims(id="claims", welcome=welcome, page=page, last=True))
        assert agent.take(messages.HelloFirst)
    assert not world.machine.sessions.of_node("node-1")


def test_a_second_hello_on_a_connection_voids_the_welcome_of_the_first():
    world = World()
    agent = world.agent()
    first, second = agent.greet(), agent.greet()
    agent.claim(first)
    assert agent.take(messages.HelloFirst)
    agent.claim(second)
    assert is_heard(agent)


def test_a_node_that_greets_without_end_has_few_welcomes_open():
    world = World()
    agents = [world.agent() for _ in range(WELCOMES_OF_NODE_MAX + 1)]
    welcomes = [agent.greet() for agent in agents]
    agents[0].claim(welcomes[0])
    assert agents[0].take(messages.HelloFirst)
    agents[1].claim(welcomes[1])
    assert is_heard(agents[1])


def test_who_declines_a_welcome_has_no_session_and_an_alarm_says_why():
    world = World()
    agent = world.agent()
    welcome = agent.greet()
    agent.say(messages.WrongCluster(id="wrong", cluster="d" * 12))
    assert "wrong_cluster" in world.notes
    agent.claim(welcome)
    assert agent.take(messages.HelloFirst)
