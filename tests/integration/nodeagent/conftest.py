"""Fixtures of the agent's integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import node_world
import pytest
from agent_world import World

from demo.socket_directory import socket_directory


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A coordinator that answers everything, with room for an agent."""
    with socket_directory("agent") as directory:
        made = World(tmp_path, directory / "infoblox")
        yield made
        made.close()


@pytest.fixture
def node(tmp_path: Path) -> Iterator[node_world.World]:
    """The same for an agent of the new core, which keeps its journal in `run_dir`."""
    with socket_directory("agent") as directory:
        made = node_world.World(tmp_path, directory / "infoblox")
        yield made
        made.close()
