"""A machine without Kubernetes, as the README's commands expect it: its network, host name, directories, a grid.

Nothing of it is seen outside: it is a process in network, mount and host name namespaces of its own.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

import certifi

from demo.daemons import Daemon, command

NAME: Final = "node-1"
ADDRESS: Final = "10.0.0.10"
GRID: Final = "gm.example.com"
USER: Final = "pods"
DAEMONS: Final = ("cni-infoblox-coordinator", "cni-infoblox-agent")
STARTED: Final = ("event=started", "event=serving")
_SETUP: Final = f"""
set -e
scratch=$1
hostname {NAME}
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set peer0 up
ip addr add {ADDRESS}/24 dev eth0
ip link set eth0 up
ip link add br0 type bridge
mount -t tmpfs tmpfs "$scratch"
shift
for path in etc opt usr/bin var/lib "$@"; do
  mkdir -p "$scratch/$path/upper" "$scratch/$path/work"
  mount -t overlay overlay -o "lowerdir=/$path,upperdir=$scratch/$path/upper,workdir=$scratch/$path/work" "/$path"
done
for path in "$@"; do chmod 755 "/$path"; done
mount -t tmpfs -o mode=755 tmpfs /run
mkdir -p /run/netns /opt/cni/bin /etc/cni/net.d
echo "127.0.0.1 {GRID}" >> /etc/hosts
echo ready
exec sleep infinity
"""
_BELIEVE: Final = 'cat "$1" >> "$2"; mount --bind "$2" "$3"'
"""Add a certificate to the authorities that every program believes in."""


class BareMachine:
    """As a context manager. Daemons that were started are ended with it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._stack = ExitStack()
        self._daemons: dict[str, Daemon] = {}

    def __enter__(self) -> BareMachine:
        scratch = self._directory / "scratch"
        scratch.mkdir(parents=True)
        isolate = ["unshare", "--net", "--mount", "--uts", "--propagation=private", "sh", "-c", _SETUP, "-"]
        with ExitStack() as stack:
            argv = [*isolate, str(scratch), *_closed_directories()]
            self._holder = Daemon(argv, {}, self._directory / "machine.log")
            stack.callback(self._holder.kill)
            self._holder.wait_until(lambda line: line.get("text") == "ready", "machine")
            grid = [*command("cni-infoblox-gridsim"), "--listen", "127.0.0.1:443", "--username", USER]
            grid += ["--certificate-names", GRID, "--state-dir", str(self._directory / "grid")]
            self._grid = Daemon(self._enter(grid), {}, self._directory / "grid.log")
            stack.callback(self._grid.stop)
            self._believe(self._grid.wait_until(lambda line: "url" in line, "grid")["certificate"])
            stack.callback(self._stop_daemons)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def run(self, text: str) -> subprocess.CompletedProcess[str]:
        """A shell runs the command. A daemon is started, and has succeeded when it serves."""
        if daemon := _daemon_of(text):
            self.start(daemon, ["sh", "-c", f"exec env {text}"])
            return subprocess.CompletedProcess(text, 0, "", "")
        return self.call(["sh", "-c", text])

    def call(self, argv: Sequence[str], stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Execute something to its end."""
        return subprocess.run(
            self._enter(argv), env=_environment(), input=stdin, capture_output=True, text=True, check=False
        )

    def start(self, daemon: str, argv: Sequence[str]) -> None:
        """Start one of our daemons, and wait until it serves."""
        started = Daemon(self._enter(argv), _environment(), self._directory / f"{daemon}.log")
        self._daemons[daemon] = started
        started.wait_until(_says_that_it_serves, "start")

    def stop(self, daemon: str) -> None:
        """End a daemon, where it was started."""
        if running := self._daemons.pop(daemon, None):
            running.stop()

    def status(self, daemon: str) -> dict[str, str]:
        """What the kernel says of a daemon that was started: the fields of its /proc/PID/status."""
        text = Path(f"/proc/{self._daemons[daemon].pid}/status").read_text()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in text.splitlines())}

    def wait_connected(self) -> None:
        """Wait until the coordinator has heard this machine's agent, and has listed the grid."""
        for event in ("node_connected", "listed"):
            self._wait_for(event)

    def _wait_for(self, event: str) -> None:
        coordinator = self._daemons["cni-infoblox-coordinator"]
        coordinator.wait_until(lambda line: f"event={event}" in str(line.get("text")), event)

    def _enter(self, argv: Sequence[str]) -> list[str]:
        return ["nsenter", f"--target={self._holder.pid}", "--net", "--mount", "--uts", "--", *argv]

    def _believe(self, certificate: str) -> None:
        bundle = self._directory / "authorities.pem"
        bundle.write_bytes(Path(certifi.where()).read_bytes())
        argv = ["sh", "-ec", _BELIEVE, "-", certificate, str(bundle), certifi.where()]
        subprocess.run(self._enter(argv), check=True)

    def _stop_daemons(self) -> None:
        for daemon in reversed(self._daemons.values()):
            daemon.stop()


def _says_that_it_serves(line: Mapping[str, str]) -> bool:
    return any(words in str(line.get("text")) for words in STARTED)


def _environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}


def _closed_directories() -> list[str]:
    """Directories above this Python and this tree that other users cannot pass; in the machine they must."""
    ends = (Path(sys.executable).resolve(), Path(sys.executable), Path(__file__))
    ways = {directory for end in ends for directory in end.parents}
    return [str(each)[1:] for each in sorted(ways) if each.stat().st_mode & 0o005 != 0o005]


def _daemon_of(text: str) -> str | None:
    """The daemon that a command starts."""
    words = [word for word in text.split() if "=" not in word.partition("--")[0]]
    return words[0] if words and words[0] in DAEMONS else None
