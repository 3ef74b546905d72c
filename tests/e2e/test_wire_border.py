"""What the coordinator does with strangers, garbage and other versions, while it goes on serving its nodes."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest
from hostile import bound_lines, bounded
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds
from wire_peer import Peer, hello, own_boot_id

from coordinator.nodes.connection_book import MISREAD_MAX
from demo.cluster import Cluster, Plan
from demo.grid import ea
from protocol.keys import generate, load_pair
from protocol.wire.allocation_id import hash_node
from protocol.wire.codec import encode
from protocol.wire.messages import Allocate, Declined, LetGo, Ping, Welcome
from protocol.wire.values import LetGoRow, NetworkAsk, Want

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]
SILENCE_MS = 700


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    return make_cluster(asking(nodes=("node-1", "node-2")))


@pytest.fixture
def neighbour(cluster: Cluster) -> Iterator[Peer]:
    """Somebody with node-2's key, whose agent is away."""
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    peer = Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    yield peer
    peer.close()


def assert_still_serves(cluster: Cluster, make_netns: MakeNetns) -> None:
    assert add(cluster.node, "proof", make_netns(a_mac())).ok
    assert delete(cluster.node, "proof").ok
    assert cluster.grid.wait_until(lambda: "proof" not in str(cluster.grid.pods()))


def test_a_key_that_is_not_authorized_gets_no_answer(cluster: Cluster, make_netns: MakeNetns) -> None:
    stranger = Peer(cluster, generate())
    assert stranger.answer(hello("b"), SILENCE_MS) is None
    stranger.close()
    assert cluster.coordinator
    cluster.coordinator.wait_for("key_refused")
    assert_still_serves(cluster, make_netns)


def test_a_key_that_is_taken_away_gets_no_answer_any_more(cluster: Cluster, neighbour: Peer) -> None:
    assert isinstance(neighbour.greet(), Welcome)
    (cluster.keys / "coordinator" / "authorized" / "node-2.key").unlink()
    late = Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    assert late.answer(hello(own_boot_id()), SILENCE_MS) is None
    late.close()
    assert neighbour.answer(encode(Ping(id="ping")), SILENCE_MS) is None


UNANSWERABLE = ["a b", "\n", "x" * 65, "", 7, ["a"], {"a": 1}, b"a"]
GARBAGE = [b"", b"\x00", b"\xc1" * 50, b"{}", b"\xff" * 1000, msgpack.packb([1, 2])]


def test_garbage_and_what_has_no_valid_id_ends_its_connection_alone(
    cluster: Cluster, neighbour: Peer, make_netns: MakeNetns
) -> None:
    versions = [msgpack.packb({"v": 1, "id": message_id}) for message_id in UNANSWERABLE]
    for payload in [*GARBAGE, *versions]:
        assert isinstance(neighbour.greet(), Welcome)
        neighbour.socket.send(payload)
        assert neighbour.is_cut_off(), payload
        neighbour.connect()
    assert cluster.coordinator
    assert bounded(cluster.coordinator, "unreadable_messages") == len(GARBAGE) + len(UNANSWERABLE)
    assert bound_lines(cluster.coordinator, "unreadable_messages") >= 1
    assert_still_serves(cluster, make_netns)


def test_many_messages_that_can_only_be_declined_end_their_connection(neighbour: Peer) -> None:
    later = msgpack.packb({"v": 9, "id": "x1", "type": "hello"})
    for _ in range(MISREAD_MAX):
        assert isinstance(neighbour.answer(later), Declined)
    neighbour.socket.send(later)
    assert neighbour.is_cut_off()


def test_an_unknown_version_is_refused_clearly(neighbour: Peer) -> None:
    answer = neighbour.answer(msgpack.packb({"v": 9, "id": "x1", "type": "hello"}))
    assert isinstance(answer, Declined)
    assert (answer.id, answer.code, answer.kind) == ("x1", 100, "refused")
    assert "version" in answer.details


def test_a_message_of_two_megabytes_ends_the_connection_and_nothing_else(
    cluster: Cluster, neighbour: Peer, make_netns: MakeNetns
) -> None:
    neighbour.socket.send(b"x" * 2_000_000)
    assert_still_serves(cluster, make_netns)


def test_a_node_cannot_touch_the_allocations_of_another(
    cluster: Cluster, neighbour: Peer, make_netns: MakeNetns
) -> None:
    assert add(cluster.node, "lives", make_netns(a_mac())).ok
    (held,) = cluster.grid.pods().values()
    theirs = ea(held, "Allocation ID")
    assert theirs.split("-")[1] == hash_node("node-1")
    assert isinstance(neighbour.greet(), Welcome)
    network = NetworkAsk(name="pods", subnet="10.55.0.0/24")
    ask = Allocate(id="a", wants=[Want(allocation=theirs, network=network)], budget_ms=5000)
    answer = neighbour.answer(encode(ask))
    assert isinstance(answer, Declined)
    assert answer.code == 101
    rows = [LetGoRow(allocation=theirs, family=4, age_ms=60_000, was_held=False)]
    neighbour.socket.send(encode(LetGo(id="g", allocations=rows)))
    assert cluster.coordinator
    cluster.coordinator.wait_for("not_yours")
    assert grid_holds(cluster, "lives")


def an_ask(neighbour: Peer, asked: dict[str, Any]) -> bytes:
    """As no agent of ours asks, whose own checks come before."""
    want = {"allocation": neighbour.draw("6" * 12), "network": {"name": "pods", **asked}}
    return bytes(msgpack.packb({"v": 2, "type": "allocate", "id": "a", "wants": [want], "budget_ms": 5000}))


@pytest.mark.parametrize(
    ("field", "asked"),
    [
        ("ipam.subnet", {"subnet": "255.255.255.255/32", "is_gateway": True}),
        ("ipam.subnet", {"subnet": "255.255.255.255/32"}),
        ("ipam.subnet", {"subnet": "10.9.0.0/31", "is_gateway": True}),
        ("ipam.subnet", {"subnet": "10.9.0.9/32", "gateway": "10.9.0.9", "is_gateway": True}),
        ("ipam.gateway", {"subnet": "10.9.0.9/32", "gateway": "10.9.0.9"}),
        ("ipam.subnet", {"subnet": "127.0.0.0/8"}),
        ("ipam.subnet", {"subnet": "0.0.0.0/0"}),
        ("ipam.subnet", {"subnet": "224.1.0.0/16", "is_gateway": True}),
        ("ipam.subnet", {"subnet": "255.255.255.0/24", "is_gateway": True}),
        ("ipam.subnet", {"subnet": "2001:db8::/64"}),
    ],
)
def test_a_network_that_no_pod_can_live_in_is_refused_by_the_coordinator_too(
    cluster: Cluster, neighbour: Peer, make_netns: MakeNetns, field: str, asked: dict[str, Any]
) -> None:
    assert isinstance(neighbour.greet(), Welcome)
    answer = neighbour.answer(an_ask(neighbour, asked))
    assert isinstance(answer, Declined)
    assert (answer.kind, answer.code, answer.msg.partition(" ")[0]) == ("refused", 7, field)
    assert_still_serves(cluster, make_netns)


@pytest.mark.parametrize(
    "asked",
    [{"subnet": "10.9.0.0/24", "gateway": "999.0.0.1"}, {"subnet": "10.9.0.9/24"}, {"subnet": "999.0.0.0/99"}],
)
def test_what_is_no_network_at_all_is_no_message(neighbour: Peer, asked: dict[str, Any]) -> None:
    assert isinstance(neighbour.greet(), Welcome)
    answer = neighbour.answer(an_ask(neighbour, asked))
    assert isinstance(answer, Declined)
    assert (answer.id, answer.code) == ("a", 100)


def test_an_agent_that_expects_another_coordinator_says_so(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    node = cluster.node
    assert node.agent
    node.agent.stop()
    other = cluster.directory / "other.key"
    shutil.copy(cluster.keys / "node-1" / "agent.key", other)
    node.start_agent("--coordinator-key", str(other))
    outcome = add(node, "c", make_netns())
    assert outcome.code == 11
    assert "coordinator" in outcome.result["msg"]
    assert "key" in outcome.result["details"]


def test_a_grid_that_hangs_is_told_within_the_limit(make_cluster: MakeCluster, make_netns: MakeNetns) -> None:
    cluster = make_cluster(asking())
    assert add(cluster.node, "a", make_netns(a_mac())).ok
    cluster.grid.set_faults(hang=-1)
    outcome = add(cluster.node, "b", make_netns(a_mac()))
    assert outcome.code == 11
    assert "no reply" in outcome.result["details"]
    cluster.grid.set_faults(hang=0)
    assert delete(cluster.node, "b").ok
    assert grid_holds(cluster, "a")
