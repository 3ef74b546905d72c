"""What an allocation costs a coordinator that knows a hundred thousand of them."""

import gc
import tracemalloc

from coordinator.allocation.index import Index
from coordinator.core.networks import Network
from coordinator.grid.allocation_object import Writer
from protocol.wire.allocation_id import Owner, hash_driver, hash_node
from protocol.wire.values import Label

COUNT = 2_000
BYTES_MAX = 1_000
WRITER = Writer("c0ffee000000", "prod-1")


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
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(index) == COUNT
    assert kept / COUNT < BYTES_MAX
    (first, *_) = index.of_node(hash_node("node-0.example.org"))
    assert first.label
    assert first.label.pod_namespace == "shop"
