"""Which `ipam.socket-dir` the plugin accepts from a configuration that tenants may write."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from plugin_runtime import Runtime
from scripted_agent import answers


def configuration(directory: object) -> bytes:
    return json.dumps({"cniVersion": "1.0.0", "ipam": {"type": "infoblox", "socket-dir": directory}}).encode()


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """A directory like the default one."""
    directory = tmp_path / "parent" / "other"
    directory.parent.mkdir(mode=0o755)
    directory.mkdir(mode=0o700)
    return directory


@pytest.mark.parametrize("suffix", ["", "/"])
def test_a_private_directory_is_used(runtime: Runtime, agents: Any, other: Path, suffix: str) -> None:
    agents(other / "infoblox.sock", answers(0, b"{}"))
    assert runtime.call("ADD", configuration(f"{other}{suffix}")).output == b"{}"


def test_a_del_without_agent_is_kept_in_that_directory(runtime: Runtime, other: Path) -> None:
    assert runtime.call("DEL", configuration(str(other))).status == 0
    assert (other / "infoblox.pending" / "c1-eth0").exists()
    assert not runtime.pending.exists()


def test_a_directory_is_named_in_any_way_that_json_allows(runtime: Runtime, agents: Any, other: Path) -> None:
    strange = other / '"\\\N{GRINNING FACE}'
    strange.mkdir(mode=0o700)
    agents(strange / "infoblox.sock", *[answers(0, b"{}")] * 2)
    escaped = configuration(str(strange)).replace(b"/", b"\\/")
    assert runtime.call("ADD", escaped).output == b"{}"
    raw = json.dumps(json.loads(escaped), ensure_ascii=False, indent=1).encode()
    assert runtime.call("ADD", raw).output == b"{}"


@pytest.mark.parametrize("verb", ["ADD", "DEL", "STATUS"])
def test_a_directory_that_others_can_write_is_refused(runtime: Runtime, other: Path, verb: str) -> None:
    other.chmod(0o770)
    error = runtime.call(verb, configuration(str(other))).error
    assert error["code"] == 7
    assert error["msg"] == f"ipam.socket-dir {other} is not trusted"
    assert "chmod go-w" in error["details"]
    assert list(other.iterdir()) == []


def test_a_directory_whose_parent_others_can_write_is_refused(runtime: Runtime, other: Path) -> None:
    other.parent.chmod(0o777)
    assert runtime.call("ADD", configuration(str(other))).error["code"] == 7


@pytest.mark.parametrize("whose", ["directory", "parent"])
def test_a_directory_of_another_user_is_refused(runtime: Runtime, other: Path, whose: str) -> None:
    os.chown(other if whose == "directory" else other.parent, 1000, 1000)
    assert runtime.call("ADD", configuration(str(other))).error["code"] == 7


@pytest.mark.parametrize("directory", ["run/cni", "", "/run/\0cni", "/run/\ud800"])
def test_what_is_no_absolute_path_is_refused(runtime: Runtime, directory: str) -> None:
    assert runtime.call("ADD", configuration(directory)).error["code"] == 7


def test_an_absent_directory_is_an_agent_that_is_down(runtime: Runtime, other: Path) -> None:
    error = runtime.call("ADD", configuration(f"{other}/absent")).error
    assert (error["code"], error["msg"]) == (11, f"infoblox agent does not answer at {other}/absent/infoblox.sock")


@pytest.mark.parametrize(
    "stdin",
    [
        b'{"ipam":{"socket-dir":"/elsewhere"}',
        b'["socket-dir"]',
        b'{"ipam":null,"x":{"socket-dir":"/elsewhere"}}',
        b'{"ipam":["socket-dir"]}',
        b"[" * 100_000 + b'"socket-dir"',
        b'\xff"socket-dir"',
        configuration(5),
        configuration(None),
        configuration({"socket-dir": "/elsewhere"}),
    ],
)
def test_what_cannot_be_read_is_left_to_the_default_agent(runtime: Runtime, agents: Any, stdin: bytes) -> None:
    agent = agents(runtime.socket, answers(1, b"the agent explains"))
    assert runtime.call("ADD", stdin).output == b"the agent explains"
    assert agent.requests.get_nowait().stdin == stdin
