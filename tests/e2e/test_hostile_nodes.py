"""A node whose key somebody else has, and strangers who try to enrol: they delay nobody, and fill no log."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import msgpack
import pytest
import zmq
from enrolling import Applicant, an_enrol, enrolling_plan
from hostile import bound_lines, bounded, cpu_s, number, passes
from plans import NO_REST, asking
from runtime_calls import a_mac, add, coordinator_of, wait_until_listed
from wire_peer import Peer

from coordinator.nodes.rate_limit import MESSAGES_MAX
from daemon.log_limit import WINDOW_S
from demo.cluster import Cluster
from demo.grid import ea
from protocol.keys import generate, load_pair, public_text
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Allocate, Allocated, Answer, Declined, Welcome, Whose
from protocol.wire.values import MESSAGE_BYTES_MAX, NetworkAsk, Want
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[..., Cluster]
MakeNetns = Callable[..., str]

ALARMS = 'cni_infoblox_coordinator_alarms_total{{event="{}"}}'
FILES = 5000
VIEWS = 600


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    return make_cluster(asking(nodes=("node-1", "node-2")))


@pytest.fixture
def stolen(cluster: Cluster) -> Iterator[Peer]:
    """Somebody with node-2's key, whose agent is away."""
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    peer = Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    assert isinstance(peer.greet(), Welcome)
    yield peer
    peer.close()


def test_junk_ends_its_connection_after_one_message(cluster: Cluster, stolen: Peer, make_netns: MakeNetns) -> None:
    junk = msgpack.packb({str(each): [each] for each in range(5000)})
    assert len(junk) > MESSAGE_BYTES_MAX / 2
    for _ in range(60):
        # Once it is cut off there is nobody to send to.
        with suppress(zmq.Again):
            stolen.socket.send(junk[:MESSAGE_BYTES_MAX], zmq.NOBLOCK)
    assert add(cluster.node, "beside", make_netns(a_mac())).ok
    assert stolen.is_cut_off()
    daemon = coordinator_of(cluster)
    assert number(daemon, ALARMS.format("unreadable_message")) == 1
    assert bounded(daemon, "unreadable_messages") == 1
    assert bound_lines(daemon, "unreadable_messages") == 1


def test_of_one_node_only_its_newest_connections_stay(cluster: Cluster) -> None:
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    with ExitStack() as stack:
        peers = []
        for _ in range(8):
            peers.append(Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret")))
            stack.callback(peers[-1].close)
            assert isinstance(peers[-1].greet(), Welcome)
        assert all(peer.is_cut_off() for peer in peers[:4])
        assert isinstance(peers[-1].greet(), Welcome)
    assert bounded(coordinator_of(cluster), "connections_per_node") == 4


def take_all(peer: Peer, randoms: Iterable[int]) -> None:
    """Ask for an address under each id, and call everything one's own that the coordinator asks about."""
    asked = {peer.draw(f"{random:012x}") for random in randoms}
    for allocation in sorted(asked):
        ask = Allocate(
            id="a", wants=[Want(allocation=allocation, network=NetworkAsk(name="pods"))], budget_ms=20_000
        )
        peer.socket.send(encode(ask))
    while asked:
        assert peer.socket.poll(20_000)
        message = decode_to_agent(peer.socket.recv())
        if isinstance(message, Allocated | Declined):
            asked.discard(message.allocation or "")
        elif isinstance(message, Whose):
            peer.socket.send(encode(Answer(id=message.id, mine=message.allocations, disowned=[])))


def test_a_node_that_claims_nothing_and_one_that_invents_boots_stay_within_twice_the_limit(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    limit = 5
    flags = (*NO_REST, "--node-allocations-max", str(limit))
    cluster = make_cluster(asking(nodes=("node-1", "node-2"), coordinator_flags=flags))
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    first = itertools.count(step=limit + 1)
    with closing(Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))) as peer:
        for number, boot_id in zip(first, ("", "", "", "invented-1", "invented-2"), strict=False):
            assert isinstance(peer.greet(boot_id), Welcome)
            take_all(peer, range(number, number + limit + 1))
    assert sum(ea(each, "Location") == "node-2" for each in cluster.grid.objects()) == 2 * limit
    assert add(cluster.node, "beside", make_netns(a_mac())).ok


def test_invented_views_of_one_node_let_the_adds_of_others_through(
    cluster: Cluster, stolen: Peer, make_netns: MakeNetns
) -> None:
    assert add(cluster.node, "before", make_netns(a_mac())).ok
    wait_until_listed(cluster)
    cluster.grid.set_faults(latency_ms=300.0)
    for index in range(VIEWS):
        ask = Allocate(
            id=f"a{index}",
            wants=[
                Want(
                    allocation=stolen.draw(f"{index:012x}"),
                    network=NetworkAsk(name="pods", view=f"invented-{index}", subnet="10.66.0.0/24"),
                )
            ],
            budget_ms=60_000,
        )
        stolen.socket.send(encode(ask))
    calls = cluster.grid.call_count()
    assert cluster.grid.wait_for_calls(calls + 3)
    netns = make_netns(a_mac())
    before = cluster.grid.call_count()
    assert add(cluster.node, "beside", netns).ok
    # The call that was under way, one more of the other node, its own, one that began while its answer went home.
    assert cluster.grid.call_count() - before <= 4


def test_keys_that_nobody_knows_do_not_make_it_read_thousands_of_files(
    cluster: Cluster, make_netns: MakeNetns
) -> None:
    directory, text = cluster.keys / "coordinator" / "authorized", public_text(generate().public)
    for index in range(FILES):
        (directory / f"other-{index}.key").write_text(text)
    daemon = coordinator_of(cluster)
    assert add(cluster.node, "before", make_netns(a_mac())).ok
    before_s = cpu_s(daemon)
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        context.set(zmq.MAX_SOCKETS, 4096)
        server = load_pair(cluster.keys / "coordinator" / "coordinator.key_secret").public
        for _ in range(1000):
            pair = generate()
            sock = stack.enter_context(context.socket(zmq.DEALER))
            sock.linger = 0
            sock.curve_publickey, sock.curve_secretkey, sock.curve_serverkey = pair.public, pair.secret, server
            sock.connect(cluster.endpoint)
        assert add(cluster.node, "beside", make_netns(a_mac())).ok
        for _ in passes("all keys to be refused"):
            if number(daemon, ALARMS.format("key_refused")) >= 1000:
                break
    assert cpu_s(daemon) - before_s < 10
    assert daemon.count("key_refused") <= 4


@pytest.fixture
def enrolling(make_cluster: MakeCluster, tmp_path: Path) -> Iterator[Cluster]:
    with KubernetesStub(tmp_path / "kubernetes") as stub:
        yield make_cluster(enrolling_plan(stub))


def test_a_flood_of_enrolments_leaves_few_lines_in_the_log(enrolling: Cluster, make_netns: MakeNetns) -> None:
    daemon, began_s = coordinator_of(enrolling), time.monotonic()
    with ExitStack() as stack:
        for _ in range(100):
            applicant = Applicant(enrolling)
            stack.callback(applicant.close)
            for _ in range(2 * MESSAGES_MAX + 1):
                applicant.socket.send(encode(an_enrol("no.token.at-all")))
        assert add(enrolling.node, "beside", make_netns(a_mac())).ok
        for _ in passes("all applicants to be closed for what they say too much"):
            if bounded(daemon, "messages_of_unknown_keys") >= 100:
                break
    most = 1 + (time.monotonic() - began_s) / WINDOW_S
    for kind in ("enrolment_refused", "enrolment_postponed"):
        assert daemon.count(kind) <= most
    assert bound_lines(daemon, "messages_of_unknown_keys") <= most
