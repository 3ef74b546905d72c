"""Execs the plugin's real file the way a container runtime does."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plugin.infoblox

PLUGIN = Path(plugin.infoblox.__file__)
LAUNCHER = Path(__file__).with_name("plugin_launcher.py")
SCRIPT = (sys.executable, "-I", "-S", "-B", str(LAUNCHER), str(PLUGIN.parent))


@dataclass(frozen=True)
class Outcome:
    """What the runtime sees of one call."""

    status: int
    output: bytes

    @property
    def error(self) -> dict[str, Any]:
        """The CNI error; fails where there is none."""
        assert self.status == 1, self
        error: dict[str, Any] = json.loads(self.output)
        assert set(error) == {"cniVersion", "code", "msg", "details"}
        return error


@dataclass
class Runtime:
    """A container runtime with one network, whose agent's socket lies in `directory`.

    The command is the plugin behind its launcher, so that a test need not wait for a minute.
    """

    directory: Path
    command: tuple[str, ...]
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)

    @property
    def socket(self) -> Path:
        return self.directory / "infoblox.sock"

    @property
    def pending(self) -> Path:
        return self.directory / "infoblox.pending"

    def environment(self, **variables: str | None) -> dict[str, str]:
        """The variables of the plugin and of its launcher; one given as None is not set."""
        usual: dict[str, str | None] = {
            "PLUGIN_LIMITS": repr(self.limits),
            "PLUGIN_SOCKET_DIRECTORY": str(self.directory),
            "CNI_CONTAINERID": "c1",
            "CNI_IFNAME": "eth0",
            "CNI_PATH": "/opt/cni/bin",
        }
        return {name: value for name, value in (usual | variables).items() if value is not None}

    def start(
        self, verb: str, stdin: bytes = b'{"cniVersion":"1.1.0","name":"net"}', **changes: str | None
    ) -> Call:
        """Exec the plugin; a variable given as None is not set."""
        environment = self.environment(**({"CNI_COMMAND": verb} | changes))
        pipe = subprocess.PIPE
        process = subprocess.Popen(self.command, stdin=pipe, stdout=pipe, stderr=pipe, env=environment)
        return Call(process, stdin)

    def call(
        self, verb: str, stdin: bytes = b'{"cniVersion":"1.1.0","name":"net"}', **changes: str | None
    ) -> Outcome:
        """Exec the plugin to its end."""
        return self.start(verb, stdin, **changes).finish()


@dataclass
class Call:
    """One call under way."""

    process: subprocess.Popen[bytes]
    stdin: bytes

    def deliver_stdin(self) -> None:
        """Give the plugin its (small) standard input now, for a test that acts while it runs."""
        assert self.process.stdin is not None
        self.process.stdin.write(self.stdin)
        self.process.stdin.close()
        self.process.stdin = None

    def finish_with_open_stdin(self) -> Outcome:
        """Wait for the end of a call whose (small) standard input is delivered, but not closed before."""
        assert self.process.stdin is not None
        self.process.stdin.write(self.stdin)
        self.process.stdin.flush()
        self.process.wait(timeout=30)
        self.stdin = b""
        return self.finish()

    def finish(self) -> Outcome:
        """Wait for the end; the plugin never writes to standard error."""
        output, complaints = self.process.communicate(self.stdin, timeout=30)
        assert complaints == b""
        return Outcome(self.process.returncode, output)
