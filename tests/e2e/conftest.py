"""Clusters of real processes for the end-to-end tests."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from plans import asking

from demo.cluster import Cluster, Plan
from demo.links import Underlay, add_interface, add_namespace, remove_namespace
from tests.free_subnet import free_subnet

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]


@pytest.fixture
def make_cluster(tmp_path: Path) -> Iterator[MakeCluster]:
    numbers = itertools.count(1)
    with ExitStack() as stack:
        yield lambda plan: stack.enter_context(Cluster(tmp_path / f"cluster{next(numbers)}", plan))


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """One cluster for all tests of a module that leave it as they found it."""
    with Cluster(tmp_path_factory.mktemp("cluster"), asking()) as shared:
        yield shared


@pytest.fixture(scope="module")
def underlay() -> Iterator[Underlay]:
    with Underlay(secrets.token_hex(3), free_subnet()) as built:
        yield built


@pytest.fixture
def make_netns() -> Iterator[MakeNetns]:
    """Makes a network namespace, with one interface where a MAC is given; returns its path."""
    names: list[str] = []

    def make(mac: str | None = None, ifname: str = "eth0") -> str:
        name = f"ibtest-{secrets.token_hex(4)}"
        names.append(name)
        path = add_namespace(name)
        if mac is not None:
            add_interface(name, ifname, mac)
        return path

    yield make
    for name in names:
        remove_namespace(name)


@pytest.fixture
def container() -> str:
    """A container ID as containerd makes them."""
    return secrets.token_hex(32)
