"""What people without any right can do to a running daemon, and what the tests see of it."""

from __future__ import annotations

import itertools
import os
import re
import resource
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo.daemons import Daemon

PATIENCE_S = 30.0
LOOKS = 50


def status_port(daemon: Daemon) -> int:
    """The port of a daemon that has said where it listens."""
    line = daemon.wait_until(
        lambda said: "status_port" in said or said.get("event") == "status_listening", "a port"
    )
    return int(line.get("status_port") or line["port"])


def get(daemon: Daemon, path: str) -> str:
    """A page of the status port."""
    with urllib.request.urlopen(f"http://127.0.0.1:{status_port(daemon)}{path}", timeout=PATIENCE_S) as answer:
        return str(answer.read().decode())


def bounded(daemon: Daemon, bound: str) -> int:
    """How often the daemon has counted that this bound was reached."""
    return number(daemon, rf'cni_infoblox_\w+_bounded_total{{bound="{bound}"}}')


def number(daemon: Daemon, metric: str) -> int:
    """The value of a metric, a pattern; 0 where it is missing."""
    found = re.search(rf"^{metric} (\S+)$", get(daemon, "/metrics"), re.MULTILINE)
    return int(float(found[1])) if found else 0


def bound_lines(daemon: Daemon, bound: str) -> int:
    """How many lines of its log are about this bound."""
    return sum(line.get("event") == "bound_reached" and line.get("bound") == bound for line in daemon.lines)


def threads(daemon: Daemon) -> int:
    """How many threads the process has."""
    return len(list(Path(f"/proc/{daemon.pid}/task").iterdir()))


def open_files(daemon: Daemon) -> int:
    """How many descriptors the process has open."""
    return len(os.listdir(f"/proc/{daemon.pid}/fd"))


def cpu_s(daemon: Daemon) -> float:
    """How much processor time the process has used."""
    fields = Path(f"/proc/{daemon.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def out_of_descriptors(daemon: Daemon) -> Iterator[None]:
    """Meanwhile the process can open nothing more."""
    previous = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)
    # What it opens for a moment alone, to look at a file, is free for a stranger in the next one.
    looks = [{int(name) for name in os.listdir(f"/proc/{daemon.pid}/fd")} for _ in range(LOOKS)]
    used = set.intersection(*looks)
    lowest_free = next(number for number in itertools.count() if number not in used)
    resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (lowest_free, previous[1]))
    try:
        yield
    finally:
        resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, previous)


@contextmanager
def connections(port: int, count: int, hosts: int = 1) -> Iterator[list[socket.socket]]:
    """So many connections to a port of this machine, from as many addresses of it."""
    socks: list[socket.socket] = []
    try:
        for number in range(count):
            host = number % hosts
            source = f"127.{1 + host // 65025}.{host // 255 % 255}.{1 + host % 255}" if hosts > 1 else "127.0.0.1"
            socks.append(socket.create_connection(("127.0.0.1", port), PATIENCE_S, source_address=(source, 0)))
        yield socks
    finally:
        for sock in socks:
            sock.close()


def passes(what: str, timeout_s: float = PATIENCE_S) -> Iterator[None]:
    """Yields until the time is up, then fails."""
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        yield
        time.sleep(0.05)
    raise AssertionError(f"{what}: not within {timeout_s} s")
