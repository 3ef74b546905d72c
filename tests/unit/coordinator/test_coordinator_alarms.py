"""What a person has to look at is told once, shown while it lasts, and told to be over."""

from machine_world import Agent, World

from coordinator.core.alarms import OPEN_MAX, Alarms
from coordinator.core.outbox import Outbox
from protocol.wire import messages


def open_alarms(world: World) -> list[tuple[str, str]]:
    return [(each.kind, each.node) for each in world.machine.status(None, world.now_s).alarms]


def connected(world: World, **who: str) -> Agent:
    agent = world.agent(**who)
    agent.hello()
    return agent


def test_objects_of_a_machine_that_was_rebuilt_need_a_person_after_an_hour():
    world = World()
    left = connected(world, machine="2" * 8).ask()
    after = connected(world, machine="7" * 8, boot="4" * 8)
    after.stays(3_590.0)
    assert open_alarms(world) == []
    after.stays(700.0)
    assert open_alarms(world) == [("boot_not_over", "node-1")]
    (alarm,) = world.machine.status(None, world.now_s).alarms
    assert "cni-infoblox node replace node-1" in alarm.text
    assert left in world.objects()
    assert world.notes.count("boot_not_over") == 1

    world.delete_by_admin(world.objects()[left])
    after.stays(700.0)
    assert open_alarms(world) == []
    assert "alarm_over" in world.notes


def test_objects_of_a_node_that_is_away_are_no_alarm():
    world = World()
    connected(world).ask()
    world.passes(9_000.0)
    assert open_alarms(world) == []


def test_two_agents_of_one_driver_are_shown_while_both_speak():
    world = World()
    one, other = world.agent(), world.agent(journal="6" * 8)
    for agent in (one, other, one, other):
        agent.hello()
    assert open_alarms(world) == [("two_agents", "node-1")]
    assert other.take(messages.Notice)
    other.stays(599.0)
    assert open_alarms(world) == [("two_agents", "node-1")]
    other.stays(1.0)
    assert open_alarms(world) == []


def test_a_node_of_another_cluster_is_shown_while_it_declines():
    world = World()
    agent = world.agent()
    for _ in range(3):
        agent.greet()
        agent.say(messages.WrongCluster(id="wrong", cluster="d" * 12))
        world.passes(300.0)
        assert open_alarms(world) == [("wrong_cluster", "node-1")]
    world.passes(300.0)
    assert open_alarms(world) == []


def test_open_alarms_are_bounded():
    alarms = Alarms(Outbox(lambda: "id"))
    for number in range(OPEN_MAX + 10):
        alarms.open_for(60.0, "two_agents", f"node-{number}", "stop one", 1.0)
    assert len(list(alarms)) == OPEN_MAX
    alarms.expire(61.0)
    assert not list(alarms)
    assert alarms.next_deadline_s() is None
