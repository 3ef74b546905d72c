"""What the coordinator knows of a cluster's nodes, through everything that befalls its API server."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from coordinator.cluster import reflector
from coordinator.cluster.api_server import ApiServer
from coordinator.cluster.liveness import Liveness
from coordinator.cluster.node_watch import FRESH_S, NodeWatch
from coordinator.cluster.reflector import Pace
from daemon.logs import Logger
from tests.kubernetes_stub import KubernetesStub
from tests.kubernetes_stub.asked import Asked
from tests.kubernetes_stub.mischief import trickle
from tests.unexpected import NothingUnexpected

PATIENCE_S = 20.0
PACE = Pace(retry_s=0.02, retry_max_s=0.1)
BRIEF = Pace(watch_s=1, retry_s=0.02, retry_max_s=0.1)


class Following:
    """A watch in its thread. `now_s` is its clock, which the test moves; its log is kept."""

    def __init__(self, stub: KubernetesStub, pace: Pace) -> None:
        self.stub = stub
        self.now_s = 1000.0
        self.log: list[dict[str, Any]] = []
        self.happened = threading.Condition()
        server = ApiServer(stub.url, stub.credentials, time.monotonic, "test")
        self.watch = NodeWatch(server, lambda: self.now_s, cast(Logger, self), NothingUnexpected(), pace)
        self.thread = threading.Thread(target=self.watch.run)

    def start(self) -> Following:
        self.thread.start()
        return self

    def stop(self) -> None:
        self.watch.stop()
        self.thread.join(PATIENCE_S)

    def info(self, event: str, **fields: Any) -> None:
        with self.happened:
            self.log.append({"event": event, **fields})
            self.happened.notify_all()

    warning = info

    def events(self, event: str) -> list[dict[str, Any]]:
        return [each for each in self.log if each["event"] == event]

    def wait_for(self, event: str, count: int = 1) -> dict[str, Any]:
        with self.happened:
            assert self.happened.wait_for(lambda: len(self.events(event)) >= count, PATIENCE_S), self.log
        return self.events(event)[count - 1]

    def look(self) -> Liveness:
        return self.watch.look(self.now_s)

    def until(self, is_so: Callable[[Liveness], bool]) -> Liveness:
        """The first picture of which this holds."""
        for _ in range(int(PATIENCE_S / 0.02)):
            if is_so(liveness := self.look()):
                return liveness
            with self.happened:
                self.happened.wait(0.02)
        raise TimeoutError(str(self.look()))

    def queries(self) -> list[dict[str, list[str]]]:
        """Of the requests for nodes."""
        asked = [urlsplit(path) for _, path in self.stub.requests]
        return [parse_qs(each.query) for each in asked if each.path == "/api/v1/nodes"]


def nodes(liveness: Liveness) -> frozenset[str]:
    return liveness.nodes.present if liveness.nodes else frozenset()


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path) as running:
        for number in (1, 2):
            running.cluster.add_node(f"node-{number}")
        yield running


@pytest.fixture
def follow(stub: KubernetesStub) -> Iterator[Callable[..., Following]]:
    started: list[Following] = []

    def start(pace: Pace = PACE) -> Following:
        started.append(Following(stub, pace))
        return started[-1].start()

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def pages_of_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reflector, "PAGE_OBJECTS", 2)


@pytest.fixture
def following(stub: KubernetesStub, follow: Callable[..., Following]) -> Following:
    """With its watch open."""
    started = follow()
    stub.wait_for_watches(1)
    return started


def test_nodes_are_listed_then_followed(stub: KubernetesStub, following: Following) -> None:
    first = following.look()
    assert first.is_fresh
    assert {"node-1", "node-2"} <= nodes(first)

    stub.cluster.add_node("node-3")
    following.now_s = 1010.0
    stub.cluster.remove_node("node-2")
    seen = following.until(lambda its: "node-2" not in nodes(its))
    assert "node-3" in nodes(seen)
    assert seen.nodes
    assert seen.nodes.absent_since_s("node-2") == 1010.0


def test_metadata_alone_is_asked_for(stub: KubernetesStub, following: Following) -> None:
    assert all("as=PartialObjectMetadata" in accepted for accepted in stub.accepted)


def test_a_node_that_is_not_ready_exists(stub: KubernetesStub, following: Following) -> None:
    stub.cluster.set_ready("node-2", "Unknown")
    stub.cluster.add_node("later")
    assert "node-2" in nodes(following.until(lambda its: "later" in nodes(its)))


@pytest.mark.usefixtures("pages_of_two")
def test_a_list_comes_in_pages(stub: KubernetesStub, follow: Callable[..., Following]) -> None:
    for number in range(5):
        stub.cluster.add_node(f"more-{number}")
    listed = follow()
    stub.wait_for_watches(1)
    assert nodes(listed.look()) == set(stub.cluster.nodes)
    assert [query["limit"] for query in listed.queries() if "watch" not in query] == [["2"]] * 4


@pytest.mark.usefixtures("pages_of_two")
def test_a_list_that_breaks_off_counts_for_nothing(stub: KubernetesStub, follow: Callable[..., Following]) -> None:
    asked: list[str] = []

    def allows_one_page(request: Asked) -> bool:
        _, _, resource = request.permission
        asked.append(resource)
        return resource != "nodes" or asked.count("nodes") % 2 == 1

    stub.allows = allows_one_page
    listed = follow()
    listed.wait_for("cluster_unwatched")
    liveness = listed.look()
    assert liveness.nodes is None
    assert not liveness.is_fresh


@pytest.mark.usefixtures("pages_of_two")
def test_a_list_whose_rest_is_forgotten_begins_anew(
    stub: KubernetesStub, follow: Callable[..., Following]
) -> None:
    asked: list[str] = []

    def forgets_once(request: Asked) -> bool:
        _, _, resource = request.permission
        asked.append(resource)
        if resource == "nodes" and asked.count("nodes") == 2:
            stub.cluster.forget_events()
        return True

    stub.allows = forgets_once
    listed = follow()
    assert listed.wait_for("cluster_listed")["count"] == len(stub.cluster.nodes)
    assert ["continue" in query for query in listed.queries()][:3] == [False, True, False]


def test_a_watch_goes_on_from_a_bookmark_without_another_list(
    stub: KubernetesStub, follow: Callable[..., Following]
) -> None:
    goes_on = follow(BRIEF)
    stub.wait_for_watches(1)
    goes_on.now_s += 50
    stub.cluster.send_bookmarks()
    bookmark = str(stub.cluster.version)
    goes_on.until(lambda _: goes_on.queries()[-1].get("resourceVersion") == [bookmark])
    stub.cluster.add_node("after")
    goes_on.until(lambda its: "after" in nodes(its))
    assert len(goes_on.events("cluster_listed")) == 1


def test_what_happened_during_a_cut_is_known_after_it(stub: KubernetesStub, following: Following) -> None:
    stub.down()
    following.wait_for("cluster_unwatched")
    stub.cluster.remove_node("node-2")
    following.now_s += 30
    stub.up()
    seen = following.until(lambda its: "node-2" not in nodes(its))
    assert seen.nodes
    assert seen.nodes.absent_since_s("node-2") == 1030.0


def test_a_server_restored_from_a_backup_is_listed_anew(stub: KubernetesStub, following: Following) -> None:
    backup = stub.cluster.backup()
    stub.cluster.add_node("node-3")
    stub.cluster.remove_node("node-2")
    following.until(lambda its: "node-2" not in nodes(its))
    stub.down()
    following.wait_for("cluster_unwatched")
    stub.cluster.restore(backup)
    following.now_s += 30
    stub.up()
    seen = following.until(lambda its: "node-2" in nodes(its))
    assert seen.nodes
    assert seen.nodes.absent_since_s("node-3") == 1030.0
    stub.cluster.add_node("node-4")  # under a version that there was before
    following.until(lambda its: "node-4" in nodes(its))
    following.wait_for("cluster_watched_again")


def test_a_forgotten_history_is_replaced_by_a_list(stub: KubernetesStub, following: Following) -> None:
    following.now_s += 30
    with stub.cluster.changed:
        stub.cluster.remove_node("node-2")
        stub.cluster.forget_events()
    following.wait_for("cluster_listed", count=2)
    seen = following.look()
    assert seen.nodes
    assert seen.nodes.absent_since_s("node-2") == 1030.0
    assert not following.events("cluster_unwatched")


def test_a_busy_server_is_not_burdened_with_another_list(
    stub: KubernetesStub, follow: Callable[..., Following]
) -> None:
    patient = follow(BRIEF)
    stub.wait_for_watches(1)
    stub.busy = True
    assert "429" in patient.wait_for("cluster_unwatched")["reason"]
    stub.cluster.add_node("after")
    stub.busy = False
    patient.until(lambda its: "after" in nodes(its))
    assert len(patient.events("cluster_listed")) == 1


def test_a_permission_that_is_lost_leaves_an_old_picture_that_is_not_fresh(
    stub: KubernetesStub, following: Following
) -> None:
    stub.allows = lambda asked: "nodes" not in asked.permission
    stub.cut_watches()
    following.wait_for("cluster_unwatched")
    assert "cannot list" in following.wait_for("cluster_unwatched", count=2)["reason"]
    following.now_s += FRESH_S
    stale = following.look()
    assert not stale.is_fresh
    assert "node-1" in nodes(stale)
    stub.allows = lambda *_: True
    following.until(lambda its: its.is_fresh)


def test_what_was_not_heard_of_for_long_is_not_fresh(stub: KubernetesStub, following: Following) -> None:
    stub.down()
    following.wait_for("cluster_unwatched")
    assert following.watch.look(following.now_s + FRESH_S - 1).is_fresh
    following.now_s += FRESH_S
    stale = following.look()
    assert not stale.is_fresh
    assert "node-2" in nodes(stale)
    stub.up()
    stub.wait_for_watches(1)
    stub.cluster.send_bookmarks()
    following.until(lambda its: its.is_fresh)


def test_a_quiet_cluster_stays_fresh_without_bookmarks(
    stub: KubernetesStub, follow: Callable[..., Following]
) -> None:
    quiet = follow(BRIEF)
    stub.wait_for_watches(1)
    quiet.now_s += 100
    quiet.until(lambda _: quiet.watch.look(quiet.now_s + 50).is_fresh)
    assert not quiet.events("cluster_unwatched")
    assert len(quiet.events("cluster_listed")) == 1


def test_a_connection_that_is_dead_is_given_up(stub: KubernetesStub, follow: Callable[..., Following]) -> None:
    patient = follow(Pace(watch_s=600, silence_s=0.3, retry_s=0.02, retry_max_s=0.1))
    assert patient.wait_for("cluster_unwatched")["reason"] == "no reply in time"
    stub.cluster.add_node("after")
    patient.until(lambda its: "after" in nodes(its))


def test_an_outage_may_last_for_days() -> None:
    waits_s = [Pace().wait_s(failures) for failures in (0, 1, 2, 100, 100_000)]
    assert waits_s == [1.0, 2.0, 4.0, 30.0, 30.0]


def test_one_trouble_is_logged_once(stub: KubernetesStub, follow: Callable[..., Following]) -> None:
    stub.down()
    away = follow()
    away.wait_for("cluster_unwatched")
    assert away.look().nodes is None
    stub.up()
    away.wait_for("cluster_listed")
    assert [each["reason"] for each in away.events("cluster_unwatched")] == ["no connection"]


def test_a_rotated_token_is_used_for_the_next_watch(stub: KubernetesStub, following: Following) -> None:
    stub.rotate_credentials()
    stub.cut_watches()
    stub.cluster.add_node("after")
    following.until(lambda its: "after" in nodes(its))
    assert not [each for each in following.log if "401" in str(each.get("reason"))]


@pytest.mark.parametrize("verb", ["list", "watch"])
def test_a_missing_permission_is_named(stub: KubernetesStub, follow: Callable[..., Following], verb: str) -> None:
    stub.allows = lambda asked: asked.permission != (verb, "", "nodes")
    refused = follow()
    trouble = refused.wait_for("cluster_unwatched")
    assert f'cannot {verb} resource "nodes"' in trouble["reason"]
    assert "list and watch of nodes" in trouble["remedy"]
    stub.allows = lambda *_: True
    stub.cluster.add_node("after")
    refused.until(lambda its: "after" in nodes(its))


def test_its_threads_end_while_nothing_happens(following: Following) -> None:
    following.stop()
    assert not following.thread.is_alive()
    assert not following.events("cluster_unwatched")


def test_an_event_that_trickles_in_is_given_up(stub: KubernetesStub, follow: Callable[..., Following]) -> None:
    mischief = trickle(0.05)

    def instead(path: str, connection: socket.socket) -> bool:
        if "watch=true" in path:
            mischief.play(connection)
        return "watch=true" in path

    stub.instead = instead
    following = follow(Pace(silence_s=0.2, retry_s=0.02, retry_max_s=0.1))
    assert mischief.wait_until_given_up()
    assert mischief.wait_until_given_up()
    assert following.wait_for("cluster_unwatched")["reason"] == "no reply in time"
    mischief.stop()


def test_a_list_of_pages_without_end_is_given_up(
    stub: KubernetesStub, follow: Callable[..., Following], pages_of_two: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reflector, "LIST_OBJECTS_MAX", 3)
    for number in range(4):
        stub.cluster.add_node(f"more-{number}")
    assert "more than 3 nodes" in follow().wait_for("cluster_unwatched")["reason"]
