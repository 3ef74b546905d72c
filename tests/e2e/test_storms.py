"""Everybody comes at once, or a daemon stands still: limits hold, and afterwards everything is as it must be."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import zmq
from runtime_calls import a_mac, add, delete, grid_holds

from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome
from protocol.codec import decode_to_agent, encode
from protocol.keys import generate, load_public, write_public
from protocol.messages import (
    Address,
    Allocate,
    Allocated,
    Attachment,
    Hello,
    HelloFirst,
    Holding,
    Message,
    NetworkAsk,
    Ping,
    Welcome,
)
from tests.soak.plugin_calls import PluginCalls

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

NODES = 200
HOLDINGS = 30
PODS = 500
AT_ONCE = 100
PATIENCE_MS = 30_000
WIDE = "10.56.0.0/20"


# 200 nodes


@dataclass(frozen=True)
class Peer:
    """The DEALER of a node of its own, which says what an agent says."""

    node: str
    socket: zmq.Socket[bytes]

    def say(self, message: Message) -> None:
        self.socket.send(encode(message))

    def hear(self) -> object:
        assert self.socket.poll(PATIENCE_MS), f"no answer to {self.node}"
        return decode_to_agent(self.socket.recv())

    def hello(self) -> None:
        """With a journal full of what the grid has forgotten."""
        number = int(self.node.rpartition("-")[2])
        holdings = [
            Holding(
                attachment=Attachment(container_id=f"{self.node}-{n}", ifname="eth0"),
                seq=n + 1,
                network_name="pods",
                view="default",
                subnet="10.128.0.0/16",
                addresses=[Address(address=f"10.128.{number}.{n + 1}/16")],
            )
            for n in range(HOLDINGS)
        ]
        self.say(Hello(id="hello", boot_id="b1", journal_id="j1", page=0, last=True, holdings=holdings))

    def ask(self) -> None:
        """For the address of one more pod."""
        request = {"id": "add", "seq": 1000, "journal_id": "j1", "attempt": 1, "first_sent_ms_ago": 0}
        attachment = Attachment(container_id=f"{self.node}-new", ifname="eth0")
        network = NetworkAsk(name="pods", subnet=WIDE)
        self.say(Allocate(attachment=attachment, network=network, budget_ms=30_000, **request))  # type: ignore[arg-type]


@pytest.fixture
def sockets() -> Iterator[Callable[[], zmq.Socket[bytes]]]:
    """Makes DEALERs of one context."""
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    made: list[zmq.Socket[bytes]] = []

    def make() -> zmq.Socket[bytes]:
        made.append(context.socket(zmq.DEALER))
        return made[-1]

    yield make
    for socket in made:
        socket.close(linger=0)
    context.term()


def make_peers(cluster: Cluster, make_socket: Callable[[], zmq.Socket[bytes]]) -> list[Peer]:
    """Nodes whose keys the coordinator knows; all connect at once."""
    coordinator_key = load_public(cluster.keys / "coordinator" / "coordinator.key")
    peers = []
    for number in range(NODES):
        pair, node = generate(), f"peer-{number}"
        write_public(cluster.keys / "coordinator" / "authorized", node, pair.public)
        socket = make_socket()
        socket.curve_publickey, socket.curve_secretkey = pair.public, pair.secret
        socket.curve_serverkey = coordinator_key
        peers.append(Peer(node, socket))
    for peer in peers:
        peer.socket.connect(cluster.endpoint)
    return peers


@pytest.mark.timeout(240)
def test_two_hundred_nodes_connect_at_once_then_again_to_a_new_coordinator(
    make_cluster: MakeCluster, make_netns: MakeNetns, sockets: Callable[[], zmq.Socket[bytes]]
) -> None:
    cluster = make_cluster(Plan())
    peers = make_peers(cluster, sockets)
    for peer in peers:
        peer.hello()
    assert add(cluster.node, "meanwhile", make_netns(a_mac())).ok
    assert all(isinstance(peer.hear(), Welcome) for peer in peers)

    assert cluster.coordinator
    cluster.coordinator.kill()
    cluster.start_coordinator()
    for peer in peers:
        peer.say(Ping(id="still-there"))
    assert add(cluster.node, "afterwards", make_netns(a_mac())).ok
    for peer in peers:
        assert isinstance(peer.hear(), HelloFirst)
        peer.hello()
    assert all(isinstance(peer.hear(), Welcome) for peer in peers)

    for peer in peers:
        peer.ask()
    answers = [peer.hear() for peer in peers]
    assert len({each.addresses[0].address for each in answers if isinstance(each, Allocated)}) == NODES
    assert grid_holds(cluster, "meanwhile", "afterwards", *(f"{peer.node}-new" for peer in peers))


# A grid that was away


@pytest.mark.timeout(240)
def test_after_an_outage_five_hundred_adds_and_releases_are_served_in_few_calls(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(Plan())
    plugin, netns = PluginCalls(cluster.node, subnet=WIDE, gateway="0.0.0.1"), make_netns()
    with ExitStack() as stack:
        pool = stack.enter_context(ThreadPoolExecutor(AT_ONCE))

        def add_pods(kind: str) -> list[Outcome]:
            return list(pool.map(lambda n: plugin.add(f"{kind}-{n}", "eth0", netns), range(PODS)))

        assert all(outcome.ok for outcome in add_pods("old"))
        cluster.grid.set_faults(status_503=-1)
        calls = cluster.grid.call_count()

        assert {outcome.code for outcome in add_pods("new")} == {11}
        assert all(outcome.ok for outcome in pool.map(lambda n: plugin.delete(f"old-{n}", "eth0"), range(PODS)))

        # Each try rests twice as long as the one before: the seventh comes half a minute after the first.
        assert cluster.grid.wait_for_calls(calls + 7, finished=True, timeout_s=60)
        assert cluster.grid.call_count() <= calls + 9
        cluster.grid.set_faults(status_503=0)
        calls = cluster.grid.call_count()
        assert cluster.grid.wait_for_calls(calls + 1, finished=True, timeout_s=60)
        outcomes = add_pods("new")
        assert [outcome for outcome in outcomes if not outcome.ok] == []
        assert len({outcome.address for outcome in outcomes}) == PODS
    assert grid_holds(cluster, *(f"new-{number}" for number in range(PODS)))
    assert cluster.grid.call_count() - calls <= 2 * PODS / 8


# Daemons that stand still


def test_an_agent_that_stands_still_costs_no_runtime_more_than_its_limit(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(Plan())
    node, netns = cluster.node, make_netns(a_mac())
    assert add(node, "lives", netns).ok
    assert add(node, "goes", make_netns(a_mac())).ok
    assert node.agent
    node.agent.process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        try:
            comes_netns = make_netns(a_mac())
            comes = pool.submit(add, node, "comes", comes_netns)
            assert node.ipam(Invocation("STATUS", None, None)).ok
            assert node.ipam(Invocation("CHECK", "lives", "eth0", netns)).code == 11
            assert node.ipam(Invocation("GC", None, None), {**node.config(), "cniVersion": "1.1.0"}).code == 11
            assert delete(node, "goes").ok
            assert not comes.done()
        finally:
            node.agent.process.send_signal(signal.SIGCONT)
        assert comes.result().ok
    assert grid_holds(cluster, "lives", "comes")
    assert add(node, "comes", comes_netns).address == comes.result().address


@pytest.mark.timeout(180)
def test_a_coordinator_that_stands_still_until_its_nodes_give_it_up_serves_them_afterwards(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(Plan())
    node = cluster.node
    assert add(node, "lives", make_netns(a_mac())).ok
    assert add(node, "goes", make_netns(a_mac())).ok
    assert node.agent
    assert cluster.coordinator
    cluster.coordinator.process.send_signal(signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        try:
            netns = make_netns(a_mac())
            comes = pool.submit(add, node, "comes", netns)
            assert delete(node, "goes").ok
            assert node.ipam(Invocation("STATUS", None, None)).ok
            node.agent.wait_for("coordinator_lost", timeout_s=60)
        finally:
            cluster.coordinator.process.send_signal(signal.SIGCONT)
        outcome = comes.result()
    again = add(node, "comes", netns)
    assert again.ok
    assert outcome.code == 11 or outcome.address == again.address
    assert grid_holds(cluster, "lives", "comes")
