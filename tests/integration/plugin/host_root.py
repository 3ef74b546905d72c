"""The root directory of a host on which the static plugin is all that there is."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
from pathlib import Path

from plugin_runtime import Call, Outcome

ENVIRONMENT = {"CNI_CONTAINERID": "c1", "CNI_IFNAME": "eth0", "CNI_NETNS": "/absent"}
LIST = "/etc/cni-infoblox/socket-dirs"


def configuration(directory: object) -> bytes:
    """A network configuration that names its agent's directory."""
    return json.dumps({"cniVersion": "1.0.0", "ipam": {"type": "infoblox", "socket-dir": directory}}).encode()


class HostRoot:
    """Everything in it belongs to root, is writable for root only, and lies at a path that begins with `/`."""

    def __init__(self, directory: Path, plugin: Path) -> None:
        self._directory = directory
        directory.chmod(0o755)
        shutil.copy(plugin, self.path("/infoblox"))
        self.make("/run/cni")

    def path(self, path: str) -> Path:
        """Where a path of this host really lies."""
        return self._directory / path.lstrip("/")

    def make(self, path: str) -> Path:
        """A directory, with those above it."""
        made = self.path(path)
        made.mkdir(mode=0o755, parents=True, exist_ok=True)
        return made

    def write_list(self, text: str) -> Path:
        """What root allows besides /run/cni."""
        self.make(os.path.dirname(LIST))
        self.path(LIST).write_text(text)
        self.path(LIST).chmod(0o644)
        return self.path(LIST)

    def start(self, verb: str, stdin: bytes, uid: int = 0) -> Call:
        """Exec the plugin with its (small) standard input whole."""
        argv = ["/usr/sbin/chroot", f"--userspec={uid}:{uid}", str(self._directory), "/infoblox"]
        pipe, environment = subprocess.PIPE, {"CNI_COMMAND": verb, **ENVIRONMENT}
        call = Call(subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, env=environment), stdin)
        call.deliver_stdin()
        return call

    def call(self, verb: str, stdin: bytes, uid: int = 0) -> Outcome:
        """Exec the plugin to its end."""
        return self.start(verb, stdin, uid).finish()

    def contents(self) -> dict[str, tuple[int, int]]:
        """Every file with mode and owner."""
        found = {path: path.lstat() for path in self._directory.rglob("*")}
        return {str(path): (each.st_mode, each.st_uid) for path, each in found.items()}


def listen_at_length(directory: Path) -> socket.socket:
    """An agent's socket in a directory whose path is longer than an address of a socket may be."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    descriptor = os.open(directory, os.O_PATH)
    listener.bind(f"/proc/self/fd/{descriptor}/infoblox.sock")
    os.close(descriptor)
    listener.listen()
    return listener


def mode_of(path: Path) -> int:
    """The permissions of a file."""
    return stat.S_IMODE(path.lstat().st_mode)
