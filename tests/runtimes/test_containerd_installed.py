"""containerd notices what the installer writes, and can end its pods while the node is being uninstalled."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from containerd_process import Containerd, Sandbox
from enclosure import Enclosure

from demo.cluster import Cluster, Node
from demo.links import inside
from tests.e2e.installer_world import InstallerWorld

HANDLER = "bridge"
TRIES_MAX = 100
"""Of pods that are started until the runtime has read its directory; it tells nobody when it has."""


@pytest.fixture(scope="module")
def containerd(
    tmp_path_factory: pytest.TempPathFactory, node: Node, enclosure: Enclosure, pause: Path
) -> Iterator[Containerd]:
    with Containerd(tmp_path_factory.mktemp("containerd"), node, enclosure, {HANDLER: None}) as runtime:
        runtime.load(pause)
        yield runtime


@pytest.fixture
def world(tmp_path: Path, node: Node, containerd: Containerd) -> Iterator[InstallerWorld]:
    made = InstallerWorld(tmp_path, node.socket_dir, node.bin_dir, containerd.configuration_dir(HANDLER))
    yield made
    made.stop()


def config(node: Node, **changes: Any) -> dict[str, Any]:
    fields = {**node.config("bridge", **changes), "bridge": "cni1"}
    return {name: value for name, value in fields.items() if name != "cniVersion"}


def outcome(containerd: Containerd, sandbox: Sandbox) -> Sandbox | str:
    """The pod that runs, or what the runtime says instead."""
    try:
        return containerd.run(sandbox)
    except grpc.RpcError as error:
        return str(error.details())


def until(containerd: Containerd, matching: Callable[[Sandbox | str], object]) -> Sandbox | str:
    """The first outcome that matches, of pods that are started and ended one after another."""
    for _ in range(TRIES_MAX):
        found = outcome(containerd, Sandbox(f"try-{secrets.token_hex(4)}", HANDLER))
        if matching(found):
            return found
        if isinstance(found, Sandbox):
            end(containerd, found)
    raise AssertionError(f"after {TRIES_MAX} pods: {found}")


def end(containerd: Containerd, sandbox: Sandbox) -> None:
    containerd.stop(sandbox)
    containerd.remove(sandbox)


def test_what_the_installer_writes_changes_and_removes_is_noticed(
    cluster: Cluster, node: Node, containerd: Containerd, world: InstallerWorld
) -> None:
    assert "cni plugin not initialized" in str(outcome(containerd, Sandbox("early", HANDLER)))

    world.configure(config(node))
    world.start()
    world.written(1)
    first = until(containerd, lambda found: isinstance(found, Sandbox))
    assert isinstance(first, Sandbox)
    assert first.address.startswith("10.55.0.")
    end(containerd, first)

    world.configure(config(node, subnet="10.57.0.0/24", gateway=None))
    world.written(2)
    second = until(containerd, lambda found: isinstance(found, Sandbox) and found.address.startswith("10.57.0."))
    assert isinstance(second, Sandbox)
    world.stop()

    assert node.agent
    assert node.namespace
    uninstalling = world.uninstall(node.agent, launcher=inside(node.namespace, []))
    uninstalling.wait_until(lambda line: "1 held" in line.get("text", ""), "1 held")
    refused = until(containerd, lambda found: isinstance(found, str))
    assert "this node takes no new pods, cni-infoblox is being uninstalled" in str(refused)
    end(containerd, second)
    assert uninstalling.wait_exit(60) == 0
    assert list(world.conf_dir.iterdir()) == []
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())
    until(containerd, lambda found: "cni plugin not initialized" in str(found))
