"""A real HTTPS server per test, with clients that verify its certificate."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gridsim_client import Client

from gridsim.http.server import GridServer


@pytest.fixture
def server() -> Iterator[GridServer]:
    with GridServer() as running:
        with running.model() as grid:
            grid.create("network", {"network": "10.55.0.0/24"})
        yield running


@pytest.fixture
def client(server: GridServer) -> Iterator[Client]:
    made = Client(server.url, server.certificate)
    with made.session:
        yield made


@pytest.fixture
def other(server: GridServer) -> Iterator[Client]:
    made = Client(server.url, server.certificate)
    with made.session:
        yield made
