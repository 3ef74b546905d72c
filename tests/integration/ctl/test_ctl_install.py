"""`cni-infoblox install`: the plugin in a runtime's directory."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ctl.plugin_file import running_interpreter

REPLACEMENTS = 100
LOOPS = 4
INSTALL_OFTEN = f"""
import sys
from ctl.__main__ import main
directory, flag, *alternatives = sys.argv[1:]
for number in range({REPLACEMENTS}):
    code = main(["install", "--cni-bin-dir", directory, flag, alternatives[number % 2]])
    assert code == 0
"""
"""A process of its own: a fork of the loops' process could inherit the file while it is written (ETXTBSY)."""


def ctl_install(directory: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ctl", "install", "--cni-bin-dir", str(directory), *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def version_of(plugin: Path) -> bytes:
    environment = {"CNI_COMMAND": "VERSION"}
    return subprocess.run([plugin], env=environment, input=b"", capture_output=True, check=True).stdout


def test_the_static_file_is_installed_where_there_is_one(tmp_path: Path, static_plugin: Path) -> None:
    result = ctl_install(tmp_path)
    installed = tmp_path / "infoblox"
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"installed {installed}, static, from {static_plugin}\n"
    assert installed.read_bytes() == static_plugin.read_bytes()
    assert stat.S_IMODE(installed.stat().st_mode) == 0o755
    assert b'"1.1.0"' in version_of(installed)
    assert os.listdir(tmp_path) == ["infoblox"]


def test_a_file_for_another_processor_is_refused(tmp_path: Path, static_plugin: Path) -> None:
    data = bytearray(static_plugin.read_bytes())
    data[18:20] = b"\xff\xff"  # e_machine
    foreign = tmp_path / "foreign"
    foreign.write_bytes(data)
    foreign.chmod(0o755)
    result = ctl_install(tmp_path, "--plugin", str(foreign))
    assert result.returncode == 2
    assert result.stderr.startswith(f"cni-infoblox: --plugin {foreign}: does not run on this machine")
    assert os.listdir(tmp_path) == ["foreign"]


def test_the_script_runs_by_itself(tmp_path: Path) -> None:
    result = ctl_install(tmp_path, "--interpreter", str(running_interpreter()))
    installed = tmp_path / "infoblox"
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"installed {installed}, executed by {running_interpreter()}\n"
    assert installed.read_bytes().startswith(f"#!{running_interpreter()} -IS\n".encode())
    assert stat.S_IMODE(installed.stat().st_mode) == 0o755
    assert b'"1.1.0"' in version_of(installed)
    assert os.listdir(tmp_path) == ["infoblox"]


def test_the_plugin_takes_the_name_of_the_driver(tmp_path: Path) -> None:
    ctl_install(tmp_path, "--driver-name", "infoblox-test")
    environment = {"CNI_COMMAND": "STATUS"}
    output = subprocess.run([tmp_path / "infoblox-test"], env=environment, capture_output=True, check=False).stdout
    assert b"/run/cni/infoblox-test.sock" in output


def test_an_unchanged_plugin_is_left_alone(tmp_path: Path) -> None:
    ctl_install(tmp_path)
    before = (tmp_path / "infoblox").stat()
    assert ctl_install(tmp_path).stdout == f"{tmp_path / 'infoblox'} is installed already\n"
    after = (tmp_path / "infoblox").stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_an_older_plugin_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "infoblox").write_text("#!/bin/false\n")
    assert ctl_install(tmp_path).returncode == 0
    assert b'"1.1.0"' in version_of(tmp_path / "infoblox")


def test_a_plugin_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "infoblox" / "in the way").mkdir(parents=True)
    result = ctl_install(tmp_path)
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1
    assert os.listdir(tmp_path) == ["infoblox"]


@pytest.fixture(params=["static", "script"])
def alternatives(request: pytest.FixtureRequest, tmp_path: Path, static_plugin: Path) -> list[str]:
    """A flag of the installer, with two values that install different bytes of one plugin."""
    if request.param == "static":
        other = tmp_path / "newer"
        other.write_bytes(static_plugin.read_bytes() + b"newer")
        other.chmod(0o755)
        return ["--plugin", str(other), str(static_plugin)]
    alias = tmp_path / "python"
    alias.symlink_to(running_interpreter())
    return ["--interpreter", str(alias), str(running_interpreter())]


def test_replacing_the_plugin_under_load_breaks_no_call(tmp_path: Path, alternatives: list[str]) -> None:
    directory = tmp_path / "bin"
    directory.mkdir()
    flag, _, first = alternatives
    assert ctl_install(directory, flag, first).returncode == 0
    expected = version_of(directory / "infoblox")
    done = threading.Event()
    answers: list[list[bytes]] = [[] for _ in range(LOOPS)]
    failures: list[Exception] = []

    def loop(mine: list[bytes]) -> None:
        while not done.is_set():
            try:
                mine.append(version_of(directory / "infoblox"))
            except (OSError, subprocess.CalledProcessError) as failure:
                failures.append(failure)
                return

    threads = [threading.Thread(target=loop, args=(mine,)) for mine in answers]
    for thread in threads:
        thread.start()
    installer = [sys.executable, "-c", INSTALL_OFTEN, str(directory), *alternatives]
    result = subprocess.run(installer, capture_output=True, text=True, check=False)
    done.set()
    for thread in threads:
        thread.join()
    assert result.returncode == 0
    assert result.stdout.count("installed") == REPLACEMENTS
    assert "already" not in result.stdout
    assert failures == []
    assert all(mine and set(mine) == {expected} for mine in answers)
