"""A coordinator whose code fails where nobody expects it goes on: real processes, with one function that fails."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hurry import impatient_agent
from internal_errors import count, told
from plans import NO_REST, asking
from runtime_calls import a_container, a_mac, add, delete, grid_holds

from demo.cluster import Cluster
from demo.cni import Outcome
from demo.daemons import Daemon

MakeNetns = Callable[..., str]
LAUNCHER = [sys.executable, str(Path(__file__).with_name("failing_daemon.py"))]
REQUESTS_FAIL = (
    "coordinator.allocation.asks:Asks.take",
    "coordinator.allocation.asks:resolve",
    "coordinator.tasks.create_task:CreateTask.operations",
    "coordinator.tasks.create_task:CreateTask.answered",
    "coordinator.grid.caller:perform",
)
REQUESTS_WAIT = (
    "coordinator.allocation.seal:Sealer.seal",
    "coordinator.lane.lane:Lane.proceed",
    "coordinator.grid.wapi:Wapi.send",
    "coordinator.nodes.sessions:Sessions.hear",
)
NOBODY_NOTICES = (
    "coordinator.metrics:Metrics.count",
    "coordinator.nodes.admission:Admission.refresh",
    "coordinator.machine:Machine.status",
)


class Site:
    """One node, and a coordinator that fails while `trigger` exists."""

    def __init__(self, cluster: Cluster, trigger: Path) -> None:
        self.cluster = cluster
        self.trigger = trigger

    def spoil(self, place: str) -> Daemon:
        """A coordinator that fails there, from the moment on at which its node is connected."""
        assert self.cluster.coordinator
        self.cluster.coordinator.stop()
        self.trigger.unlink(missing_ok=True)
        launcher = [*LAUNCHER, "coordinator", place, str(self.trigger)]
        coordinator = self.cluster.start_coordinator(launcher=launcher)
        self.cluster.wait_connected(self.cluster.node.name)
        return coordinator


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    # What was asked for in vain, and was made late, goes at the next look.
    plan = asking(agent=impatient_agent(), coordinator_flags=(*NO_REST, "--sweep-interval", "5"))
    with Cluster(tmp_path_factory.mktemp("cluster"), plan) as shared:
        yield shared


@pytest.fixture
def site(cluster: Cluster, tmp_path: Path) -> Site:
    return Site(cluster, tmp_path / "trigger")


def assert_serves(site: Site, make_netns: MakeNetns) -> None:
    """A pod gets an address, be it after the seconds for which a network at which we failed is not asked for."""
    node, container, netns = site.cluster.node, a_container(), make_netns(a_mac())
    assert site.cluster.grid.wait_until(lambda: add(node, container, netns).ok)
    assert grid_holds(site.cluster, container)
    assert delete(node, container).ok
    assert grid_holds(site.cluster)


@pytest.mark.parametrize("place", REQUESTS_FAIL)
def test_the_request_that_fails_is_answered_100_and_the_next_one_is_served(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    coordinator = site.spoil(place)
    assert_serves(site, make_netns)  # a network at which we failed would not be asked for again at once
    bad2, bad = a_container(), a_container()
    site.trigger.touch()
    failed = add(site.cluster.node, bad, make_netns(a_mac()))
    assert failed.code >= 100, failed.stdout
    assert "request r-" in failed.result["details"]
    assert add(site.cluster.node, bad2, make_netns(a_mac())).code >= 100
    site.trigger.unlink()
    for container in (bad, bad2):
        assert delete(site.cluster.node, container).ok
    assert grid_holds(site.cluster)
    assert_serves(site, make_netns)
    assert coordinator.process.poll() is None
    assert "Unexpected" in told(coordinator)
    assert count(coordinator) >= 2


@pytest.mark.parametrize("place", REQUESTS_WAIT)
def test_requests_that_wait_are_served_when_it_fails_no_more(
    site: Site, make_netns: MakeNetns, place: str
) -> None:
    coordinator = site.spoil(place)
    patient = a_container()
    outcomes: list[Outcome] = []
    netns = make_netns(a_mac())
    site.trigger.touch()
    waiting = threading.Thread(target=lambda: outcomes.append(add(site.cluster.node, patient, netns)))
    waiting.start()
    assert "Unexpected" in told(coordinator)
    site.trigger.unlink()
    waiting.join()
    (outcome,) = outcomes
    assert outcome.ok, outcome.stdout
    assert delete(site.cluster.node, patient).ok
    assert grid_holds(site.cluster)
    assert_serves(site, make_netns)
    assert coordinator.process.poll() is None


@pytest.mark.parametrize("place", NOBODY_NOTICES)
def test_what_is_said_and_shown_may_fail_without_harm(site: Site, make_netns: MakeNetns, place: str) -> None:
    coordinator = site.spoil(place)
    a = a_container()
    site.trigger.touch()
    assert add(site.cluster.node, a, make_netns(a_mac())).ok or place.endswith("refresh")
    site.trigger.unlink()
    assert delete(site.cluster.node, a).ok
    assert grid_holds(site.cluster)
    assert_serves(site, make_netns)
    assert coordinator.process.poll() is None


def test_what_fails_at_every_turn_neither_fills_the_log_nor_burns_the_processor(
    site: Site, make_netns: MakeNetns
) -> None:
    coordinator = site.spoil("coordinator.lane.lane:Lane.proceed")
    site.trigger.touch()
    coordinator.wait_for_count("begins_anew", 3)
    assert coordinator.count("internal_error") == 1
    site.trigger.unlink()
    coordinator.wait_for("listed")
    assert_serves(site, make_netns)
    assert count(coordinator) <= 6


def test_an_answer_that_cannot_be_encoded_is_answered_100(site: Site, make_netns: MakeNetns) -> None:
    site.spoil("coordinator.nodes.agents_port:encode")
    bad = a_container()
    site.trigger.write_text("type='allocated'")
    failed = add(site.cluster.node, bad, make_netns(a_mac()))
    assert failed.code == 100
    site.trigger.unlink()
    assert delete(site.cluster.node, bad).ok
    assert_serves(site, make_netns)
