"""Does what a container runtime does: executes a CNI plugin with its variables and its network configuration."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Outcome:
    """What a plugin answered."""

    exit_code: int
    stdout: bytes
    stderr: bytes = b""

    @property
    def ok(self) -> bool:
        """Whether it succeeded."""
        return self.exit_code == 0

    @property
    def result(self) -> dict[str, Any]:
        """Its standard output as JSON; empty where it wrote nothing."""
        return dict(json.loads(self.stdout)) if self.stdout.strip() else {}

    @property
    def address(self) -> str:
        """The first address of an ADD's result, without the prefix length."""
        return str(self.result["ips"][0]["address"]).partition("/")[0]

    @property
    def code(self) -> int:
        """The code of a CNI error, 0 for none."""
        return int(self.result.get("code", 0)) if not self.ok else 0


@dataclass(frozen=True)
class Invocation:
    """One execution. A variable that is None is not set at all."""

    command: str | None
    container_id: str | None
    ifname: str | None = "eth0"
    netns: str | None = None
    args: str | None = None
    path: str | None = None
    extra: Mapping[str, str] = field(default_factory=dict)

    def environment(self) -> dict[str, str]:
        """The variables, as the runtime sets them, on top of a small environment of its own."""
        given = {
            "CNI_COMMAND": self.command,
            "CNI_CONTAINERID": self.container_id,
            "CNI_IFNAME": self.ifname,
            "CNI_NETNS": self.netns,
            "CNI_ARGS": self.args,
            "CNI_PATH": self.path,
        }
        known = {name: value for name, value in given.items() if value is not None}
        return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), **known, **self.extra}


def execute(
    argv: Sequence[str], invocation: Invocation, config: Mapping[str, Any] | bytes, timeout_s: float = 90
) -> Outcome:
    """Run a plugin to its end."""
    stdin = config if isinstance(config, bytes) else json.dumps(config).encode()
    done = subprocess.run(
        list(argv),
        env=invocation.environment(),
        input=stdin,
        capture_output=True,
        timeout=timeout_s,
        check=False,
    )
    return Outcome(done.returncode, done.stdout, done.stderr)


def pod_args(namespace: str, name: str, container_id: str, uid: str) -> str:
    """CNI_ARGS as containerd writes them."""
    return (
        f"IgnoreUnknown=1;K8S_POD_NAMESPACE={namespace};K8S_POD_NAME={name};"
        f"K8S_POD_INFRA_CONTAINER_ID={container_id};K8S_POD_UID={uid}"
    )
