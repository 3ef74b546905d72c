"""An agent whose code fails where nobody expects it goes on: real processes, with one function that fails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hostile import passes
from internal_errors import count, told
from plans import asking
from runtime_calls import a_container, a_mac, add, delete

from demo.cluster import Cluster
from demo.cni import Outcome
from demo.daemons import Daemon

MakeNetns = Callable[..., str]
LAUNCHER = [sys.executable, str(Path(__file__).with_name("failing_daemon.py"))]
REQUESTS_FAIL = (
    "nodeagent.cni.callers:parse",
    "nodeagent.attachments.add:Adds.begin",
    "nodeagent.attachments.add:Adds.mac_read",
    "nodeagent.netns.reader:mac_of",
    "nodeagent.cni.result:added",
    "nodeagent.attachments.asks:Asks.ask",
)
JOURNAL_FAILS = ("nodeagent.journal.store:Store._apply", "nodeagent.journal.database:apply")
DELS_FAIL = ("nodeagent.attachments.delete:Deletes.asked", *JOURNAL_FAILS)
REQUESTS_WAIT = (
    "nodeagent.link.dealer:decode_to_agent",
    "nodeagent.attachments.add:Adds.allocated",
    "nodeagent.link.session:Session._received",
)
NOBODY_NOTICES = (
    "nodeagent.attachments.machine:Attachments._ticked",
    "nodeagent.link.session:Session._ticked",
    "nodeagent.cni.server:UnixServer.ticked",
    "nodeagent.cni.pending:PendingDeletes.look",
    "nodeagent.cni.socket_path:SocketPath.show_alive",
    "nodeagent.loop:Loop._publish",
    "nodeagent.attachments.add:Adds.delivered",
)


class Site:
    """One node whose agent fails while `trigger` exists."""

    def __init__(self, cluster: Cluster, trigger: Path) -> None:
        self.cluster = cluster
        self.trigger = trigger

    def holds(self, container: str) -> bool:
        """Whether the grid holds an address of this container."""
        return container in str(self.cluster.grid.pods())

    def spoil(self, place: str) -> Daemon:
        """An agent that fails there."""
        node = self.cluster.node
        assert node.agent
        node.agent.stop()
        self.trigger.unlink(missing_ok=True)
        agent = node.start_agent(launcher=[*LAUNCHER, "agent", place, str(self.trigger)])
        agent.wait_for("coordinator_reached")
        return agent


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("cluster"), asking()) as shared:
        yield shared


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return Site(cluster, tmp_path / "trigger")


def assert_serves(site: Site, make_netns: MakeNetns) -> None:
    node, container = site.cluster.node, a_container()
    assert add(node, container, make_netns(a_mac())).ok
    assert site.holds(container)
    assert delete(node, container).ok
    assert site.cluster.grid.wait_until(lambda: not site.holds(container))


@pytest.mark.parametrize("place", REQUESTS_FAIL)
def test_the_add_that_fails_is_answered_and_the_next_one_is_served(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    agent = site.spoil(place)
    bad = a_container()
    site.trigger.touch()
    failed = add(site.cluster.node, bad, make_netns(a_mac()))
    assert failed.code in (11, 100), failed.stdout
    assert "Unexpected" in told(agent)
    site.trigger.unlink()
    assert delete(site.cluster.node, bad).ok
    assert_serves(site, make_netns)
    assert agent.process.poll() is None
    assert count(agent) >= 1


@pytest.mark.parametrize("place", JOURNAL_FAILS)
def test_the_add_that_cannot_be_recorded_is_answered_and_others_are_served_when_the_machine_has_begun_anew(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    agent = site.spoil(place)
    bad, container, netns = a_container(), a_container(), make_netns(a_mac())
    site.trigger.touch()
    assert add(site.cluster.node, bad, make_netns(a_mac())).code in (11, 100)
    assert "Unexpected" in told(agent)
    site.trigger.unlink()
    agent.wait_for("begins_anew")
    for _ in passes("an ADD to be served"):  # a machine that has failed twice rests meanwhile
        if (outcome := add(site.cluster.node, container, netns)).ok:
            break
        assert outcome.code in (11, 100)
    assert delete(site.cluster.node, container).ok
    assert site.cluster.grid.wait_until(lambda: not site.holds(container))
    assert_serves(site, make_netns)


@pytest.mark.parametrize("place", DELS_FAIL)
def test_a_del_that_fails_succeeds_and_is_carried_out_when_it_fails_no_more(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    agent = site.spoil(place)
    a = a_container()
    assert add(site.cluster.node, a, make_netns(a_mac())).ok
    site.trigger.touch()
    assert delete(site.cluster.node, a).ok
    assert "Unexpected" in told(agent)
    assert site.holds(a)
    site.trigger.unlink()
    assert site.cluster.grid.wait_until(lambda: not site.holds(a))
    assert_serves(site, make_netns)
    assert agent.process.poll() is None


@pytest.mark.parametrize("place", REQUESTS_WAIT)
def test_an_add_that_waits_is_served_when_it_fails_no_more(site: Site, make_netns: MakeNetns, place: str) -> None:
    agent = site.spoil(place)
    patient = a_container()
    outcomes: list[Outcome] = []
    netns = make_netns(a_mac())
    site.trigger.touch()
    waiting = threading.Thread(target=lambda: outcomes.append(add(site.cluster.node, patient, netns)))
    waiting.start()
    assert "Unexpected" in told(agent)
    site.trigger.unlink()
    waiting.join()
    (outcome,) = outcomes
    assert outcome.ok, outcome.stdout
    assert delete(site.cluster.node, patient).ok
    assert_serves(site, make_netns)
    assert agent.process.poll() is None


@pytest.mark.parametrize("place", NOBODY_NOTICES)
def test_pods_get_addresses_while_what_comes_again_by_itself_fails(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    agent = site.spoil(place)
    site.trigger.touch()
    assert_serves(site, make_netns)
    assert "Unexpected" in told(agent)
    assert agent.count("internal_error") == 1
    assert agent.process.poll() is None


def test_what_is_let_go_and_whose_end_is_missed_is_named_again(site: Site, make_netns: MakeNetns) -> None:
    agent = site.spoil("nodeagent.link.confirmations:Confirmations._gone")
    a = a_container()
    assert add(site.cluster.node, a, make_netns(a_mac())).ok
    site.trigger.touch()
    assert delete(site.cluster.node, a).ok
    assert "Unexpected" in told(agent)
    site.trigger.unlink()
    agent.wait_for_count("coordinator_reached", 2)
    assert site.cluster.grid.wait_until(lambda: not site.holds(a))
    for _ in passes("the journal to forget what is gone"):
        if site.cluster.node.status()["allocations"]["let_go"] == 0:
            break
    assert_serves(site, make_netns)


def test_machines_that_begin_anew_keep_what_the_node_holds(site: Site, make_netns: MakeNetns) -> None:
    agent = site.spoil("nodeagent.journal.database:apply")
    bad, kept = a_container(), a_container()
    netns = make_netns(a_mac())
    granted = add(site.cluster.node, kept, netns)
    assert granted.ok
    site.trigger.touch()
    assert add(site.cluster.node, bad, make_netns(a_mac())).code in (11, 100)
    site.trigger.unlink()
    agent.wait_for("begins_anew")
    for _ in passes("an ADD to be answered"):  # one that has failed twice rests meanwhile
        if (again := add(site.cluster.node, kept, netns)).ok:
            break
        assert again.code in (11, 100)
    assert again.address == granted.address
    assert delete(site.cluster.node, kept).ok
    assert site.cluster.grid.wait_until(lambda: not site.holds(kept))
