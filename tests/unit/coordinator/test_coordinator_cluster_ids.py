"""A cluster that has another id than before has the objects of both, and no third one's."""

from machine_world import CLUSTER, Agent, World

from protocol.wire import messages, values
from protocol.wire.values import ClaimRow, State

OTHER = "decaf0000000"
LABEL = values.Label(container_id="c1", ifname="eth0", pod="web", pod_namespace="shop")


def connected(world: World, **who: str) -> Agent:
    agent = world.agent(**who)
    agent.hello()
    return agent


class Renamed:
    """A cluster after it was given another id, with what an agent has been told before."""

    def __init__(self) -> None:
        before = World()
        agent = connected(before)
        self.held, self.left = agent.ask(label=LABEL), agent.ask(label=LABEL)
        self.told = agent.take(messages.Allocated)[0]
        self.world = World(grid=before.grid, cluster_id=OTHER, former=(CLUSTER,))

    def claim(self) -> ClaimRow:
        told = self.told
        return ClaimRow(
            allocation=told.allocation,
            view=told.view,
            subnet=told.subnet,
            network_name="pods",
            address=told.address,
            state=State.HELD,
            seal=told.seal,
        )


def test_a_welcome_names_the_id_and_those_before():
    site = Renamed()
    welcome = site.world.agent().greet()
    assert (welcome.cluster, welcome.former) == (OTHER, [CLUSTER])


def test_what_was_claimed_before_is_claimed_and_the_rest_is_asked_about_and_goes():
    site = Renamed()
    agent = site.world.agent()
    agent.hello(claims=[site.claim()])
    (whose,) = agent.take(messages.Whose)
    assert whose.allocations == [site.left]
    agent.say(messages.Answer(id="w", disowned=[site.left]))
    assert site.world.objects() == {site.held: site.told.address}
    agent.let_go(site.held)
    agent.stays(31.0)
    assert site.world.objects() == {}


def test_what_a_lost_journal_had_drawn_before_is_an_orphan():
    site = Renamed()
    after = connected(site.world, journal="6" * 8)
    (orphans,) = after.take(messages.Orphans)
    assert {row.allocation for row in orphans.rows} == {site.held, site.left}


def test_an_earlier_boot_is_over_for_ids_of_before_too():
    site = Renamed()
    after = connected(site.world, boot="4" * 8)
    after.stays(61.0)
    (probe,) = after.take(messages.Probe)
    after.say(messages.ProbeAnswer(id="alive", nonce=probe.nonce))
    assert site.world.objects() == {}


def test_nothing_of_another_cluster_is_touched():
    before = World()
    agent = connected(before)
    agent.ask(label=LABEL)
    kept = before.objects()
    world = World(grid=before.grid, cluster_id=OTHER)
    claimant = world.agent()
    claimant.hello(let_go=[values.LetGoRow(allocation=each, family=4, age_ms=0, was_held=True) for each in kept])
    claimant.stays(1_300.0)
    assert world.objects() == kept
    assert "not_yours" in world.notes
