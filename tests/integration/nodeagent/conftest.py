"""Fixtures of the agent's integration tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from agent_world import World


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """A coordinator that answers everything, with room for an agent."""
    made = World(tmp_path)
    yield made
    made.close()
