"""`images/engine`: an engine for the time being leaves the machine as it was."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ENGINE = Path(__file__).parents[3] / "images" / "engine"
ASK = '"$DOCKER" info --format "{{.Driver}} {{.DockerRootDir}}"'
NETWORK = "left-behind"


@pytest.fixture(name="inside", scope="module")
def network_namespace() -> Iterator[list[str]]:
    """What runs a command in a network of its own, where nobody else's engine changes anything."""
    name = f"engine-{os.getpid()}"
    subprocess.run(["ip", "netns", "add", name], check=True)
    inside = ["nsenter", f"--net=/run/netns/{name}"]
    subprocess.run([*inside, "ip", "link", "set", "lo", "up"], check=True)
    yield inside
    subprocess.run(["ip", "netns", "del", name], check=True)


class Machine:
    """A network namespace, with the command that has an engine there."""

    def __init__(self, inside: list[str], directory: Path) -> None:
        self._inside = inside
        self._environment = {**os.environ, "DOCKER_HOST": f"unix://{directory}/nobody.sock"}

    def start(self, command: str) -> subprocess.Popen[str]:
        """Start a command where no engine answers."""
        argv = [*self._inside, str(ENGINE), "sh", "-c", command]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            argv, stdout=pipe, stderr=pipe, text=True, env=self._environment, start_new_session=True
        )

    def run(self, command: str) -> subprocess.CompletedProcess[str]:
        """Run it to its end."""
        started = self.start(command)
        stdout, stderr = started.communicate()
        return subprocess.CompletedProcess(command, started.returncode, stdout, stderr)

    def network(self) -> dict[str, str]:
        """What an engine changes."""
        asked = {
            "filter": ["iptables", "-t", "filter", "-S"],
            "nat": ["iptables", "-t", "nat", "-S"],
            "links": ["ip", "-oneline", "-brief", "link"],
            "forwarding": ["cat", "/proc/sys/net/ipv4/ip_forward"],
        }
        return {name: subprocess.check_output([*self._inside, *argv], text=True) for name, argv in asked.items()}


@pytest.fixture(name="machine")
def machine_with_a_network_of_its_own(inside: list[str], tmp_path: Path) -> Machine:
    """One in which no engine answers."""
    return Machine(inside, tmp_path)


def engines() -> set[int]:
    """The running engines, by process ID."""
    return {int(path.parent.name) for path in Path("/proc").glob("[0-9]*/comm") if _name(path) == "dockerd"}


def _name(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return ""


def test_the_command_has_an_engine_and_afterwards_the_network_is_as_before(machine: Machine) -> None:
    before, running = machine.network(), engines()
    done = machine.run(ASK)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split()[1] == str(ENGINE.parents[1] / ".state" / "engine")
    assert machine.network() == before
    assert engines() == running


def test_the_commands_exit_code_is_handed_on(machine: Machine) -> None:
    before = machine.network()
    assert machine.run("exit 3").returncode == 3
    assert machine.network() == before


def test_two_at_once_take_turns(machine: Machine) -> None:
    before = machine.network()
    with ThreadPoolExecutor(2) as pool:
        done = list(pool.map(lambda _: machine.run(ASK), range(2)))
    assert [one.returncode for one in done] == [0, 0], [one.stderr for one in done]
    assert sum("waiting for its end" in one.stderr for one in done) == 1
    assert machine.network() == before


@pytest.mark.parametrize("who", ["the command alone", "the engine too"])
def test_what_a_killed_one_leaves_is_put_in_order_by_the_next(machine: Machine, who: str) -> None:
    before, running = machine.network(), engines()
    killed = machine.start(f'"$DOCKER" network create {NETWORK} && exec sleep 600')
    assert killed.stdout
    assert killed.stdout.readline()
    (engine,) = engines() - running
    os.killpg(killed.pid, signal.SIGKILL)
    if who == "the engine too":
        os.kill(engine, signal.SIGKILL)
    killed.communicate()
    assert machine.network() != before
    done = machine.run(f'"$DOCKER" network rm {NETWORK}')
    assert done.returncode == 0, done.stderr
    assert "was killed" in done.stderr
    assert machine.network() == before
    assert engines() == running
