"""What an allocation costs a coordinator that knows a hundred thousand, and an ask while fifty thousand wait."""

import gc
import tracemalloc
from pathlib import Path

from machine_world import NETWORK, World

from coordinator.allocation.index import Index
from coordinator.core.networks import Network
from coordinator.grid.writer import Writer
from coordinator.nodes.events import Received
from protocol.wire.allocation_id import Owner, hash_driver, hash_node
from protocol.wire.codec import decode_to_coordinator, encode
from protocol.wire.messages import Allocate
from protocol.wire.values import Label, Want

ROOT = Path(__file__).parents[3]
COUNT = 2_000
BYTES_MAX = 1_000
NODES = 50
ASKS_EACH = 10
ASK_BYTES_MAX = 2_000
WRITER = Writer("c0ffee000000", "prod-1")


def kept_by_us() -> int:
    """Bytes that live now; what other threads of the test run have allocated meanwhile is not counted."""
    filters = [
        tracemalloc.Filter(inclusive=True, filename_pattern=f"{ROOT / place}/*")
        for place in ("coordinator", "protocol", "tests")
    ]
    return sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(filters).traces)


def a_reply(number: int):
    """An object as the grid sends it, each text a copy of its own."""
    node, mac = f"node-{number // 20}.example.org", f"0a:58:00:00:{number >> 8:02x}:{number & 255:02x}"
    owner = Owner("c0ffee000000", hash_node(node), "2" * 8, "3" * 8, hash_driver("infoblox"), "5" * 8)
    label = Label(
        container_id=f"{number:064x}",
        ifname="eth0",
        pod=f"web-{number:010x}-abcde",
        pod_namespace="shop",
        mac=mac,
        namespace=f"/var/run/netns/cni-00000000-0000-0000-0000-{number:012x}",
        inode=4_026_532_000 + number,
    )
    network = Network("default", "10.56.0.0/16", None, "pods")
    made = WRITER.create(str(owner.draw(f"{number:012x}")), node, network, label, mac)
    address = f"10.56.{number >> 8}.{number & 255}"
    return {**made.data, "ipv4addr": address, "match_client": "MAC_ADDRESS", "_ref": f"fixedaddress/{number}"}


def test_the_index_keeps_less_than_a_kilobyte_of_each_allocation():
    index = Index()
    WRITER.read(a_reply(0))
    gc.collect()
    tracemalloc.start()
    for number in range(COUNT):
        index.saw(WRITER.read(a_reply(number)))
    gc.collect()
    kept = kept_by_us()
    tracemalloc.stop()
    assert len(index) == COUNT
    assert kept / COUNT < BYTES_MAX
    (first, *_) = index.of_node(hash_node("node-0.example.org"))
    assert first.label
    assert first.label.pod_namespace == "shop"


def test_an_ask_that_waits_takes_less_than_two_kilobytes():
    world = World()
    agents = [world.agent(f"node-{number}.example.org") for number in range(NODES)]
    for agent in agents:
        agent.hello()
    agents[0].ask()
    told = [(agent, encode(an_ask(agent, world, number))) for agent in agents for number in range(ASKS_EACH)]
    gc.collect()
    tracemalloc.start()
    for agent, data in told:
        # The grid is not answered, so that nobody is.
        message = decode_to_coordinator(data)
        world.machine.handle([Received(agent.node, agent.connection, message, world.now_s)], world.now_s)
    del message
    gc.collect()
    kept = kept_by_us()
    tracemalloc.stop()
    assert world.machine.status(None, world.now_s).lane.waiting == len(told)
    assert kept / len(told) < ASK_BYTES_MAX


def an_ask(agent, world, number):
    """As an agent sends it for a pod of an ordinary name."""
    drawn = world.draw()
    label = Label(
        container_id=f"{number:064x}",
        ifname="eth0",
        pod=f"web-{number:010x}-abcde",
        pod_namespace="shop",
        pod_uid=f"00000000-0000-0000-0000-{number:012x}",
        namespace=f"/var/run/netns/cni-00000000-0000-0000-0000-{number:012x}",
        inode=4_026_532_000 + number,
    )
    allocation = str(agent.owner.draw(drawn))
    return Allocate(
        id=f"r-{drawn}", wants=[Want(allocation=allocation, network=NETWORK)], budget_ms=60_000, label=label
    )
