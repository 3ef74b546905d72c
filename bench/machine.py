"""On what the bench runs: processor, memory, kernel, versions, and what else was going on."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Final

import zmq

PACKAGES: Final = ("cni-infoblox", "pyzmq", "requests", "urllib3", "pydantic", "msgpack")


def describe() -> Mapping[str, str]:
    """Names to texts."""
    return {
        "processor": f"{_first_of('/proc/cpuinfo', 'model name')}, {os.cpu_count()} cores",
        "memory": f"{int(_first_of('/proc/meminfo', 'MemTotal').split()[0]) / 1e6:.0f} GB",
        "kernel": platform.release().partition("-")[0],
        "Python": platform.python_version(),
        "libzmq": zmq.zmq_version(),
        **{name: version(name) for name in PACKAGES},
        "bridge, macvlan, host-local": _main_plugins_version(),
        "load before": f"{os.getloadavg()[0]:.1f}",
    }


def _first_of(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "unknown"


def _main_plugins_version() -> str:
    argv = ["dpkg-query", "--show", "--showformat=${Version}", "containernetworking-plugins"]
    try:
        return subprocess.run(argv, capture_output=True, check=True).stdout.decode()
    except (OSError, subprocess.CalledProcessError):
        return "not of this distribution"
