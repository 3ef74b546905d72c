"""`images/engine`: an engine for the time being leaves the machine as it was."""

from __future__ import annotations

import os
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ENGINE = Path(__file__).parents[3] / "images" / "engine"
ASK = '"$DOCKER" info --format "{{.Driver}} {{.DockerRootDir}}"'


def with_engine(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    """Run a command where no engine answers."""
    environment = {**os.environ, "DOCKER_HOST": f"unix://{directory}/nobody.sock"}
    argv = [str(ENGINE), "sh", "-c", command]
    return subprocess.run(argv, capture_output=True, text=True, check=False, env=environment)


def network() -> dict[str, object]:
    """What an engine changes about the machine's network."""
    tables = {
        table: subprocess.check_output(["iptables", "-t", table, "-S"], text=True) for table in ("filter", "nat")
    }
    forwarding = Path("/proc/sys/net/ipv4/ip_forward").read_text()
    return {**tables, "forwarding": forwarding, "has_bridge": Path("/sys/class/net/docker0").exists()}


def engines() -> set[str]:
    """The running engines, by process."""
    return {path.parent.name for path in Path("/proc").glob("[0-9]*/comm") if _name(path) == "dockerd"}


def _name(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def test_the_command_has_an_engine_and_afterwards_the_network_is_as_before(tmp_path: Path) -> None:
    before, running = network(), engines()
    done = with_engine(ASK, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == str(ENGINE.parents[1] / ".state" / "engine")
    assert network() == before
    assert engines() == running


def test_the_commands_exit_code_is_handed_on(tmp_path: Path) -> None:
    before = network()
    assert with_engine("exit 3", tmp_path).returncode == 3
    assert network() == before


def test_two_at_once_take_turns(tmp_path: Path) -> None:
    before = network()
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: with_engine(ASK, tmp_path), range(2)))
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert sum("waiting for its end" in one.stderr for one in done) == 1
    assert network() == before
