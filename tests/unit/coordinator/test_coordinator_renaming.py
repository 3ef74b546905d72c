"""A cluster that is called otherwise than before keeps what it has, and a sweep shows it under the new name."""

from machine_world import Agent, Fate, World

from coordinator.grid.operations import is_write
from protocol.wire import messages, values

OTHER = "decaf0000000"
LABEL = values.Label(container_id="c1", ifname="eth0", pod="web", pod_namespace="shop")
MADE = {"subnet": "10.77.0.0/24", "name": "made", "gateway": "10.77.0.1"}


def connected(world: World, **who: str) -> Agent:
    agent = world.agent(**who)
    agent.hello()
    return agent


def tenants(world: World, kind: str = "fixedaddress") -> list[str]:
    found = world.grid.store.of_kind(kind)
    return sorted(str(each.extattrs["Tenant ID"]) for each in found if "Tenant ID" in each.extattrs)


def open_alarms(world: World) -> list[tuple[str, str]]:
    return [(each.kind, each.node) for each in world.machine.status(None, world.now_s).alarms]


def test_all_that_the_cluster_has_made_bears_its_new_name_and_lives_on():
    before = World()
    agent = connected(before)
    held = [agent.ask(label=LABEL), agent.ask(**MADE)]
    told = agent.take(messages.Allocated)
    assert tenants(before, "network") == ["prod-1"]
    assert tenants(before) == ["prod-1"] * 3

    world = World(grid=before.grid, cluster_name="prod-2")
    world.passes(1.0)
    assert tenants(world, "network") == ["prod-2"]
    assert tenants(world) == ["prod-2"] * 3
    assert world.objects() == {each.allocation: each.address for each in told}
    after = world.agent()
    after.hello(let_go=[values.LetGoRow(allocation=each, family=4, age_ms=60_000, was_held=True) for each in held])
    assert world.objects() == {}
    after.ask(**MADE)
    assert after.told().subnet == MADE["subnet"]


def test_what_bears_the_name_of_today_costs_no_write():
    world = World()
    connected(world).ask(label=LABEL)
    before = world.writes
    world.passes(1_300.0)
    assert world.writes == before


def test_a_name_that_could_not_be_written_is_written_by_the_next_sweep():
    before = World()
    connected(before).ask(label=LABEL)
    world = World(grid=before.grid, cluster_name="prod-2", listed=False)
    world.fate = lambda call: Fate.DROPPED if any(map(is_write, call.operations)) else Fate.ANSWERED
    world.start()
    world.passes(300.0)
    assert tenants(world) == ["prod-1"]
    world.fate = lambda call: Fate.ANSWERED
    world.passes(700.0)
    assert tenants(world) == ["prod-2"]


def test_another_cluster_of_this_name_is_told_and_never_touched():
    other = World(cluster_id=OTHER)
    connected(other).ask(label=LABEL)
    kept = other.objects()

    world = World(grid=other.grid)
    assert open_alarms(world) == [("another_cluster", "")]
    (alarm,) = world.machine.status(None, world.now_s).alarms
    assert f"{OTHER} (1)" in alarm.text
    mine = connected(world)
    mine.stays(7_300.0)
    assert world.objects() == kept
    assert world.notes.count("another_cluster") == 1

    for address in kept.values():
        world.delete_by_admin(address)
    mine.stays(3_700.0)
    assert open_alarms(world) == []


def test_a_network_that_another_cluster_has_made_keeps_its_name():
    other = World(cluster_id=OTHER)
    connected(other).ask(**MADE)
    world = World(grid=other.grid, cluster_name="prod-2")
    world.passes(1.0)
    assert tenants(world, "network") == ["prod-1"]
    assert set(tenants(world)) == {"prod-1"}
