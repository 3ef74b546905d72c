"""The MAC of the interface, read in real network namespaces."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from agent_world import World, a_config

from protocol.wire.messages import Allocate, SetLabels

MAC = "02:00:00:00:00:aa"


class Namespace:
    """A network namespace with a veth whose other end stays outside."""

    def __init__(self) -> None:
        self.name = f"t{uuid.uuid4().hex[:8]}"
        self.outer = f"v{self.name}"
        _ip("netns", "add", self.name)
        self.descriptor = os.open(f"/run/netns/{self.name}", os.O_RDONLY)

    def add_link(self, mac: str = MAC) -> None:
        _ip("link", "add", self.outer, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        _ip("-n", self.name, "link", "set", "eth0", "address", mac)

    def remove(self) -> None:
        os.close(self.descriptor)
        _ip("netns", "del", self.name)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def namespace() -> Iterator[Namespace]:
    made = Namespace()
    yield made
    made.remove()


def test_the_mac_of_the_interface_is_sent(world: World, namespace: Namespace) -> None:
    namespace.add_link()
    world.start()

    assert world.add(netns=namespace.descriptor).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac == MAC


def test_an_interface_that_does_not_exist_yet_has_no_mac(world: World, namespace: Namespace) -> None:
    world.start()

    assert world.add(netns=namespace.descriptor).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac is None


def test_a_mac_shared_with_the_master_is_not_sent(world: World, namespace: Namespace) -> None:
    namespace.add_link()
    _ip("link", "set", namespace.outer, "address", MAC)
    world.start()

    config = a_config(type="macvlan", master=namespace.outer)
    assert world.add(netns=namespace.descriptor, config=config).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac is None


def test_another_master_does_not_matter(world: World, namespace: Namespace) -> None:
    namespace.add_link()
    world.start()

    config = a_config(type="macvlan", master=namespace.outer)
    assert world.add(netns=namespace.descriptor, config=config).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac == MAC


def test_ipvlan_sends_no_mac(world: World, namespace: Namespace) -> None:
    namespace.add_link()
    world.start()

    config = a_config(type="ipvlan", master="absent0")
    assert world.add(netns=namespace.descriptor, config=config).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac is None


def test_loopback_has_no_mac(world: World, namespace: Namespace) -> None:
    world.start()

    assert world.add(ifname="lo", netns=namespace.descriptor).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac is None


def test_a_descriptor_of_something_else_is_refused(world: World) -> None:
    world.start()
    for path in (os.devnull, "/proc/self/ns/mnt"):
        with open(path, "rb") as other:
            answer = world.add(netns=other.fileno())
        assert (answer.exit_code, answer.json["code"]) == (1, 3)
    assert world.coordinator.book.objects == {}


def test_the_namespace_can_be_removed_while_the_agent_runs(world: World) -> None:
    world.start()
    made = Namespace()
    world.add(netns=made.descriptor)
    made.remove()

    assert world.delete().exit_code == 0
    second = Namespace()
    second.add_link()
    world.coordinator.expect(Allocate)
    assert world.add("c2", netns=second.descriptor).exit_code == 0
    assert world.coordinator.expect(Allocate).label.mac == MAC
    second.remove()


def test_the_mac_of_what_is_given_from_the_reserve_follows_with_the_label(
    world: World, namespace: Namespace
) -> None:
    namespace.add_link()
    world.coordinator.book.reserve = 1
    agent = world.start()
    world.add("c1")
    world.coordinator.expect(Allocate)
    assert world.coordinator.expect(Allocate).for_reserve
    while "reserve" not in world.coordinator.book.containers():
        agent.expect_log("")

    assert world.add("c2", netns=namespace.descriptor).exit_code == 0

    (row,) = world.coordinator.expect(SetLabels).labels
    assert (row.label.container_id, row.label.mac) == ("c2", MAC)
