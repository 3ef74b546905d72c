"""Does on a machine what `apt install` of our package and `systemctl` would, with this tree's units and files.

Of a unit it takes the command line, the user, the capabilities and the runtime directory. Systemd's sandbox is not
here.
"""

from __future__ import annotations

import configparser
import shlex
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bare_machine import BareMachine
from printed import Printed

from demo.grid import PASSWORD
from release.debian_package import COMMANDS, sources

TREE: Final = Path(__file__).parents[2]
UNITS: Final = TREE / "systemd"
SYSTEMCTL: Final = "systemctl"
STARTS: Final = ("enable --now", "restart")
CAPABILITIES: Final = {"cap_sys_admin": 21}
"""Numbers of the kernel."""


@dataclass(frozen=True)
class Identity:
    """As whom a process runs, and what it may."""

    user: str
    capabilities: set[str]


class Host:
    """A machine that has our package."""

    def __init__(self, machine: BareMachine) -> None:
        self._machine = machine

    def lay_out(self) -> None:
        """Settings, commands and user of the package."""
        for path, source in sources().items():
            if path.startswith("etc/"):
                self._do(f"install -D -m 0644 {TREE / source} /{path}")
        for command in COMMANDS:
            self._do(f"ln -s {Path(sys.executable).parent / command} /usr/bin/{command}")
        self._do(f"systemd-sysusers {UNITS / 'sysusers.conf'}")

    def write(self, files: Iterable[tuple[str, str]]) -> None:
        """Edit files as a page says."""
        for path, text in files:
            assert self._machine.call(["cp", "/dev/stdin", path], text).returncode == 0

    def run(self, printed: Printed) -> subprocess.CompletedProcess[str]:
        """Run a command of the page; `systemctl` is played."""
        if printed.text.startswith(f"{SYSTEMCTL} "):
            verb, _, unit = printed.text.removeprefix(f"{SYSTEMCTL} ").rpartition(" ")
            return self._systemctl(verb, unit)
        if printed.text == "cni-infoblox status":
            self._machine.wait_connected()
        return self._machine.call(["sh", "-c", printed.text], PASSWORD if "/dev/stdin" in printed.text else "")

    def identity(self, unit: str) -> Identity:
        """Of a daemon that was started, as the kernel has it."""
        fields = self._machine.status(unit)
        uid = fields["Uid"].split()[0]
        user = self._machine.call(["id", "-nu", uid]).stdout.strip()
        effective = int(fields["CapEff"], 16)
        known = {name for name, number in CAPABILITIES.items() if effective >> number & 1}
        assert effective == sum(1 << CAPABILITIES[name] for name in known), fields["CapEff"]
        assert fields["NoNewPrivs"] == "1"
        return Identity(user, known)

    def _systemctl(self, verb: str, unit: str) -> subprocess.CompletedProcess[str]:
        service = read_service(UNITS / f"{unit}.service")
        if verb == "reload":
            pid = self._machine.status(unit)["Pid"]
            return self._machine.call(shlex.split(service["ExecReload"].replace("$MAINPID", pid)))
        assert verb in STARTS
        self._machine.stop(unit)
        if directory := service.get("RuntimeDirectory"):
            owner, mode = service["User"], service["RuntimeDirectoryMode"]
            self._do(f"install -d -o {owner} -g {owner} -m {mode} /run/{directory}")
        self._machine.start(unit, [*identity_of(service), *shlex.split(service["ExecStart"])])
        return subprocess.CompletedProcess(unit, 0, "", "")

    def _do(self, text: str) -> None:
        done = self._machine.call(["sh", "-c", text])
        assert done.returncode == 0, f"{text}: {done.stderr}"


def read_service(unit: Path) -> dict[str, str]:
    """The section [Service] of a unit."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # names are case-sensitive
    parser.read_string(unit.read_text())
    return dict(parser["Service"])


def identity_of(service: dict[str, str]) -> list[str]:
    """The command that gives a process the unit's user and capabilities."""
    named = service["CapabilityBoundingSet"].lower().split()
    bounding = ",".join(["-all", *(f"+{name.removeprefix('cap_')}" for name in named)])
    user = service.get("User")
    return [
        *("setpriv", "--inh-caps=-all", f"--bounding-set={bounding}"),
        *([f"--reuid={user}", f"--regid={user}", "--init-groups"] if user else []),
        *(["--no-new-privs"] if service["NoNewPrivileges"] == "yes" else []),
    ]
