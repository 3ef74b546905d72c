"""Everybody comes at once, or a daemon stands still: limits hold, and afterwards everything is as it must be."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass

import pytest
import zmq
from plans import asking
from runtime_calls import a_mac, add, delete, grid_holds

from coordinator.allocation.seal import Sealer
from demo.cluster import Cluster, Plan
from demo.cni import Invocation, Outcome
from demo.plugin_calls import PluginCalls
from protocol.keys import generate, load_pair, load_public, write_public
from protocol.wire.allocation_id import Owner, hash_driver, hash_node
from protocol.wire.codec import decode_to_agent, encode
from protocol.wire.messages import Allocate, Allocated, Claims, Hello, HelloFirst, Message, Ping, Welcome
from protocol.wire.values import ClaimRow, Label, NetworkAsk, State, Want

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
    sealer: Sealer

    def say(self, message: Message) -> None:
        self.socket.send(encode(message))

    def hear(self, kind: type[Message]) -> Message:
        """The next message of this kind; what the coordinator says besides is passed over."""
        while self.socket.poll(PATIENCE_MS):
            message = decode_to_agent(self.socket.recv())
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} for {self.node}")

    def hello(self) -> None:
        who = {"machine": "2" * 8, "boot": "3" * 8, "journal": "5" * 8, "driver": "infoblox"}
        self.say(Hello(id="hello", node=self.node, **who))

    def greeted(self) -> None:
        """The welcome, answered with a journal full of what the grid has forgotten."""
        welcome = self.hear(Welcome)
        assert isinstance(welcome, Welcome)
        claims = [self._claim(welcome.cluster, number) for number in range(HOLDINGS)]
        self.say(Claims(id="claims", welcome=welcome.number, page=0, last=True, claims=claims))

    def ask(self, cluster: str) -> None:
        """For the address of one more pod."""
        label = Label(container_id=f"{self.node}-new", ifname="eth0")
        network = NetworkAsk(name="pods", subnet=WIDE)
        drawn = self._id(cluster, HOLDINGS)
        self.say(
            Allocate(id="add", wants=[Want(allocation=drawn, network=network)], budget_ms=30_000, label=label)
        )

    def _id(self, cluster: str, number: int) -> str:
        owner = Owner(cluster, hash_node(self.node), "2" * 8, "3" * 8, hash_driver("infoblox"), "5" * 8)
        return str(owner.draw(f"{number:012x}"))

    def _claim(self, cluster: str, number: int) -> ClaimRow:
        drawn, address = self._id(cluster, number), f"10.128.{self.node.rpartition('-')[2]}.{number + 1}"
        return ClaimRow(
            allocation=drawn,
            view="default",
            subnet="10.128.0.0/16",
            network_name="pods",
            address=address,
            state=State.HELD,
            seal=self.sealer.seal(drawn, "default", address),
        )


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
    sealer = Sealer(load_pair(cluster.keys / "coordinator" / "coordinator.key_secret").secret)
    peers = []
    for number in range(NODES):
        pair, node = generate(), f"peer-{number}"
        write_public(cluster.keys / "coordinator" / "authorized", node, pair.public)
        socket = make_socket()
        socket.curve_publickey, socket.curve_secretkey = pair.public, pair.secret
        socket.curve_serverkey = coordinator_key
        peers.append(Peer(node, socket, sealer))
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
    for peer in peers:
        peer.greeted()

    assert cluster.coordinator
    cluster.coordinator.kill()
    cluster.start_coordinator()
    for peer in peers:
        peer.say(Ping(id="still-there"))
    assert add(cluster.node, "afterwards", make_netns(a_mac())).ok
    for peer in peers:
        peer.hear(HelloFirst)
        peer.hello()
    for peer in peers:
        peer.greeted()

    cluster_id = (cluster.keys / "coordinator" / "cluster-id").read_text().strip()
    for peer in peers:
        peer.ask(cluster_id)
    answers = [peer.hear(Allocated) for peer in peers]
    assert len({each.address for each in answers if isinstance(each, Allocated)}) == NODES
    assert grid_holds(cluster, "meanwhile", "afterwards", *(f"{peer.node}-new" for peer in peers))


# A grid that was away


@pytest.mark.timeout(240)
def test_after_an_outage_five_hundred_adds_and_releases_are_served_in_few_calls(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
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
        assert cluster.coordinator
        cluster.coordinator.wait_for("grid_available", timeout_s=60)
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
