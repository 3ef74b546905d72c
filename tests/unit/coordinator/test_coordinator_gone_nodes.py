"""What nodes leave that exist no more is deleted, unless there is any doubt."""

from collections.abc import Iterable

import pytest
from machine_world import Fate, World

from coordinator.admin.events import Left
from coordinator.cluster.liveness import Liveness, LiveNodes
from protocol.admin.messages import Verify
from protocol.wire import messages

GONE_AFTER_S = 600.0
SWEEP_S = 600.0


class Cluster:
    """What the cluster says lives; the test changes it."""

    def __init__(self, *present: str) -> None:
        self.present = set(present)
        self.gone_since_s: dict[str, float] = {}
        self.is_fresh = True
        self.is_complete = True

    def look(self, now_s: float) -> Liveness:
        nodes = LiveNodes(frozenset(self.present), 0.0, dict(self.gone_since_s)) if self.is_complete else None
        return Liveness(self.is_fresh, nodes)

    def delete(self, node: str, now_s: float) -> None:
        self.present.discard(node)
        self.gone_since_s[node] = now_s


class Site:
    """Nodes with so many addresses each, of which node-0 stays connected."""

    def __init__(self, nodes: int = 3, addresses: int = 1, **policy: object) -> None:
        self.names = [f"node-{number}" for number in range(nodes)]
        self.cluster = Cluster(*self.names)
        self.world = World(liveness=self.cluster, **policy)
        self.agents = {name: self.world.agent(name) for name in self.names}
        for agent in self.agents.values():
            agent.hello()
            for _ in range(addresses):
                agent.ask()

    def deletes(self, *names: str) -> None:
        for name in names:
            self.cluster.delete(name, self.world.now_s)

    def passes(self, seconds: float, *awake: str) -> None:
        """Time passes while these nodes are heard."""
        until_s = self.world.now_s + seconds
        while self.world.now_s < until_s:
            self.world.passes(min(10.0, until_s - self.world.now_s))
            for name in awake or ("node-0",):
                self.agents[name].say(messages.Ping(id="ping"))

    def held(self) -> set[str]:
        """The nodes of which the grid holds something."""
        by_id = {agent.owner.node: name for name, agent in self.agents.items()}
        return {by_id[allocation.split("-")[1]] for allocation in self.world.objects()}

    def alarms(self) -> Iterable[str]:
        return [each.kind for each in self.world.machine.status(None, self.world.now_s).alarms]


def test_a_node_that_is_gone_for_long_enough_leaves_nothing():
    site = Site()
    site.deletes("node-1")
    site.passes(GONE_AFTER_S - 20)
    assert site.held() == {"node-0", "node-1", "node-2"}
    site.passes(90)
    assert site.held() == {"node-0", "node-2"}
    assert not site.alarms()


def test_what_a_node_has_left_is_free_for_others():
    site = Site(nodes=2)
    (left,) = [address for id_, address in site.world.objects().items() if id_ in _ids(site, "node-1")]
    site.deletes("node-1")
    site.passes(GONE_AFTER_S + 90)
    asker = site.agents["node-0"]
    asker.take(messages.Allocated)
    asker.ask()
    assert asker.told().address == left
    assert not asker.take(messages.Unknown)


def _ids(site: Site, node: str) -> set[str]:
    return {id_ for id_ in site.world.objects() if id_.split("-")[1] == site.agents[node].owner.node}


def test_a_node_that_speaks_is_not_gone_whatever_the_cluster_says():
    site = Site()
    site.deletes("node-1")
    site.passes(GONE_AFTER_S + 700, "node-0", "node-1")
    assert "node-1" in site.held()
    assert "node-1 is connected, but not in the cluster's list of nodes" in _stopped(site)


def _stopped(site: Site) -> str:
    return site.world.machine.status(None, site.world.now_s).sweep.stopped


def test_any_driver_that_was_heard_shows_that_the_node_lives():
    site = Site()
    other = site.world.agent("node-1", driver="other", journal="7" * 8)
    other.hello()
    site.deletes("node-1")
    site.passes(GONE_AFTER_S - 60)
    other.say(messages.Ping(id="ping"))
    site.passes(GONE_AFTER_S - 60)
    assert "node-1" in site.held()
    site.passes(150)
    assert "node-1" not in site.held()


@pytest.mark.parametrize("doubt", ["is_fresh", "is_complete"])
def test_a_cluster_that_is_not_heard_frees_nothing(doubt):
    site = Site()
    site.deletes("node-1")
    setattr(site.cluster, doubt, False)
    site.passes(GONE_AFTER_S + 2 * SWEEP_S)
    assert "node-1" in site.held()
    setattr(site.cluster, doubt, True)
    site.passes(SWEEP_S + 60)
    assert "node-1" not in site.held()


def test_many_nodes_at_once_are_taken_for_a_mistake_until_a_person_says_so():
    site = Site(nodes=4, addresses=6)
    site.deletes("node-2", "node-3")
    site.passes(GONE_AFTER_S + SWEEP_S)
    assert site.held() == {"node-0", "node-1", "node-2", "node-3"}
    assert "2 of 4 nodes look gone, with 12 addresses" in _stopped(site)
    assert site.alarms() == ["gone_nodes_not_believed"]
    site.world.command(Verify(id="v-1", repair=True, force=True))
    assert site.held() == {"node-0", "node-1"}
    assert not site.alarms()


def test_a_person_who_leaves_before_the_grid_is_listed_frees_nothing():
    site = Site(nodes=4, addresses=6)
    site.deletes("node-2", "node-3")
    site.passes(GONE_AFTER_S + SWEEP_S)
    world = site.world

    def leaves(call):
        world.fate = lambda _: Fate.ANSWERED
        (ticket,) = world.answers
        world.feed(Left(ticket, world.now_s))
        return Fate.ANSWERED

    world.fate = leaves
    world.command(Verify(id="v-1", repair=True, force=True))
    assert site.held() == {"node-0", "node-1", "node-2", "node-3"}


def test_one_node_at_a_time_is_never_a_mass():
    site = Site(nodes=2, addresses=15)
    site.deletes("node-1")
    site.passes(GONE_AFTER_S + 90)
    assert site.held() == {"node-0"}


def test_a_list_with_other_names_frees_nothing():
    site = Site(nodes=2)
    site.cluster.present = {"ip-10-0-0-1", "ip-10-0-0-2"}
    site.world.passes(GONE_AFTER_S + 2 * SWEEP_S)
    assert site.held() == {"node-0", "node-1"}
    assert "no node of the cluster's list has an address" in _stopped(site)


def test_an_incomplete_listing_frees_nothing():
    site = Site()
    unreadable = {"Allocation ID": {"value": "c0ffee000000-not-an-id"}}
    reserved = {"ipv4addr": "10.55.0.200", "match_client": "RESERVED"}
    site.world.grid.create("fixedaddress", {**reserved, "extattrs": unreadable})
    site.passes(SWEEP_S)
    site.deletes("node-1")
    site.passes(GONE_AFTER_S + 2 * SWEEP_S)
    assert _stopped(site) == "the grid's listing is incomplete"
    assert len(_ids(site, "node-1")) == 1


def test_an_object_whose_location_was_edited_is_left_alone():
    site = Site()
    (id_,) = _ids(site, "node-1")
    site.world.edit(site.world.objects()[id_], **{"extattrs+": {"Location": {"value": "node-9"}}})
    site.passes(SWEEP_S)
    site.deletes("node-1", "node-9")
    site.passes(GONE_AFTER_S + 2 * SWEEP_S)
    assert "node-1" in site.held()


def test_a_node_that_is_back_before_the_call_is_made_keeps_what_it_has():
    site = Site()
    site.deletes("node-1")
    is_lost = True
    site.world.fate = lambda call: Fate.DROPPED if is_lost else Fate.ANSWERED
    site.passes(GONE_AFTER_S + 90)
    assert "node-1" in site.held()
    site.cluster.present.add("node-1")
    is_lost = False
    site.passes(SWEEP_S)
    assert "node-1" in site.held()


def test_objects_of_a_former_cluster_are_never_reached():
    former = "d" * 12
    site = Site(former=(former,))
    (id_,) = _ids(site, "node-1")
    site.world.edit(site.world.objects()[id_], **{"extattrs+": {"Allocation ID": {"value": former + id_[12:]}}})
    site.passes(SWEEP_S)
    site.deletes("node-1")
    site.passes(GONE_AFTER_S + 2 * SWEEP_S)
    assert former + id_[12:] in site.world.objects()
