"""What goes into a bundle, each with the name that it has there; or why it could not be had."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Final

import requests

from ctl import pages
from ctl.support.secrets import REMOVED, is_secret_name

OURS: Final = "cni-infoblox"
LOG_BYTES_MAX: Final = 4 * 1024 * 1024
"""Of one log, its end."""
PAGE_BYTES_MAX: Final = 16 * 1024 * 1024
PAGES: Final = ("status", "metrics", "healthz", "readyz")
UNIT_LINES_MAX: Final = 20_000
COMMAND_LIMIT_S: Final = 20
DIRECTORIES: Final = ("/run/cni", "/run/cni-infoblox", "/opt/cni/bin", "/etc/cni/net.d", "/var/lib/cni-infoblox")
CONFIGURATIONS: Final = Path("/etc/cni/net.d")
POD_LOGS: Final = Path("/var/log/containers")


@dataclass(frozen=True)
class Piece:
    """One file of the bundle, before secrets are taken out."""

    name: str
    text: str


@dataclass(frozen=True)
class Missing:
    """What could not be had."""

    name: str
    why: str


Found = Piece | Missing


@dataclass(frozen=True)
class Process:
    """A running command of ours."""

    pid: int
    arguments: tuple[str, ...]
    environment: Mapping[str, str]


def processes(root: Path = Path("/proc")) -> list[Process]:
    """Those that this user may look at; this very command is none of them."""
    found = []
    for directory in sorted(root.glob("[0-9]*"), key=lambda path: int(path.name)):
        if int(directory.name) == os.getpid():
            continue
        try:
            arguments = _strings(directory / "cmdline")
            if _is_ours(arguments):
                found.append(
                    Process(int(directory.name), arguments, dict(_pairs(_strings(directory / "environ"))))
                )
        except OSError:
            continue
    return found


def of_process(process: Process) -> Iterator[Found]:
    """Its command line and its environment: secrets by their names are left out here already."""
    about = {
        "arguments": process.arguments,
        "environment": {
            name: REMOVED if is_secret_name(name) else value for name, value in sorted(process.environment.items())
        },
    }
    yield Piece(f"processes/{process.pid}.json", json.dumps(about, indent=1))
    yield from _file(f"processes/{process.pid}-status.txt", Path(f"/proc/{process.pid}/status"))


def of_daemon(session: requests.Session, kind: str, url: str) -> Iterator[Found]:
    """The pages of its status port."""
    for page in PAGES:
        name = f"{kind}/{page}{'.json' if page == 'status' else '.txt'}"
        try:
            limits = (pages.CONNECT_LIMIT_S, pages.ANSWER_LIMIT_S)
            reply = session.get(f"{url}/{page}", timeout=limits, allow_redirects=False)
        except requests.RequestException as error:
            yield Missing(name, f"{url}: {type(error).__name__}")
            return
        yield Piece(name, reply.text[:PAGE_BYTES_MAX])


def of_machine() -> Iterator[Found]:
    """Versions of what runs here, and what lies in the directories that we use."""
    packages = sorted(f"{each.metadata['Name']} {each.version}" for each in distributions())
    about = {
        "machine": platform.node(),
        "kernel": platform.release(),
        "architecture": platform.machine(),
        "system": platform.freedesktop_os_release().get("PRETTY_NAME", "")
        if Path("/etc/os-release").exists()
        else "",
        "python": sys.version,
    }
    yield Piece("about.json", json.dumps({**about, "packages": packages}, indent=1))
    for directory in DIRECTORIES:
        yield from _listing(Path(directory))


def configurations(directory: Path = CONFIGURATIONS) -> Iterator[Found]:
    """The network configurations that name us; those of others are none of our business."""
    try:
        files = sorted(path for path in directory.iterdir() if path.suffix in (".conf", ".conflist", ".json"))
    except OSError as error:
        yield Missing("configurations", f"{directory}: {error.strerror}")
        return
    for path in files:
        for found in _file(f"configurations/{path.name}", path):
            if isinstance(found, Missing) or "infoblox" in found.text:
                yield found


def logs(named: Iterable[Path]) -> Iterator[Found]:
    """The files that were named, those of our containers on this node, and what journald has of our units."""
    for path in [*named, *(sorted(POD_LOGS.glob(f"*{OURS}*.log")) if POD_LOGS.is_dir() else ())]:
        yield from _file(f"logs/{path.name}", path)
    yield from _printed(
        "logs/journald.txt", ["journalctl", "-u", f"{OURS}*", "-n", str(UNIT_LINES_MAX), "--no-pager"]
    )


def settings(file: Path) -> Iterator[Found]:
    """The file of settings, as it stands."""
    yield from _file(f"settings/{file.name}", file)


def _system() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "")
    except OSError:
        return ""


def _listing(directory: Path) -> Iterator[Found]:
    name = f"directories{str(directory).replace('/', '_')}.txt"
    lines = []
    try:
        for path in sorted(directory.rglob("*")):
            facts = path.lstat()
            lines.append(f"{facts.st_mode:06o} {facts.st_uid}:{facts.st_gid} {facts.st_size:>10} {path}")
        directory.stat()
    except OSError as error:
        yield Missing(name, f"{directory}: {error.strerror}")
        return
    yield Piece(name, "\n".join(lines))


def _file(name: str, path: Path) -> Iterator[Found]:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END) if path.is_file() and not str(path).startswith("/proc") else 0
            file.seek(max(0, size - LOG_BYTES_MAX))
            yield Piece(name, file.read(LOG_BYTES_MAX).decode("utf-8", "replace"))
    except OSError as error:
        yield Missing(name, f"{path}: {error.strerror}")


def _printed(name: str, argv: list[str]) -> Iterator[Found]:
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", timeout=COMMAND_LIMIT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        yield Missing(name, f"{argv[0]}: {getattr(error, 'strerror', None) or 'takes too long'}")
        return
    yield Piece(name, (done.stdout or done.stderr)[-LOG_BYTES_MAX:])


def _strings(path: Path) -> tuple[str, ...]:
    return tuple(part.decode("utf-8", "replace") for part in path.read_bytes().split(b"\0") if part)


def _pairs(strings: Iterable[str]) -> Iterator[tuple[str, str]]:
    for text in strings:
        name, _, value = text.partition("=")
        yield name, value


def _is_ours(arguments: tuple[str, ...]) -> bool:
    words = [Path(word).name for word in arguments[:3]]
    is_command = any(word in (f"{OURS}-coordinator", f"{OURS}-agent") for word in words)
    return is_command or words[1:] in (["-m", "coordinator"], ["-m", "nodeagent"])
