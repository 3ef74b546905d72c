"""A runtime, its agents, a network namespace: made for a test, gone after it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from plugin_runtime import LAUNCHER, PLUGIN, SCRIPT, Runtime
from scripted_agent import Behaviour, ScriptedAgent

from demo.socket_directory import socket_directory

BUILD = PLUGIN.parent / "static" / "build.sh"
SHORT_LIMITS = dict.fromkeys(("ADD", "DEL", "CHECK", "STATUS", "GC"), (0.1, 10.0))


@pytest.fixture(scope="session")
def static_launcher(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The static file as `make plugin` builds it, but with the launcher in front of the plugin."""
    output = tmp_path_factory.mktemp("static") / "launcher"
    modules = ["--module", f"__main__={LAUNCHER}", "--module", f"infoblox={PLUGIN}"]
    subprocess.run([BUILD, *modules, output], check=True)
    return str(output)


@pytest.fixture(scope="session")
def arm64_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The static file for arm64, linked on whatever machine this is."""
    output = tmp_path_factory.mktemp("arm64") / "infoblox"
    subprocess.run([BUILD, "--arch", "arm64", output], check=True)
    return output


@pytest.fixture
def agent_directory() -> Iterator[Path]:
    """The agent's directory."""
    with socket_directory("plugin") as made:
        yield made


@pytest.fixture(params=["script", "static"])
def runtime(agent_directory: Path, request: pytest.FixtureRequest) -> Runtime:
    """A runtime whose agent does not exist, with limits short enough for tests, for each form of the plugin."""
    command = SCRIPT if request.param == "script" else (request.getfixturevalue("static_launcher"),)
    return Runtime(agent_directory, command, dict(SHORT_LIMITS))


@pytest.fixture
def script_runtime(agent_directory: Path) -> Runtime:
    """The same for the script alone."""
    return Runtime(agent_directory, SCRIPT, dict(SHORT_LIMITS))


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
