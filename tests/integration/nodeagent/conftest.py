"""Fixtures of the agent's integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

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
