"""`cni-infoblox install`: puts the plugin where a container runtime looks for it."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

import plugin
from ctl import files
from ctl.failures import BadArgument

MODE = 0o755
INTERPRETER_VERSION_MIN = (3, 11)
INTERPRETER_ANSWER_LIMIT_S = 10
SHEBANG_BYTES_MAX = 255
"""What the kernel reads of a first line; the rest it would cut off silently."""

_DRIVER_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]{0,63}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("--cni-bin-dir", required=True, type=Path, metavar="DIR", help="such as /opt/cni/bin")
    parser.add_argument(
        "--driver-name",
        default="infoblox",
        metavar="NAME",
        help="the `type` that networks give in their `ipam`",
    )
    parser.add_argument(
        "--interpreter", type=Path, metavar="PATH", help="the Python that executes the plugin (default: this one)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Install the plugin, unless the very same file is there already."""
    directory: Path = arguments.cni_bin_dir
    if not directory.is_dir():
        raise BadArgument(f"--cni-bin-dir {directory}: no such directory")
    if not _DRIVER_NAME.fullmatch(arguments.driver_name):
        raise BadArgument(f"--driver-name {arguments.driver_name!r}: at most 64 letters, digits, '_', '-'")
    interpreter = arguments.interpreter or running_interpreter()
    check_interpreter(interpreter)
    target = directory / arguments.driver_name
    data = executable(interpreter)
    if files.holds(target, data, MODE):
        print(f"{target} is installed already")
        return 0
    files.replace(target, data, MODE)
    print(f"installed {target}, executed by {interpreter}")
    return 0


def executable(interpreter: Path) -> bytes:
    """The plugin's source below a first line that starts it without site packages or environment."""
    source = Path(plugin.__file__).with_name("infoblox.py").read_bytes()
    return b"#!" + os.fsencode(interpreter) + b" -IS\n" + source


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
    answer = subprocess.run(command, capture_output=True, check=True, timeout=INTERPRETER_ANSWER_LIMIT_S)
    major, minor = answer.stdout.split()
    return int(major), int(minor)
