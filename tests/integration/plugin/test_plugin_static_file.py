"""The file that `make plugin` builds: it needs nothing of the host that executes it."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from plugin_runtime import Runtime
from scripted_agent import answers

from release.version import project_version

ROOT = Path(__file__).parents[3]
ADD = {"CNI_COMMAND": "ADD", "CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/proc/self/ns/net"}
CONTAINERD_LIBRARIES = "/opt/containerd/lib:"
"""What containerd 1.6 hands its plugins. The empty part behind the colon is the working directory."""


def run(command: list[str], environment: Mapping[str, str], stdin: bytes = b"{}", **options: Any) -> bytes:
    """Standard output of a command that succeeds without complaints."""
    result = subprocess.run(command, env=environment, input=stdin, capture_output=True, check=False, **options)
    assert (result.returncode, result.stderr) == (0, b"")
    return result.stdout


def test_the_file_is_static(static_plugin: Path) -> None:
    described = run(["file", "--brief", str(static_plugin)], os.environ)
    assert b"statically linked" in described
    assert b"interpreter" not in described


def test_it_says_its_release_and_what_it_was_linked_from(static_plugin: Path) -> None:
    assert run([str(static_plugin), "--version"], {}) == f"infoblox {project_version(ROOT)}\n".encode()
    packages = static_plugin.with_name("infoblox.packages").read_text().splitlines()
    assert [line.split()[0] for line in packages] == ["libpython3.11-dev", "libc6-dev"]
    assert all(len(line.split()) == 3 for line in packages)


def test_an_empty_root_without_proc_is_enough(static_plugin: Path, tmp_path: Path, agents: Any) -> None:
    root = tmp_path / "root"
    (root / "run" / "cni").mkdir(parents=True)
    (root / "infoblox").write_bytes(static_plugin.read_bytes())
    (root / "infoblox").chmod(0o755)
    agent = agents(root / "run" / "cni" / "infoblox.sock", answers(0, b'{"ips":[]}'))
    before = sorted(root.rglob("*"))
    assert run(["/usr/sbin/chroot", str(root), "/infoblox"], ADD) == b'{"ips":[]}'
    assert sorted(root.rglob("*")) == before
    assert agent.requests.get_nowait().variables["NETNS_ERROR"] == "No such file or directory"


def test_the_libraries_of_a_runtime_cannot_break_it(static_plugin: Path, tmp_path: Path) -> None:
    (tmp_path / "libc.so.6").write_bytes(b"no library")
    environment = {"CNI_COMMAND": "VERSION", "LD_LIBRARY_PATH": CONTAINERD_LIBRARIES}
    dynamic = subprocess.run(["/bin/true"], env=environment, cwd=tmp_path, capture_output=True, check=False)
    assert dynamic.returncode != 0
    assert b"supportedVersions" in run([str(static_plugin)], environment, cwd=tmp_path)


@pytest.mark.parametrize("name", ["PYTHONHOME", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONVERBOSE"])
def test_the_settings_of_a_python_on_the_host_do_not_reach_it(
    static_plugin: Path, tmp_path: Path, name: str
) -> None:
    for module in ("select.py", "infoblox.py", "encodings.py"):
        (tmp_path / module).write_text("raise SystemExit('imported')")
    environment = {"CNI_COMMAND": "VERSION", name: str(tmp_path)}
    assert b"supportedVersions" in run([str(static_plugin)], environment, cwd=tmp_path)


def test_sixteen_calls_at_once_are_answered(runtime: Runtime, agents: Any) -> None:
    agent = agents(runtime.socket, *[answers(0, b"%d" % number) for number in range(16)])
    calls = [runtime.start("ADD", CNI_CONTAINERID=f"c{number}") for number in range(16)]
    for call in calls:
        call.deliver_stdin()
    assert {call.finish().output for call in calls} == {b"%d" % number for number in range(16)}
    containers = {agent.requests.get_nowait().variables["CNI_CONTAINERID"] for _ in range(16)}
    assert containers == {f"c{number}" for number in range(16)}


def test_the_file_for_arm64_adds_through_its_own_system_calls(
    arm64_plugin: Path, agent_directory: Path, agents: Any
) -> None:
    assert b"ARM aarch64" in run(["file", "--brief", str(arm64_plugin)], os.environ)
    emulated = ["qemu-aarch64-static", str(arm64_plugin)]
    assert b"supportedVersions" in run(emulated, {"CNI_COMMAND": "VERSION"})
    assert [line.split()[0] for line in arm64_plugin.with_name("infoblox.packages").read_text().splitlines()] == [
        "libpython3.11-dev",
        "libc6-dev-arm64-cross",
    ]
    agent = agents(agent_directory / "infoblox.sock", answers(0, b"answer"))
    configuration = json.dumps({"ipam": {"socket-dir": str(agent_directory)}}).encode()
    assert run(emulated, ADD, configuration) == b"answer"
    request = agent.requests.get_nowait()
    assert request.stdin == configuration
    assert request.netns_inodes == [os.stat("/proc/self/ns/net").st_ino]
