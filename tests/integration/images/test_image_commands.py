"""Whatever the manifests execute in a container exists in the image, which has no shell: tried in the image."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from k8s.render import HERE, SINGLE_FILES, kustomize

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
BUILD: Final = 'images/build cni-infoblox >&2 && echo "$DOCKER" "${DOCKER_HOST:-}" && read -r _'
"""Keeps the engine until its standard input is closed."""

pytestmark = pytest.mark.timeout(900)
"""Where nothing is built so far, that takes minutes."""

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

    def __init__(self, docker: str, host: str) -> None:
        self._client = [docker, *(["--host", host] if host else [])]

    def run(self, command: Command) -> subprocess.CompletedProcess[str]:
        """Execute a command as a container's own; the exit code is 127 where there is no such program."""
        program, *arguments = command.argv
        limits = ("--rm", "--init", "--network", "none", "--read-only", "--entrypoint", program)
        argv = ["timeout", str(RUN_LIMIT_S), *self._client, "run", *limits, command.image, *arguments]
        return subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Built by the commands that `make images` runs."""
    argv: Sequence[str] = ("images/engine", "sh", "-c", BUILD)
    with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as engine:
        assert engine.stdout
        docker, _, host = engine.stdout.readline().strip().partition(" ")
        assert docker, "no image was built"
        yield Image(docker, host)
        engine.communicate("\n")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.place)
def test_a_container_can_execute_what_its_manifest_says(image: Image, command: Command) -> None:
    done = image.run(command)
    assert done.returncode not in (125, 126, 127), done.stderr
    assert "unrecognized arguments" not in done.stderr
    assert "invalid choice" not in done.stderr


def test_a_shell_is_not_among_what_can_be_executed(image: Image) -> None:
    assert image.run(replace(COMMANDS[0], argv=("sh", "-c", "true"))).returncode == 127
