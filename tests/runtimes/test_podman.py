"""Containers that podman runs through its CNI backend get their addresses from the grid."""

from __future__ import annotations

from pathlib import Path

import pytest
from enclosure import Enclosure
from pause_image import IMAGE
from podman_process import Podman

from demo.cluster import Cluster, Node
from demo.grid import ea


@pytest.fixture(scope="module")
def podman(tmp_path_factory: pytest.TempPathFactory, node: Node, enclosure: Enclosure, pause: Path) -> Podman:
    config = {**node.config("bridge"), "bridge": "cni0", "isGateway": True}
    made = Podman(tmp_path_factory.mktemp("podman"), node, enclosure, config)
    made("load", "--input", str(pause))
    return made


def test_a_container_holds_the_address_that_the_grid_shows(cluster: Cluster, podman: Podman) -> None:
    container = podman.run("cache", IMAGE)
    address = podman.address(container)
    assert cluster.grid.wait_until(lambda: list(cluster.grid.pods()) == [address])
    assert ea(cluster.grid.pods()[address], "VM ID") == container
    podman("rm", "--force", "--time", "0", container)
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())


def test_a_container_that_restarts_under_its_id_gets_an_address_again(cluster: Cluster, podman: Podman) -> None:
    container = podman.run("cache", IMAGE)
    podman("stop", "--time", "5", container)
    podman("start", container)
    address = podman.address(container)
    assert cluster.grid.wait_until(lambda: list(cluster.grid.pods()) == [address])
    podman("rm", "--force", "--time", "0", container)
    assert cluster.grid.wait_until(lambda: not cluster.grid.pods())
