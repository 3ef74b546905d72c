"""What an agent tells of the network namespaces of its world."""

from __future__ import annotations

import os
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import World

from protocol.wire.messages import Interfaces, ListInterfaces
from protocol.wire.values import Interface


class Pods:
    """Network namespaces of a test, seen through a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.directory.mkdir()
        self.names: list[str] = []

    def add(self, *addresses: str, mac: str | None = None, ifname: str = "eth0") -> Path:
        name = f"s{uuid.uuid4().hex[:8]}"
        self.names.append(name)
        _ip("netns", "add", name)
        if mac:
            _ip("-n", name, "link", "add", ifname, "address", mac, "type", "veth", "peer", "name", "far")
        for address in addresses:
            flags = ["nodad"] if ":" in address else []
            _ip("-n", name, "addr", "add", f"{address}/{64 if flags else 24}", "dev", ifname, *flags)
        (self.directory / name).symlink_to(f"/run/netns/{name}")
        return self.directory / name

    def remove(self) -> None:
        for name in self.names:
            _ip("netns", "del", name)


def _ip(*arguments: str | bytes) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def pods(tmp_path: Path) -> Iterator[Pods]:
    made = Pods(tmp_path / "netns")
    yield made
    made.remove()


def an_interface(path: Path, ifname: str, mac: str, *addresses: str) -> Interface:
    inode = path.stat().st_ino
    return Interface(namespace=str(path), inode=inode, ifname=ifname, mac=mac, addresses=list(addresses))


def survey(world: World) -> tuple[list[Interface], int]:
    """Everything that the agent shows, except the far ends of pairs, with how much it could not read."""
    world.coordinator.send(ListInterfaces(id="look"))
    pages: list[Interfaces] = [world.coordinator.expect(Interfaces)]
    while not pages[-1].last:
        pages.append(world.coordinator.expect(Interfaces))
    assert [(page.id, page.page) for page in pages] == [("look", number) for number in range(len(pages))]
    shown = [each for page in pages for each in page.interfaces if each.ifname != "far"]
    return shown, sum(page.unreadable for page in pages)


def test_every_interface_is_told_with_mac_and_addresses(world: World, pods: Pods) -> None:
    addresses = ("10.55.0.7", "10.55.0.8", "fd00:55::7")
    one = pods.add(*addresses, mac="02:00:00:00:00:07")
    _ip("-n", pods.names[0], "link", "set", "eth0", "up")
    two = pods.add(mac="02:00:00:00:00:09", ifname="net1")
    pods.add()
    world.start(netns_dir=str(pods.directory))

    shown, unreadable = survey(world)

    assert unreadable == 0
    assert sorted(shown, key=lambda each: each.ifname) == [
        an_interface(one, "eth0", "02:00:00:00:00:07", *addresses),
        an_interface(two, "net1", "02:00:00:00:00:09"),
    ]


@pytest.mark.parametrize("ifname", [b"\xff\xfe", b"a\x01", "\N{EM SPACE}".encode()])
def test_a_pod_that_gives_an_interface_an_odd_name_hides_no_other_pod(
    world: World, pods: Pods, ifname: bytes
) -> None:
    one = pods.add("10.55.0.7", mac="02:00:00:00:00:07")
    _ip("-n", pods.names[0], "link", "add", ifname, "type", "veth", "peer", "name", "far2")
    _ip("-n", pods.names[0], "addr", "add", "10.55.0.9/24", "dev", ifname)
    world.start(netns_dir=str(pods.directory))

    shown, unreadable = survey(world)

    assert [each for each in shown if each.ifname != "far2"] == [
        an_interface(one, "eth0", "02:00:00:00:00:07", "10.55.0.7")
    ]
    assert unreadable == 1


def test_the_nodes_own_namespace_other_files_and_second_names_are_left_out(world: World, pods: Pods) -> None:
    path = pods.add("10.55.0.7", mac="02:00:00:00:00:07")
    (pods.directory / "again").symlink_to(path.resolve())
    (pods.directory / "home").symlink_to("/proc/self/ns/net")
    (pods.directory / "gone").symlink_to("/run/netns/nobody")
    (pods.directory / "note").write_text("no namespace")
    world.start(netns_dir=f"{pods.directory},/nowhere")

    shown, unreadable = survey(world)

    assert [each.addresses for each in shown] == [["10.55.0.7"]]
    assert unreadable == 0


def test_many_namespaces_hold_nobody_up_and_all_are_told(world: World, pods: Pods) -> None:
    paths = {pods.add("10.55.0.7", mac=f"02:00:00:00:01:{number:02x}") for number in range(40)}
    agent = world.start(netns_dir=str(pods.directory))
    files = world.open_files(agent)
    descriptor = os.open(min(paths), os.O_RDONLY)
    world.coordinator.send(ListInterfaces(id="first"))

    assert world.add(netns=descriptor).exit_code == 0
    world.coordinator.expect(Interfaces)
    shown, _ = survey(world)

    os.close(descriptor)
    assert {Path(each.namespace) for each in shown} == paths
    # Connections of plugins are still being closed; a leak would be one for each namespace.
    assert world.open_files(agent) < files + len(paths)
