"""Machines that boot again, and copies of them: agents for which the kernel has another boot ID."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from demo.daemons import command

AGENT = command("cni-infoblox-agent")
_OTHER_BOOT = 'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"'


def agent_of(machine: str) -> list[str]:
    """The agent of a machine with this serial number."""
    return [*AGENT, "--machine", machine]


def booted_again(machine: str, directory: Path) -> list[str]:
    """The agent of a machine in a boot of its own; `directory` takes a file."""
    return in_another_boot(agent_of(machine), directory)


def in_another_boot(argv: Sequence[str], directory: Path) -> list[str]:
    """What runs this where the kernel has a boot ID of its own; `directory` takes a file."""
    boot_id = directory / f"boot_id-{secrets.token_hex(4)}"
    boot_id.write_text(f"{uuid4()}\n")
    own_mounts = ["unshare", "--mount", "--propagation", "slave"]
    return [*own_mounts, "sh", "-c", _OTHER_BOOT, str(boot_id), *argv]
