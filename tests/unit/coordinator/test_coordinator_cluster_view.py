"""What is made of lists and events of nodes and pods."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.cluster.api_server import NoAnswer
from coordinator.cluster.cache import REMEMBER_GONE_S, SeenNodes, SeenPods
from coordinator.cluster.metadata import Change, Seen, VersionGone, read_change, read_page


def node(name: str) -> Seen:
    return Seen("", name, f"uid-{name}")


def pod(name: str, uid: str, other_uid: str = "") -> Seen:
    return Seen("shop", name, uid, other_uid)


def listed_nodes(*names: str, at_s: float = 100.0) -> SeenNodes:
    nodes = SeenNodes()
    nodes.listed([node(name) for name in names], at_s)
    return nodes


def absent_since_s(nodes: SeenNodes, name: str, now_s: float = 1000.0) -> float | None:
    picture = nodes.picture(now_s)
    assert picture
    return picture.absent_since_s(name)


def test_before_a_complete_list_nothing_is_known() -> None:
    nodes, pods = SeenNodes(), SeenPods()
    nodes.there(node("a"))
    pods.there(pod("web-0", "1"))
    assert nodes.picture(0.0) is None
    assert pods.picture(0.0) is None


def test_a_cluster_without_nodes_or_pods_is_not_believed() -> None:
    nodes, pods = listed_nodes("a"), SeenPods()
    nodes.gone(node("a"), 110.0)
    assert nodes.picture(120.0) is None
    pods.listed([], 100.0)
    assert pods.picture(120.0) is None


def test_a_node_is_gone_since_the_watch_saw_it() -> None:
    nodes = listed_nodes("a", "b")
    nodes.gone(node("b"), 250.0)
    nodes.gone(node("b"), 260.0)
    assert absent_since_s(nodes, "a") is None
    assert absent_since_s(nodes, "b") == 250.0
    assert absent_since_s(nodes, "never") == 100.0


def test_a_node_is_gone_since_a_later_list_lacks_it() -> None:
    nodes = listed_nodes("a", "b")
    nodes.listed([node("a"), node("c")], 400.0)
    nodes.listed([node("a"), node("c")], 500.0)
    assert absent_since_s(nodes, "b") == 400.0
    assert absent_since_s(nodes, "never") == 100.0


@pytest.mark.parametrize("is_listed", [True, False])
def test_a_node_that_returns_starts_anew(is_listed: bool) -> None:
    nodes = listed_nodes("a", "b")
    nodes.gone(node("b"), 200.0)
    if is_listed:
        nodes.listed([node("a"), node("b")], 300.0)
    else:
        nodes.there(node("b"))
    assert absent_since_s(nodes, "b") is None
    nodes.gone(node("b"), 500.0)
    assert absent_since_s(nodes, "b") == 500.0


def test_nodes_that_are_gone_for_long_are_forgotten_and_stay_gone() -> None:
    nodes = listed_nodes("a", "b")
    nodes.gone(node("b"), 200.0)
    now_s = 200.0 + REMEMBER_GONE_S
    nodes.there(node("c"))
    picture = nodes.picture(now_s)
    assert picture
    assert not picture.gone_since_s
    assert picture.absent_since_s("b") == 100.0


def test_a_picture_does_not_change_afterwards() -> None:
    nodes, pods = listed_nodes("a", "b"), SeenPods()
    pods.listed([pod("web-0", "1"), pod("web-1", "2")], 100.0)
    before, pods_before = nodes.picture(110.0), pods.picture(110.0)
    nodes.gone(node("b"), 120.0)
    pods.gone(pod("web-1", "2"), 120.0)
    assert before
    assert pods_before
    assert before.absent_since_s("b") is None
    assert pods_before.has("2", "shop/web-1")
    assert absent_since_s(nodes, "b") == 120.0


def test_pods_come_and_go_by_list_and_event() -> None:
    pods = SeenPods()
    pods.listed([pod("web-0", "1"), pod("web-1", "2")], 100.0)
    pods.there(pod("web-2", "3"))
    pods.gone(pod("web-1", "2"), 110.0)
    picture = pods.picture(120.0)
    assert picture
    assert picture.uids == {"1", "3"}
    assert picture.names == {"shop/web-0", "shop/web-2"}


def test_the_late_end_of_a_pod_does_not_take_its_successor() -> None:
    pods = SeenPods()
    pods.listed([pod("db-0", "old")], 100.0)
    pods.there(pod("db-0", "new"))
    pods.gone(pod("db-0", "old"), 110.0)
    picture = pods.picture(120.0)
    assert picture
    assert picture.uids == {"new"}


def test_a_static_pod_lives_under_both_of_its_uids() -> None:
    pods = SeenPods()
    pods.listed([pod("proxy", "api", "runtime")], 100.0)
    picture = pods.picture(110.0)
    assert picture
    assert picture.uids == {"api", "runtime"}
    pods.there(pod("other", "1"))
    pods.gone(pod("proxy", "api"), 120.0)
    picture = pods.picture(130.0)
    assert picture
    assert picture.uids == {"1"}


def event(change: str, **parts: Any) -> bytes:
    return json.dumps({"type": change, "object": parts}).encode()


METADATA = {
    "name": "proxy",
    "namespace": "shop",
    "uid": "api",
    "resourceVersion": "7",
    "annotations": {"kubernetes.io/config.hash": "runtime"},
}
PROXY = Seen("shop", "proxy", "api", "runtime")


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_events_tell_what_is_there(kind: str) -> None:
    assert read_change(event(kind, metadata=METADATA, spec={"nodeName": "x"})) == Change("7", there=PROXY)


def test_events_tell_what_is_gone_and_how_far_the_watch_is() -> None:
    assert read_change(event("DELETED", metadata=METADATA)) == Change("7", gone=PROXY)
    assert read_change(event("BOOKMARK", metadata={"resourceVersion": "9"})) == Change("9")


def test_a_forgotten_version_is_told_from_other_errors() -> None:
    with pytest.raises(VersionGone):
        read_change(event("ERROR", kind="Status", code=410, message="too old", metadata={}))
    with pytest.raises(NoAnswer, match="ERROR 500: etcd is away"):
        read_change(event("ERROR", kind="Status", code=500, message="etcd is away", metadata={}))


@pytest.mark.parametrize(
    "line",
    [b"", b"{", b"[]", b'{"type": "ADDED"}', event("ADDED"), event("BOOKMARK"), event("ADDED", metadata={})],
)
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(NoAnswer):
        read_change(line)


def test_a_page_tells_whether_more_follow() -> None:
    items = [{"metadata": METADATA}]
    last = read_page(json.dumps({"metadata": {"resourceVersion": "7"}, "items": items}).encode())
    assert (last.objects, last.version, last.rest) == ((PROXY,), "7", "")
    first = read_page(json.dumps({"metadata": {"resourceVersion": "7", "continue": "x"}, "items": []}).encode())
    assert first.rest == "x"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b'{"metadata": {"resourceVersion": ""}, "items": []}',
        b'{"items": []}',
        b'{"metadata": {"resourceVersion": "7"}, "items": [{"metadata": {"resourceVersion": "7", "name": "a"}}]}',
    ],
)
def test_what_is_no_list_is_refused(data: bytes) -> None:
    with pytest.raises(NoAnswer):
        read_page(data)
