"""What is made of lists and events of nodes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from coordinator.cluster.api_server import NoAnswer
from coordinator.cluster.cache import REMEMBER_GONE_S, SeenNodes
from coordinator.cluster.metadata import Change, Seen, VersionGone, read_change, read_page


def node(name: str) -> Seen:
    return Seen(name, f"uid-{name}")


def listed_nodes(*names: str, at_s: float = 100.0) -> SeenNodes:
    nodes = SeenNodes()
    nodes.listed([node(name) for name in names], at_s)
    return nodes


def absent_since_s(nodes: SeenNodes, name: str, now_s: float = 1000.0) -> float | None:
    picture = nodes.picture(now_s)
    assert picture
    return picture.absent_since_s(name)


def test_before_a_complete_list_nothing_is_known() -> None:
    nodes = SeenNodes()
    nodes.there(node("a"))
    assert nodes.picture(0.0) is None


def test_a_cluster_without_nodes_is_not_believed() -> None:
    nodes = listed_nodes("a")
    nodes.gone(node("a"), 110.0)
    assert nodes.picture(120.0) is None


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
    nodes = listed_nodes("a", "b")
    before = nodes.picture(110.0)
    nodes.gone(node("b"), 120.0)
    assert before
    assert before.absent_since_s("b") is None
    assert absent_since_s(nodes, "b") == 120.0


def event(change: str, **parts: Any) -> bytes:
    return json.dumps({"type": change, "object": parts}).encode()


METADATA = {"name": "node-1", "uid": "u-1", "resourceVersion": "7"}
NODE = Seen("node-1", "u-1")


@pytest.mark.parametrize("kind", ["ADDED", "MODIFIED"])
def test_events_tell_what_is_there(kind: str) -> None:
    assert read_change(event(kind, metadata=METADATA, spec={"nodeName": "x"})) == Change("7", there=NODE)


def test_events_tell_what_is_gone_and_how_far_the_watch_is() -> None:
    assert read_change(event("DELETED", metadata=METADATA)) == Change("7", gone=NODE)
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
    assert (last.objects, last.version, last.rest) == ((NODE,), "7", "")
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
