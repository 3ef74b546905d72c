"""`cni-infoblox install`: puts the plugin where a container runtime looks for it."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from ctl import plugin_file
from ctl.failures import BadArgument
from ctl.installer import settings, watch
from ctl.plugin_file import Executable
from ctl.terminal import output
from ctl.terminal.output import Output
from daemon import files
from protocol.leaving import marker

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
        "--plugin",
        type=Path,
        metavar="FILE",
        help="the static plugin (default: that of the image or of 'make plugin', where there is one)",
    )
    parser.add_argument(
        "--interpreter",
        type=Path,
        metavar="PATH",
        help="install a script instead, executed by this Python (without a static file the default: this one)",
    )
    output.add_argument(parser)
    settings.add_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    """Install the plugin, unless the very same file is there already; with --watch keep it so."""
    directory: Path = arguments.cni_bin_dir
    if not directory.is_dir():
        raise BadArgument(f"--cni-bin-dir {directory}: no such directory")
    if not _DRIVER_NAME.fullmatch(arguments.driver_name):
        raise BadArgument(f"--driver-name {arguments.driver_name!r}: at most 64 letters, digits, '_', '-'")
    executable = plugin_file.chosen(arguments.plugin, arguments.interpreter)
    target = directory / arguments.driver_name
    if arguments.watch and arguments.output != output.TEXT:
        raise BadArgument("--output: with --watch there is a log instead, see --log-format")
    if arguments.watch:
        return watch.run(executable, target, settings.read(arguments))
    settings.refuse_without_watch(arguments)
    marker(settings.SOCKET_DIR, arguments.driver_name).unlink(missing_ok=True)
    return _install(executable, target, Output(arguments.output))


def _install(executable: Executable, target: Path, out: Output) -> int:
    if files.holds(target, executable.data, plugin_file.MODE):
        out.did(f"{target} is installed already", "kept", path=str(target))
        return 0
    files.replace(target, executable.data, plugin_file.MODE)
    out.did(f"installed {target}, {executable.runs}", "installed", path=str(target), runs=executable.runs)
    return 0
