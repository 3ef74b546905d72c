"""What happens to the grid in real use: it is restored from a backup, lied to."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from plans import NO_REST, asking
from runtime_calls import a_mac, add, coordinator_of, grid_holds, wait_until_listed
from wire_peer import Peer, hello, own_boot_id

from demo.cluster import Cluster, Plan
from demo.grid import ea
from demo.process_status import resident_kb
from protocol.keys import load_pair
from protocol.wire.codec import encode
from protocol.wire.messages import Claims, Welcome
from protocol.wire.values import ClaimRow, State

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]

GROWTH_MAX_KB = 64 * 1024


def test_what_a_backup_lacks_is_put_back_with_its_names_and_given_to_nobody_else(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(nodes=("node-1", "node-2")))
    given = {}
    for node in cluster.nodes.values():
        for number in range(6):
            name = f"{node.name}-{number}"
            given[name] = add(node, name, make_netns(a_mac()), pod=name).address
    before = cluster.grid.pods()
    coordinator_of(cluster).stop()
    for address, found in list(before.items())[::2]:
        cluster.grid.delete(found["_ref"])
        assert address not in cluster.grid.pods()
    cluster.start_coordinator()
    for name in cluster.nodes:
        cluster.wait_connected(name)

    netns = [make_netns(a_mac()) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        nodes = list(cluster.nodes.values())
        new = list(pool.map(lambda n: add(nodes[n % 2], f"new-{n}", netns[n]), range(6)))
    assert all(outcome.ok for outcome in new), new
    assert {outcome.address for outcome in new} & set(given.values()) == set()
    assert grid_holds(cluster, *given, *(f"new-{number}" for number in range(6)))
    after = cluster.grid.pods()
    for name, address in given.items():
        assert (after[address]["name"], ea(after[address], "VM ID")) == (name, name)
        assert ea(after[address], "Allocation ID") == ea(before[address], "Allocation ID")


def a_lie(peer: Peer, number: int, subnet: str) -> ClaimRow:
    address = f"{subnet.rpartition('.')[0].rpartition('.')[0]}.{number // 250}.{1 + number % 250}"
    return ClaimRow(
        allocation=peer.draw(f"{number:012x}"),
        view="default",
        subnet=subnet,
        network_name="pods",
        address=address,
        state=State.HELD,
        seal="0" * 32,
    )


@pytest.mark.parametrize("subnet", ["10.55.0.0/16", "192.168.0.0/16"], ids=["free", "of others"])
def test_a_hello_that_claims_thousands_of_addresses_costs_nobody_anything(
    make_cluster: MakeCluster, make_netns: MakeNetns, subnet: str
) -> None:
    flags = (*NO_REST, "--allow-network", "10.55.0.0/16")
    cluster = make_cluster(asking(nodes=("node-1", "node-2"), coordinator_flags=flags))
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    assert add(cluster.node, "before", make_netns(a_mac())).ok
    daemon = coordinator_of(cluster)
    wait_until_listed(cluster)
    before_kb, before = resident_kb(daemon.pid), cluster.grid.call_count()
    objects = cluster.grid.objects()
    peer = Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    assert isinstance(peer.greet(), Welcome)
    welcome = peer.answer(hello(own_boot_id()))
    assert isinstance(welcome, Welcome)
    for page in range(41):
        rows = [a_lie(peer, page * 100 + number, subnet) for number in range(100)]
        peer.socket.send(encode(Claims(id="c", welcome=welcome.number, page=page, last=page == 40, claims=rows)))
    daemon.wait_for("claim_ignored")
    assert cluster.grid.objects() == objects
    calls = cluster.grid.call_count()
    assert calls - before <= 1
    assert add(cluster.node, "beside", make_netns(a_mac())).ok
    assert cluster.grid.call_count() - calls <= 2
    assert resident_kb(daemon.pid) - before_kb < GROWTH_MAX_KB
    peer.close()


def test_a_hello_that_never_ends_costs_no_memory_and_delays_nobody(
    make_cluster: MakeCluster, make_netns: MakeNetns
) -> None:
    cluster = make_cluster(asking(nodes=("node-1", "node-2")))
    agent = cluster.nodes["node-2"].agent
    assert agent
    agent.stop()
    assert add(cluster.node, "before", make_netns(a_mac())).ok
    daemon = coordinator_of(cluster)
    wait_until_listed(cluster)
    peer = Peer(cluster, load_pair(cluster.keys / "node-2" / "agent.key_secret"))
    assert isinstance(peer.greet(), Welcome)
    welcome = peer.answer(hello(own_boot_id()))
    assert isinstance(welcome, Welcome)
    before_kb, calls = resident_kb(daemon.pid), cluster.grid.call_count()
    rows = [a_lie(peer, number, "10.55.0.0/16") for number in range(100)]
    for page in range(1000):
        payload = encode(Claims(id="c", welcome=welcome.number, page=page, last=False, claims=rows))
        peer.socket.send(payload)
    assert add(cluster.node, "beside", make_netns(a_mac())).ok
    assert cluster.grid.call_count() - calls <= 2
    assert resident_kb(daemon.pid) - before_kb < GROWTH_MAX_KB
    peer.close()
