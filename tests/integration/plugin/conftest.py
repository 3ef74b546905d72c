"""A runtime, its agents, a network namespace: made for a test, gone after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_runtime import Runtime
from scripted_agent import Behaviour, ScriptedAgent


@pytest.fixture
def runtime(tmp_path: Path) -> Runtime:
    """A runtime whose agent does not exist, with limits short enough for tests."""
    directory = tmp_path / "cni"
    directory.mkdir(mode=0o700)
    return Runtime(directory, dict.fromkeys(("ADD", "DEL", "CHECK", "STATUS", "GC"), (0.1, 10.0)))


@pytest.fixture
def agents() -> Iterator[Any]:
    """Starts agents with `agents(path, behaviours)`, and ends them with the test."""
    running: list[ScriptedAgent] = []

    def start(path: Path, *behaviours: Behaviour) -> ScriptedAgent:
        running.append(ScriptedAgent(path, list(behaviours)))
        return running[-1]

    yield start
    for agent in running:
        agent.close()


@pytest.fixture
def netns() -> Iterator[Path]:
    """A network namespace of the test's own."""
    name = f"plugin-test-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    yield Path("/run/netns") / name
    subprocess.run(["ip", "netns", "delete", name], check=True)
