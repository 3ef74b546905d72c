"""Decides which bytes are installed as the plugin: a static file, or its source for an interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import plugin
from ctl.failures import BadArgument

SOURCE: Final = Path(plugin.__file__).with_name("infoblox.py")
STATIC_FILES: Final = (Path("/usr/lib/cni-infoblox/infoblox"), SOURCE.parents[1] / "dist" / "infoblox")
"""Where the static file lies in the image, or in a source tree after `make plugin`."""

MODE: Final = 0o755
INTERPRETER_VERSION_MIN: Final = (3, 11)
ANSWER_LIMIT_S: Final = 10
SHEBANG_BYTES_MAX: Final = 255
"""What the kernel reads of a first line; the rest it would cut off silently."""


@dataclass(frozen=True)
class Executable:
    """What is to be installed, with a word for people on how it runs."""

    data: bytes
    runs: str


def chosen(file: Path | None, interpreter: Path | None) -> Executable:
    """The file that is named, else the source for the interpreter that is named, else the best that is there.

    Raises `BadArgument` where the file or the interpreter cannot serve on this machine.
    """
    if file and interpreter:
        raise BadArgument("--plugin and --interpreter: one of them; a static file needs no interpreter")
    if interpreter:
        return script(interpreter)
    if file := file or next((known for known in STATIC_FILES if known.is_file()), None):
        return static(file)
    return script(running_interpreter())


def static(file: Path) -> Executable:
    """A file that runs by itself, tried out."""
    try:
        answer = _output([str(file.absolute())], {"CNI_COMMAND": "VERSION"})
    except (OSError, subprocess.SubprocessError):
        raise BadArgument(f"--plugin {file}: does not run on this machine; build it with 'make plugin'") from None
    if b'"supportedVersions"' not in answer:
        raise BadArgument(f"--plugin {file}: is no CNI plugin; build it with 'make plugin'")
    return Executable(file.read_bytes(), f"static, from {file}")


def script(interpreter: Path) -> Executable:
    """The plugin's source below a first line that starts it without site packages or environment."""
    check_interpreter(interpreter)
    data = b"#!" + os.fsencode(interpreter) + b" -IS\n" + SOURCE.read_bytes()
    return Executable(data, f"executed by {interpreter}")


def running_interpreter() -> Path:
    """The interpreter that runs this command, outside of a virtual environment that may go away."""
    return Path(sys._base_executable).resolve()  # type: ignore[attr-defined]  # absent from typeshed only


def check_interpreter(interpreter: Path) -> None:
    """Raise `BadArgument` where the kernel or the plugin could not use it."""
    flag = f"--interpreter {interpreter}"
    if not interpreter.is_absolute() or " " in str(interpreter):
        raise BadArgument(f"{flag}: must be an absolute path without blanks")
    if len(f"#!{interpreter} -IS\n".encode()) > SHEBANG_BYTES_MAX:
        raise BadArgument(f"{flag}: longer than the kernel reads of a first line")
    try:
        version = _version(interpreter)
    except (OSError, subprocess.SubprocessError, ValueError):
        raise BadArgument(f"{flag}: does not run as a Python interpreter") from None
    if version < INTERPRETER_VERSION_MIN:
        needed = ".".join(map(str, INTERPRETER_VERSION_MIN))
        raise BadArgument(f"{flag}: is Python {version[0]}.{version[1]}, at least {needed} is needed")


def _version(interpreter: Path) -> tuple[int, int]:
    command = [str(interpreter), "-IS", "-c", "import sys; print(*sys.version_info[:2])"]
    major, minor = _output(command, os.environ).split()
    return int(major), int(minor)


def _output(command: list[str], environment: Mapping[str, str]) -> bytes:
    silent = subprocess.DEVNULL
    done = subprocess.run(
        command,
        env=environment,
        stdin=silent,
        stdout=subprocess.PIPE,
        stderr=silent,
        check=True,
        timeout=ANSWER_LIMIT_S,
    )
    return done.stdout
