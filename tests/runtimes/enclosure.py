"""Keeps a container runtime in namespaces of mounts and processes, so that it leaves nothing when they end.

Runtimes leave shims, mounts and network namespaces behind when a test fails. All of these live in the enclosure:
the kernel removes them with its first process. Only control groups have to be removed by hand.
"""

from __future__ import annotations

import os
import secrets
import subprocess
from collections.abc import Sequence
from pathlib import Path

from demo.links import inside

# The first process reaps what others leave, and ends when the test does, whatever the test dies of.
FIRST_PROCESS = """
set -e
mount -t tmpfs -o mode=755 run /mnt
mkdir /mnt/netns /mnt/cni
mount --bind /run/cni /mnt/cni
mount --no-mtab --move /mnt /run
echo ready
read -r
"""
CGROUPS = Path("/sys/fs/cgroup")


class Enclosure:
    """As a context manager: namespaces of their own, in /run the sockets of agents alone, a node's network."""

    def __init__(self, network_namespace: str) -> None:
        self.cgroup = f"infoblox-{secrets.token_hex(4)}"
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
        self._first = subprocess.Popen(
            inside(network_namespace, [*unshare, "bash", "-c", FIRST_PROCESS]),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self._network_namespace = network_namespace

    def __enter__(self) -> Enclosure:
        assert self._first.stdout
        assert self._first.stdout.readline() == b"ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        self._first.communicate()  # its standard input ends; the kernel ends the others before it lets it go
        for parent in [*CGROUPS.glob(self.cgroup), *CGROUPS.glob(f"*/{self.cgroup}")]:
            for directory, _, _ in os.walk(parent, topdown=False):
                os.rmdir(directory)

    def argv(self, argv: Sequence[str], signal_at_end: str = "KILL") -> list[str]:
        """The command line that runs `argv` inside, as a child of nsenter that gets this signal when that ends."""
        namespaces = [
            f"--mount=/proc/{self._first.pid}/ns/mnt",
            f"--pid=/proc/{self._first.pid}/ns/pid_for_children",
        ]
        child = ["setpriv", "--pdeathsig", signal_at_end, *argv]
        return inside(self._network_namespace, ["nsenter", *namespaces, *child])
