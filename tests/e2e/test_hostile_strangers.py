"""Strangers on the network, without any key or with keys that nobody knows, by the thousand."""

from __future__ import annotations

import secrets
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from enrolling import EnrollingNode, enrolling_plan
from hostile import bound_lines, bounded, connections, cpu_s, number, open_files, out_of_descriptors, passes
from plans import asking
from runtime_calls import a_mac, add, coordinator_of, delete

from coordinator.nodes.connection_book import KEYLESS_MAX, KEYLESS_PER_ORIGIN_MAX
from demo.cluster import Cluster
from demo.process_status import resident_kb
from tests.kubernetes_stub import KubernetesStub

MakeCluster = Callable[..., Cluster]
MakeNetns = Callable[..., str]

GREETING = b"\xff" + bytes(8) + b"\x7f\x03\x01" + b"CURVE".ljust(20, b"\0") + bytes(32)
"""ZMTP 3.1: signature, version, mechanism, as-server, filler."""

MEMORY_KB = 330 * 1024
"""Far below the manifest's limit; a coordinator without connections has some 60 MiB, one with 6,000 has 230."""

CROWD = 7500


@pytest.fixture
def stub(tmp_path: Path) -> Iterator[KubernetesStub]:
    with KubernetesStub(tmp_path / "kubernetes") as running:
        yield running


def half_a_frame(size: int) -> bytes:
    """A command frame that says it is so long, and half of it."""
    return GREETING + b"\x06" + struct.pack(">Q", size) + bytes(size // 2)


def send_all(socks: list[socket.socket], payload: bytes) -> None:
    for sock in socks:
        try:
            sock.sendall(payload)
        except OSError:  # closed by now
            continue


def standing(cluster: Cluster, which: str) -> int:
    return number(coordinator_of(cluster), f'cni_infoblox_coordinator_connections{{standing="{which}"}}')


def port_of(cluster: Cluster) -> int:
    return int(cluster.endpoint.rpartition(":")[2])


def wait_for_few(cluster: Cluster, which: str, most: int) -> None:
    for _ in passes(f"{which} connections"):
        if standing(cluster, which) <= most:
            return


def serves(cluster: Cluster, make_netns: MakeNetns) -> bool:
    container = secrets.token_hex(8)  # one that came back would wait for what may still be deleted of it
    return add(cluster.node, container, make_netns(a_mac())).ok and delete(cluster.node, container).ok


@pytest.mark.parametrize("size", [1_000_000, 64 * 1024])
def test_half_frames_without_a_key_take_little_memory(cluster: Cluster, make_netns: MakeNetns, size: int) -> None:
    daemon = coordinator_of(cluster)
    with connections(port_of(cluster), 700, hosts=700) as socks:
        send_all(socks, half_a_frame(size))
        assert serves(cluster, make_netns)
        assert resident_kb(daemon.pid) < MEMORY_KB
    wait_for_few(cluster, "keyless", 0)


@pytest.mark.parametrize(
    ("hosts", "bound", "most"),
    [
        (1, "connections_per_address", KEYLESS_PER_ORIGIN_MAX),
        (CROWD, "connections_without_key", KEYLESS_MAX),
    ],
)
def test_silent_connections_are_few_and_keep_no_node_out(
    cluster: Cluster, make_netns: MakeNetns, hosts: int, bound: str, most: int
) -> None:
    daemon, agent = coordinator_of(cluster), cluster.node.agent
    assert agent
    agent.stop()
    before = open_files(daemon)
    with connections(port_of(cluster), CROWD, hosts):
        for _ in passes("silent connections to be closed"):
            if open_files(daemon) <= before + most:
                break
        assert standing(cluster, "keyless") <= most
        assert resident_kb(daemon.pid) < MEMORY_KB
        cluster.node.start_agent().wait_for("coordinator_reached")
        assert serves(cluster, make_netns)
        assert bounded(daemon, bound) >= 1000
        assert bound_lines(daemon, bound) <= 4
    wait_for_few(cluster, "keyless", 0)


def test_whoever_is_silent_during_the_handshake_is_closed(cluster: Cluster) -> None:
    daemon = coordinator_of(cluster)
    before = bounded(daemon, "handshake_time")
    with connections(port_of(cluster), 3) as socks:
        socks[1].sendall(GREETING[:10])
        socks[2].sendall(GREETING)
        for sock in socks:
            while sock.recv(4096):
                continue
    assert bounded(daemon, "handshake_time") == before + 3


def test_a_node_with_a_ticket_comes_in_through_a_crowd_of_silent_connections(
    make_cluster: MakeCluster, stub: KubernetesStub, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(enrolling_plan(stub))
    node = EnrollingNode(cluster, stub)
    node.start().stop()
    stub.down()
    coordinator_of(cluster).stop()
    coordinator = cluster.start_coordinator()
    with connections(port_of(cluster), CROWD):
        node.start()
        coordinator.wait_for("ticket_accepted")
        assert add(node.node, "first", make_netns(a_mac())).ok


def test_where_no_descriptor_is_left_agents_are_turned_away_and_no_processor_is_burnt(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking())
    daemon = coordinator_of(cluster)
    # Nearly all that it opens at its start is open by now.
    daemon.wait_for("listed")
    daemon.wait_for("node_connected")
    before_s = cpu_s(daemon)
    with out_of_descriptors(daemon):
        with connections(port_of(cluster), 50) as socks:
            # What the daemon closes meanwhile leaves its place to one of them at a time, which is greeted first.
            for sock in socks:
                while sock.recv(4096):
                    continue
        daemon.wait_for("bound_reached", lambda line: line["bound"] == "descriptors")
    assert cpu_s(daemon) - before_s < 2
    assert serves(cluster, make_netns)
