"""`cni-infoblox uninstall`: takes configuration and plugin away from a node, once nothing is attached any more."""

from __future__ import annotations

import argparse
import shutil
import time
from contextlib import suppress
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Final

from ctl import pages
from ctl.failures import BadArgument, Failed
from ctl.installer import leftovers, record, settings
from ctl.installer.ending import Ending
from ctl.installer.leftovers import Left
from ctl.installer.lock import lock_of, only_one
from ctl.installer.record import Record
from ctl.installer.report import Removal
from ctl.installer.runtime_files import RuntimeFiles
from ctl.installer.settings import STATUS_LISTEN
from ctl.installer.status import status_server
from ctl.networks.closing import close, uses_driver
from ctl.status import AGENT_URL
from ctl.terminal import output
from ctl.terminal.output import Output
from daemon import files
from daemon.logs import make_logger
from protocol.leaving import marker

LOOK_S: Final = 1.0
QUIET_LOOKS: Final = 2
"""An ADD that the runtime began before the file was closed shows by then."""
NOTHING_SEEN: Final = "nothing was looked at so far"
REST: Final = "the configuration stays closed, the plugin stays: run this again, or install to open it"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add = parser.add_argument
    add("--cni-bin-dir", required=True, type=Path, metavar="DIR", help="such as /opt/cni/bin")
    add("--cni-conf-dir", required=True, type=Path, metavar="DIR", help="such as /etc/cni/net.d")
    add("--socket-dir", default="/run/cni", type=Path, metavar="DIR", help="of the agent's socket (/run/cni)")
    add("--driver-name", default="infoblox", metavar="NAME", help="the plugin's file name (infoblox)")
    add("--agent-status", default=AGENT_URL, metavar="URL", help=f"where the node's agent answers ({AGENT_URL})")
    add(
        "--old-state-dir",
        default=Path("/var/lib/cni-infoblox"),
        type=Path,
        metavar="DIR",
        help="where agents of earlier releases kept journal and keys, which go (%(default)s)",
    )
    add(
        "--configuration",
        action="append",
        default=[],
        metavar="NAME",
        help="a file in --cni-conf-dir that was put there by hand, and goes too; repeat",
    )
    add("--timeout", default=600, type=int, metavar="SECONDS", help="for the node's attachments to go (600)")
    output.add_argument(parser)
    add("--stay", action="store_true", help="stay when all is gone, as the pod of a DaemonSet must")
    add("--status-listen", metavar="ADDRESS:PORT", help=f"with --stay: how it stands, over HTTP ({STATUS_LISTEN})")


def run(arguments: argparse.Namespace) -> int:
    """Close the configuration, wait for the attachments, remove configuration, then plugin."""
    for flag in ("--cni-bin-dir", "--cni-conf-dir"):
        directory: Path = getattr(arguments, flag[2:].replace("-", "_"))
        if not directory.is_dir():
            raise BadArgument(f"{flag} {directory}: no such directory")
    if arguments.status_listen and not arguments.stay:
        raise BadArgument("--status-listen: only together with --stay")
    leaving = _Leaving(arguments)
    if not arguments.stay:
        leaving.leave()
        return 0
    at = settings.status_address(arguments.status_listen or STATUS_LISTEN)
    status = status_server(lambda: leaving.report, at, make_logger("console", "warning"))
    status.start()
    try:
        leaving.leave()
        leaving.say_that_it_stays()
        leaving.stay()
    finally:
        status.stop()
    return 0


class _Leaving:
    """A node that plugin and configuration leave; from its making on, SIGTERM and SIGINT are heard."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        self._arguments = arguments
        self._plugin: Path = arguments.cni_bin_dir / arguments.driver_name
        self._pending: Path = arguments.socket_dir / f"{arguments.driver_name}.pending"
        self._out = Output(arguments.output)
        self._url = pages.checked("--agent-status", arguments.agent_status)
        self._ending = Ending()
        self.report = Removal(str(self._plugin), metadata.version("cni-infoblox"), NOTHING_SEEN)

    def leave(self) -> None:
        """All of it. Raises `Failed` when something is left in the end."""
        arguments = self._arguments
        with only_one(self._plugin):
            configurations = _Configurations(
                self._out, arguments.cni_conf_dir, arguments.driver_name, arguments.configuration
            )
            configurations.close()
            self._tell_agent()
            self._wait()
            configurations.remove()
            self._remove_old_state()
            if self._plugin.exists():
                self._plugin.unlink()
                files.sync_directory(self._plugin.parent)
                _removed(self._out, self._plugin)
            lock_of(self._plugin).unlink()
        self.report = replace(self.report, why_left=None)

    def _tell_agent(self) -> None:
        """What the agent keeps ready has to go; it hears of it by a file, which stays until `install`."""
        path = marker(self._arguments.socket_dir, self._arguments.driver_name)
        try:
            path.touch(mode=0o600)
        except FileNotFoundError:
            return  # no agent has served here since the node has started
        except OSError as error:
            told = f"{path}: {error.strerror}; what the agent keeps ready goes an hour after its last pod"
            self._out.did(told, "agent_not_told", path=str(path), why=error.strerror)

    def _remove_old_state(self) -> None:
        """What agents of earlier releases have left on the disk; today's journal ends with the boot."""
        directory: Path = self._arguments.old_state_dir
        for path in [*directory.glob("journal*"), *directory.glob("*.journal*"), *directory.glob("keys")]:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
            _removed(self._out, path)
        with suppress(OSError):
            directory.rmdir()

    def say_that_it_stays(self) -> None:
        """All is done."""
        self._out.did("staying until told to end", "staying")

    def stay(self) -> None:
        """Until somebody asks for the end."""
        while not self._ending.comes(LOOK_S):
            pass

    def _wait(self) -> None:
        """Until nothing is left, in two looks. Raises `Failed` when time is up, or the end is asked for."""
        end_s = time.monotonic() + self._arguments.timeout
        quiet_looks = 0
        with pages.make_session() as session:
            while True:
                left = leftovers.look(session, self._url, self._pending)
                self._tell(left)
                quiet_looks = quiet_looks + 1 if left.is_nothing else 0
                if quiet_looks == QUIET_LOOKS:
                    return
                if not left.is_nothing and time.monotonic() >= end_s:
                    raise Failed(f"--timeout {self._arguments.timeout}: still left: {left}; {REST}")
                if self._ending.comes(LOOK_S):
                    raise Failed(f"was told to end; still left: {left}; {REST}")

    def _tell(self, left: Left) -> None:
        """What changed is to be seen before it is printed."""
        why = f"waiting for the node's pods to go (kubectl drain): {left}"
        before, self.report = self.report, replace(self.report, why_left=why)
        if not left.is_nothing and why != before.why_left:
            self._out.did(why, "waiting", why=str(left))


class _Configurations:
    """The files that go: those that the installer wrote, with those that are named."""

    def __init__(self, out: Output, directory: Path, driver_name: str, named: list[str]) -> None:
        self._out = out
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
                path = self._runtime.directory / name
                self._out.did(f"closed {path}: no new pod is attached by it", "closed", path=str(path))

    def remove(self) -> None:
        """Take them away, with what was remembered of them."""
        for name in self._names:
            self._runtime.remove(name)
            _removed(self._out, self._runtime.directory / name)
        self._record.write({})


def _removed(out: Output, path: Path) -> None:
    out.did(f"removed {path}", "removed", path=str(path))
