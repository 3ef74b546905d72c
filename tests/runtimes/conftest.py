"""A node with real container runtimes on it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import pause_image
import pytest
from enclosure import Enclosure

from demo.cluster import Cluster, Node, Plan
from demo.links import Underlay
from tests.free_subnet import free_subnet


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("cluster")
    with (
        Underlay(secrets.token_hex(3), free_subnet()) as underlay,
        Cluster(directory, Plan(underlay=underlay)) as made,
    ):
        yield made


@pytest.fixture(scope="module")
def node(cluster: Cluster) -> Node:
    return cluster.node


@pytest.fixture(scope="module")
def enclosure(node: Node) -> Iterator[Enclosure]:
    assert node.namespace
    with Enclosure(node.namespace) as made:
        yield made


@pytest.fixture(scope="session")
def pause(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of an image that sleeps."""
    return pause_image.build(tmp_path_factory.mktemp("pause"))
