"""Real network namespaces that vanish, seen by a real agent in several ways."""

from __future__ import annotations

import os
import signal
import subprocess
import uuid
from collections.abc import Iterator

import pytest
from agent_world import Answer, Staging, World, a_config

from protocol.wire.messages import Allocate, Claims

HURRY = Staging(look_every_s=0.5)


def in_mounts_of_its_own(change: str, propagation: str = "slave") -> Staging:
    """The agent sees the machine's files with this change, as in a container."""
    shell = ["sh", "-c", f'{change} && exec "$@"', "sh"]
    return Staging(look_every_s=0.5, inside=("unshare", "--mount", "--propagation", propagation, *shell))


class Sandboxes:
    """The network namespaces of a node's pods."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._names: dict[str, str] = {}

    def add(self, container: str, uid: str | None = None) -> Answer:
        """A namespace with an ADD in it."""
        path = self.make(container)
        descriptor = os.open(path, os.O_RDONLY)
        try:
            args = f"K8S_POD_UID={uid}" if uid else ""
            return self._world.call("ADD", container, netns=descriptor, CNI_NETNS=path, CNI_ARGS=args).answer()
        finally:
            os.close(descriptor)

    def make(self, container: str) -> str:
        name = self._names[container] = f"s{uuid.uuid4().hex[:8]}"
        subprocess.run(["ip", "netns", "add", name], check=True)
        return f"/run/netns/{name}"

    def remove(self, container: str) -> None:
        subprocess.run(["ip", "netns", "del", self._names.pop(container)], check=True)

    def close(self) -> None:
        for container in list(self._names):
            self.remove(container)


@pytest.fixture
def sandboxes(world: World) -> Iterator[Sandboxes]:
    made = Sandboxes(world)
    yield made
    made.close()


def collect(world: World, *valid: str) -> Answer:
    """A GC that lists these containers."""
    listed = [{"containerID": container, "ifname": "eth0"} for container in valid]
    config = {**a_config(cniVersion="1.1.0"), "cni.dev/valid-attachments": listed}
    return world.call("GC", config=config).answer()


def test_what_lived_in_a_namespace_that_vanished_is_released_and_its_neighbour_stays(
    world: World, sandboxes: Sandboxes
) -> None:
    agent = world.start(HURRY)
    sandboxes.add("stays")
    sandboxes.add("goes")

    sandboxes.remove("goes")

    assert world.next_let_go() == "goes"
    agent.expect_log("why=namespace_gone", "event=released")
    assert world.coordinator.book.containers() == {"stays"}


def test_what_vanished_while_no_agent_ran_is_released_after_its_start(world: World, sandboxes: Sandboxes) -> None:
    agent = world.start(HURRY)
    sandboxes.add("stays")
    sandboxes.add("goes")
    agent.kill()
    sandboxes.remove("goes")

    world.start(HURRY)

    assert world.next_let_go() == "goes"


def test_an_agent_that_died_between_journal_and_answer_keeps_nothing(world: World, sandboxes: Sandboxes) -> None:
    agent = world.start(HURRY)
    sandboxes.add("stays")
    agent.kill()
    killed = world.launch(Staging(kill_at="journal:held:after"))
    killed.expect_log("coordinator_reached")
    with pytest.raises(ConnectionError):
        sandboxes.add("goes")
    assert killed.wait() == -signal.SIGKILL
    sandboxes.remove("goes")

    world.start(HURRY)

    assert world.next_let_go() == "goes"


def test_sandboxes_recreated_without_a_del_hold_two_addresses_at_most(world: World, sandboxes: Sandboxes) -> None:
    world.start()
    for number in range(20):
        assert sandboxes.add(f"c{number}", uid="u-1").exit_code == 0
        if number:
            assert world.next_let_go() == f"c{number - 1}"
        assert len(world.coordinator.book.containers()) <= 2
        sandboxes.remove(f"c{number}")


def test_a_gc_releases_what_vanished_and_is_not_listed(world: World, sandboxes: Sandboxes) -> None:
    world.start()
    for container in ("listed", "lives", "goes"):
        sandboxes.add(container)
    for container in ("listed", "goes"):
        sandboxes.remove(container)

    assert collect(world, "listed") == Answer(0, b"")

    assert world.next_let_go() == "goes"
    world.until_only({"listed", "lives"})


def test_what_a_gc_released_stays_released_although_the_agent_dies(world: World, sandboxes: Sandboxes) -> None:
    agent = world.start()
    sandboxes.add("lives")
    sandboxes.add("goes")
    sandboxes.remove("goes")
    world.coordinator.policy = lambda message: []
    assert collect(world).exit_code == 0
    assert world.next_let_go() == "goes"
    agent.kill()
    world.restart_coordinator()

    world.start()

    assert [row.was_held for row in world.coordinator.expect(Claims).let_go] == [True]


@pytest.mark.parametrize("change", ["mount -t tmpfs none /run/netns", "umount -l /run/netns/*"])
def test_an_agent_that_sees_no_namespace_releases_none(world: World, sandboxes: Sandboxes, change: str) -> None:
    agent = world.start()
    sandboxes.add("lives")
    sandboxes.add("goes")
    agent.kill()
    sandboxes.remove("goes")
    agent = world.start(in_mounts_of_its_own(change))

    for _ in range(3):
        assert collect(world).exit_code == 0

    assert not agent.has_said("let_go_without_del")
    assert world.coordinator.book.containers() == {"lives", "goes"}


def test_a_mount_that_does_not_reach_the_agent_releases_nothing(world: World, sandboxes: Sandboxes) -> None:
    agent = world.start()
    sandboxes.add("old")
    agent.kill()
    agent = world.start(in_mounts_of_its_own("true", propagation="private"))
    sandboxes.add("new")

    for _ in range(3):
        assert collect(world).exit_code == 0
    assert not agent.has_said("let_go_without_del")

    sandboxes.remove("new")
    assert collect(world).exit_code == 0
    world.until_only({"old"})


def test_a_container_that_is_added_again_in_another_namespace_gets_another_address(
    world: World, sandboxes: Sandboxes
) -> None:
    agent = world.start()
    sandboxes.add("other")
    address = sandboxes.add("again").address
    sandboxes.remove("again")

    assert sandboxes.add("again").address != address
    agent.expect_log("why=another_namespace")

    assert world.next_let_go() == "again"
    assert collect(world).exit_code == 0
    assert world.coordinator.book.containers() == {"other", "again"}


def test_a_process_that_keeps_a_namespace_says_nothing_where_only_links_lead_to_it(world: World) -> None:
    with subprocess.Popen(["unshare", "--net", "sleep", "60"]) as process:
        path = f"/proc/{process.pid}/ns/net"
        descriptor = os.open(path, os.O_RDONLY)
        agent = world.start()
        assert world.call("ADD", netns=descriptor, CNI_NETNS=path).answer().exit_code == 0
        os.close(descriptor)
        world.coordinator.expect(Allocate)
        process.kill()

    assert collect(world).exit_code == 0

    assert not agent.has_said("let_go_without_del")
