"""`cni-infoblox uninstall`: takes configuration and plugin away from a node, once nothing is attached any more."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from ctl import pages
from ctl.failures import BadArgument, Failed
from ctl.installer import leftovers, record
from ctl.installer.lock import lock_of, only_one
from ctl.installer.record import Record
from ctl.installer.runtime_files import RuntimeFiles
from ctl.networks.closing import close, uses_driver
from ctl.status import AGENT_URL
from protocol import files

LOOK_S = 1.0
QUIET_LOOKS = 2
"""An ADD that the runtime began before the file was closed shows by then."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add = parser.add_argument
    add("--cni-bin-dir", required=True, type=Path, metavar="DIR", help="such as /opt/cni/bin")
    add("--cni-conf-dir", required=True, type=Path, metavar="DIR", help="such as /etc/cni/net.d")
    add("--socket-dir", default="/run/cni", type=Path, metavar="DIR", help="of the agent's socket (/run/cni)")
    add("--driver-name", default="infoblox", metavar="NAME", help="the plugin's file name (infoblox)")
    add("--agent-status", default=AGENT_URL, metavar="URL", help=f"where the node's agent answers ({AGENT_URL})")
    add(
        "--configuration",
        action="append",
        default=[],
        metavar="NAME",
        help="a file in --cni-conf-dir that was put there by hand, and goes too; repeat",
    )
    add("--timeout", default=600, type=int, metavar="SECONDS", help="for the node's attachments to go (600)")


def run(arguments: argparse.Namespace) -> int:
    """Close the configuration, wait for the attachments, remove configuration, then plugin."""
    for flag in ("--cni-bin-dir", "--cni-conf-dir"):
        directory: Path = getattr(arguments, flag[2:].replace("-", "_"))
        if not directory.is_dir():
            raise BadArgument(f"{flag} {directory}: no such directory")
    plugin: Path = arguments.cni_bin_dir / arguments.driver_name
    pending = arguments.socket_dir / f"{arguments.driver_name}.pending"
    url = pages.checked("--agent-status", arguments.agent_status)
    with only_one(plugin):
        configurations = _Configurations(arguments.cni_conf_dir, arguments.driver_name, arguments.configuration)
        configurations.close()
        _wait(url, pending, arguments.timeout)
        configurations.remove()
        if plugin.exists():
            plugin.unlink()
            files.sync_directory(plugin.parent)
            print(f"removed {plugin}")
        lock_of(plugin).unlink()
    return 0


class _Configurations:
    """The files that go: those that the installer wrote, with those that are named."""

    def __init__(self, directory: Path, driver_name: str, named: list[str]) -> None:
        self._runtime = RuntimeFiles(directory)
        self._record = Record(directory, driver_name)
        self._driver_name = driver_name
        written = self._record.read()
        ours = record.removable(written, self._runtime.read_all(written), None)
        self._names = tuple(dict.fromkeys((*ours, *named)))
        self._check(named)

    def _check(self, named: list[str]) -> None:
        for name in named:
            if name not in self._runtime.names():
                raise BadArgument(f"--configuration {name}: no such file in {self._runtime.directory}")
            if not uses_driver(self._runtime.read(name) or b"", self._driver_name):
                raise BadArgument(f"--configuration {name}: does not use {self._driver_name}")
        for name in self._runtime.names():
            data = self._runtime.read(name) or b""
            if name not in self._names and uses_driver(data, self._driver_name):
                path = self._runtime.directory / name
                raise Failed(
                    f"{path}: uses {self._driver_name}, but is not as the installer wrote it; it goes "
                    f"too with --configuration {name}"
                )

    def close(self) -> None:
        """From now on the node takes no new pods."""
        for name in self._names:
            if (data := self._runtime.read(name)) is None:
                continue
            closed = close(data, self._driver_name)
            self._record.write({**self._record.read(), name: record.digest(closed)})
            if closed != data:
                self._runtime.write(name, closed)
                print(f"closed {self._runtime.directory / name}: no new pod is attached by it")

    def remove(self) -> None:
        """Take them away, with what was remembered of them."""
        for name in self._names:
            self._runtime.remove(name)
            print(f"removed {self._runtime.directory / name}")
        self._record.write({})


def _wait(url: str, pending: Path, timeout_s: int) -> None:
    """Until nothing is left, in two looks. Raises `Failed` when time is up."""
    end_s = time.monotonic() + timeout_s
    told, quiet_looks = "", 0
    with pages.make_session() as session:
        while quiet_looks < QUIET_LOOKS:
            left = leftovers.look(session, url, pending)
            quiet_looks = quiet_looks + 1 if left.is_nothing else 0
            if not left.is_nothing and str(left) != told:
                told = str(left)
                print(f"waiting for the node's pods to go (kubectl drain): {told}", flush=True)
            if not left.is_nothing and time.monotonic() >= end_s:
                rest = "the configuration stays closed, the plugin stays: run this again, or install to open it"
                raise Failed(f"--timeout {timeout_s}: still left: {left}; {rest}")
            if quiet_looks < QUIET_LOOKS:
                time.sleep(LOOK_S)
