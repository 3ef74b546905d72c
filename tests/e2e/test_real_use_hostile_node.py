"""Somebody with a node's key asks, labels and lets go as fast as it can."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq
from runtime_calls import a_mac, add, wait_until_listed
from wire_peer import Peer

from demo.cluster import Cluster, Plan
from demo.grid import ea
from demo.process_status import resident_kb
from protocol.keys import load_pair
from protocol.wire.codec import encode
from protocol.wire.messages import Allocate, LetGo, Message, SetLabels, Welcome
from protocol.wire.values import Label, LabelRow, LetGoRow, NetworkAsk, Want

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

ALLOWED = "10.55.0.0/24"
OF_OTHER_TENANT = "10.99.0.0/24"
ALLOCATIONS_MAX = 60
GROWTH_MAX_KB = 64 * 1024
LATENCY_MS = 200.0
CALLS_MAX = 4
"""The call that was under way, one more of the other node, its own, one that began while its answer went home."""


class Hostile(Peer):
    """A node's key in the wrong hands."""

    def send(self, message: Message) -> None:
        """Say something, wait for room where there is none."""
        self.socket.send(encode(message))

    def flood(self, is_over: threading.Event) -> None:
        """Ask, label and let go as fast as it goes, in networks of its own and of others."""
        label = Label(container_id="flood", ifname="eth0")
        for number in itertools.count(0x100000):
            if is_over.is_set():
                return
            drawn = self.draw(f"{number:012x}")
            subnet = OF_OTHER_TENANT if number % 5 == 0 else ALLOWED
            ask = NetworkAsk(name="pods", subnet=subnet)
            self.send(
                Allocate(
                    id=f"a{number}", wants=[Want(allocation=drawn, network=ask)], budget_ms=5_000, label=label
                )
            )
            self.send(SetLabels(id=f"l{number}", labels=[LabelRow(allocation=drawn, label=label)]))
            rows = [LetGoRow(allocation=self.draw(f"{number - 20:012x}"), family=4, age_ms=0, was_held=True)]
            self.send(LetGo(id=f"g{number}", allocations=rows))
            while self.socket.poll(0):
                self.socket.recv()


@contextmanager
def flooding(hostile: Hostile) -> Iterator[None]:
    is_over = threading.Event()
    hostile.socket.setsockopt(zmq.SNDTIMEO, 20_000)
    thread = threading.Thread(target=hostile.flood, args=(is_over,))
    thread.start()
    try:
        yield
    finally:
        is_over.set()
        thread.join()


def assert_served(cluster: Cluster, make_netns: MakeNetns, name: str) -> None:
    netns = make_netns(a_mac())
    before = cluster.grid.call_count()
    outcome = add(cluster.node, name, netns)
    assert outcome.ok, outcome
    assert cluster.grid.call_count() - before <= CALLS_MAX


def test_a_hostile_node_delays_no_other_node_fills_no_memory_and_writes_nowhere_else(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    limits = ("--node-allocations-max", str(ALLOCATIONS_MAX), "--allow-network", ALLOWED)
    flags = ("--release-delay", "0", "--reserve", "0", *limits)
    cluster = make_cluster(Plan(nodes=("node-1", "node-2"), coordinator_flags=flags))
    of_other = {"Tenant ID": {"value": "another"}}
    cluster.grid.create("network", {"network": OF_OTHER_TENANT, "extattrs": of_other})
    agent, coordinator = cluster.nodes["node-2"].agent, cluster.coordinator
    assert agent
    assert coordinator
    agent.stop()
    assert add(cluster.node, "before", make_netns(a_mac())).ok
    wait_until_listed(cluster)
    cluster.grid.set_faults(latency_ms=LATENCY_MS)
    before_kb = resident_kb(coordinator.pid)
    hostile = Hostile(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    try:
        assert isinstance(hostile.greet(), Welcome)
        with flooding(hostile):
            assert cluster.grid.wait_for_calls(cluster.grid.call_count() + 3)
            for number in range(5):
                assert_served(cluster, make_netns, f"beside-{number}")
        assert resident_kb(coordinator.pid) - before_kb < GROWTH_MAX_KB
    finally:
        hostile.close()
    assert {each["network"] for each in cluster.grid.objects()} == {ALLOWED}
    assert cluster.grid.wait_until(lambda: count_of_hostile(cluster) <= ALLOCATIONS_MAX)
    assert coordinator.process.poll() is None


def count_of_hostile(cluster: Cluster) -> int:
    """How many addresses it has: what it has let go is deleted when there is time."""
    return sum(ea(each, "Location") == "node-2" for each in cluster.grid.objects())
