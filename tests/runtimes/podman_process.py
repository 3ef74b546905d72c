"""Runs podman in an enclosure, with its CNI backend."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from containerd_process import conflist
from enclosure import Enclosure

from demo.cluster import Node

CALL_S = 60
RUNROOT = "/run/podman"
"""In the enclosure alone; podman takes no path above 50 characters."""
# Without the limits podman raises them, which takes a capability that containers in CI lack.
CONFIG = """
[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[network]
network_backend = "cni"
cni_plugin_dirs = ["{bin_dir}"]
network_config_dir = "{directory}/net.d"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
"""


class Podman:
    """Its storage and its networks lie in a directory of the test."""

    def __init__(self, directory: Path, node: Node, enclosure: Enclosure, config: Mapping[str, Any]) -> None:
        self._directory = directory
        self._enclosure = enclosure
        self.network = str(config["name"])
        net_d = directory / "net.d"
        net_d.mkdir()
        (net_d / f"{self.network}.conflist").write_text(json.dumps(conflist(config)))
        (directory / "containers.conf").write_text(CONFIG.format(directory=directory, bin_dir=node.bin_dir))

    def __call__(self, *arguments: str) -> str:
        """What `podman …` says. Raises `AssertionError` with its complaint."""
        own = ["--root", f"{self._directory}/root", "--runroot", RUNROOT]
        conf = f"CONTAINERS_CONF={self._directory}/containers.conf"
        argv = ["env", conf, "podman", *own, "--tmpdir", f"{self._directory}/tmp", *arguments]
        done = subprocess.run(
            self._enclosure.argv(argv), capture_output=True, text=True, timeout=CALL_S, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def run(self, name: str, image: str) -> str:
        """Start a container in our network. Returns its ID."""
        cgroup = ("--cgroup-parent", f"/{self._enclosure.cgroup}")
        return self("run", "--detach", "--name", name, "--network", self.network, *cgroup, image)

    def address(self, container: str) -> str:
        """The address as `podman inspect` shows it."""
        found = json.loads(self("inspect", container))[0]
        return str(found["NetworkSettings"]["Networks"][self.network]["IPAddress"])
