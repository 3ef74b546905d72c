"""The engine that lives as long as a command, and the image that it builds: whatever manifests execute is in it.

One file, since its tests share the one engine of this tree.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from k8s.render import HERE, SINGLE_FILES, kustomize
from release.components import components
from release.image_archive import read_image
from release.version import project_version

pytestmark = pytest.mark.timeout(900)
"""Where nothing is built so far, that takes minutes."""

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


# What manifests execute, in the image

ROOT: Final = Path(__file__).parents[3]
OVERLAYS: Final = sorted(path.name for path in (HERE / "overlays").iterdir())
HANDLERS: Final = (
    ("startupProbe",),
    ("readinessProbe",),
    ("livenessProbe",),
    ("lifecycle", "postStart"),
    ("lifecycle", "preStop"),
)
RUN_LIMIT_S: Final = 30
"""What still runs by then was found, and has understood its flags."""
BUILD: Final = 'images/build --save "$0" cni-infoblox >&2 && echo "$DOCKER" "${DOCKER_HOST:-}" && read -r _'
"""Keeps the engine until its standard input is closed."""
RELEASE: Final = project_version(ROOT)


Object = dict[str, Any]


@dataclass(frozen=True)
class Command:
    """One command line of a container; `image` is the container's."""

    place: str
    image: str
    argv: tuple[str, ...]


def rendered() -> dict[str, str]:
    """Every manifest that people apply, by its place below k8s/."""
    overlays = {f"overlays/{name}": kustomize(HERE / "overlays" / name) for name in OVERLAYS}
    return {**{file.name: (HERE / file.name).read_text() for file in SINGLE_FILES}, **overlays}


def commands_of(place: str, container: Object) -> Iterator[Command]:
    """What a kubelet executes in a container."""
    image = container["image"]
    yield Command(place, image, (*container["command"], *container.get("args", [])))
    for path in HANDLERS:
        handler = container
        for key in path:
            handler = handler.get(key, {})
        if "exec" in handler:
            yield Command(f"{place} {path[-1]}", image, tuple(handler["exec"]["command"]))


def all_commands() -> Iterator[Command]:
    """Of all manifests."""
    for source, text in rendered().items():
        for found in yaml.safe_load_all(text):
            pod = found["spec"].get("template", {}).get("spec", {}) if "spec" in found else {}
            for container in (*pod.get("initContainers", []), *pod.get("containers", [])):
                yield from commands_of(f"{source} {container['name']}", container)


COMMANDS: Final = tuple(all_commands())


class Image:
    """The image that was built from this tree, and the client that runs it."""

    def __init__(self, docker: str, host: str, archive: Path) -> None:
        self._client = [docker, *(["--host", host] if host else [])]
        self.archive = archive

    def load(self) -> str:
        """Take the archive in, as on another machine."""
        return subprocess.check_output([*self._client, "load", "--input", str(self.archive)], text=True)

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Execute a command as a container's own; the exit code is 127 where there is no such program."""
        program, *arguments = command.argv
        limits = ("--rm", "--init", "--network", "none", "--read-only", "--entrypoint", program)
        argv = ["timeout", str(RUN_LIMIT_S), *self._client, "run", *limits, command.image, *arguments]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Image]:
    """Built by the commands that `make images` runs."""
    directory = tmp_path_factory.mktemp("archives")
    argv: Sequence[str] = ("images/engine", "sh", "-c", BUILD, str(directory))
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        docker, _, host = engine.stdout.readline().strip().partition(" ")
        assert docker, "no image was built"
        (archive,) = directory.iterdir()
        yield Image(docker, host, archive)
        engine.communicate("\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.place)
def test_a_container_can_execute_what_its_manifest_says(image: Image, command: Command) -> None:
    done = image.run(command)
    assert done.returncode not in (125, 126, 127), done.stderr
    assert "unrecognized arguments" not in done.stderr
    assert "invalid choice" not in done.stderr


def test_a_shell_is_not_among_what_can_be_executed(image: Image) -> None:
    assert image.run(replace(COMMANDS[0], argv=("sh", "-c", "true"))).returncode == 127


@pytest.mark.parametrize("program", ["cni-infoblox", "cni-infoblox-agent", "/usr/lib/cni-infoblox/infoblox"])
def test_a_program_of_the_image_says_its_release(image: Image, program: str) -> None:
    done = image.run(replace(COMMANDS[0], argv=(program, "--version")))
    assert done.stdout == f"{Path(program).name} {RELEASE}\n"


def test_the_archive_is_loaded_under_the_name_that_the_manifests_use(image: Image) -> None:
    assert image.archive.name == f"cni-infoblox-image-{RELEASE}-amd64.tar"
    assert image.load() == f"Loaded image: {COMMANDS[0].image}\n"


def test_the_archive_holds_labels_licences_and_what_a_bill_of_materials_is_made_of(image: Image) -> None:
    found = read_image(image.archive)
    assert found.labels["org.opencontainers.image.version"] == RELEASE
    assert found.labels["org.opencontainers.image.licenses"] == "Apache-2.0"
    assert {"LICENSE", "NOTICE"} <= {Path(entry.path).name for entry in found.below("usr/share/doc/cni-infoblox")}
    named = {component.name for component in components(found)}
    assert {"libc6", "python3.11-minimal", "pyzmq", "libzmq", "libsodium", "cni-infoblox", "infoblox"} <= named
