"""How many instructions the static file executes: its speed, counted, so that a slow machine changes nothing."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripted_agent import answers

ANSWER = b'{"cniVersion":"1.0.0","ips":[{"address":"10.55.0.7/24"}]}'
CONFIG = b'{"cniVersion":"1.0.0","name":"pods","type":"bridge","ipam":{"type":"infoblox","socket-dir":"%s"}}'
EXPECTED = {"VERSION": 5_380_000, "ADD": 5_760_000}
"""Measured with Debian 12's libpython. Whoever makes the plugin do less, or must make it do more, changes them."""
TOLERANCE = 0.05


def count_instructions(plugin: Path, environment: Mapping[str, str], stdin: bytes) -> tuple[int, bytes]:
    """What valgrind counts in user space, with the output of the plugin."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(plugin)]
    done = subprocess.run(command, env=environment, input=stdin, capture_output=True, check=True)
    found = re.search(rb"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1]), done.stdout


def within_tolerance(counted: int, verb: str) -> bool:
    """Whether it is about what was expected; fewer are to be taken down, too."""
    return abs(counted - EXPECTED[verb]) <= TOLERANCE * EXPECTED[verb]


def test_version_takes_no_more_instructions_than_it_did(static_plugin: Path) -> None:
    counted, output = count_instructions(static_plugin, {"CNI_COMMAND": "VERSION"}, b"")
    assert b"supportedVersions" in output
    assert within_tolerance(counted, "VERSION"), counted


def test_an_add_that_the_agent_answers_takes_no_more_instructions_than_it_did(
    static_plugin: Path, agent_directory: Path, agents: Any
) -> None:
    agents(agent_directory / "infoblox.sock", answers(0, ANSWER))
    environment = {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c" * 64,
        "CNI_IFNAME": "eth0",
        "CNI_NETNS": "/proc/self/ns/net",
    }
    counted, output = count_instructions(static_plugin, environment, CONFIG % bytes(agent_directory))
    assert output == ANSWER
    assert within_tolerance(counted, "ADD"), counted
