"""Pods get their addresses whatever becomes of standard error: full, without a reader, or with one that sleeps."""

from __future__ import annotations

import fcntl
import os
import re
import socket
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from plans import asking
from runtime_calls import a_mac, add, delete

from demo.cluster import Cluster, Plan
from demo.daemons import DaemonFailed, command

MakeCluster = Callable[[Plan], Cluster]
MakeNetns = Callable[..., str]
PIPE_BYTES = 4096
"""The smallest pipe that the kernel makes; a few lines fill it."""


class Device:
    """What standard error is. `spoil` takes place when the daemons run."""

    def __init__(self, path: str, spoil: Callable[[], None]) -> None:
        self.path = path
        self.spoil = spoil


@pytest.fixture(params=["full", "closed", "blocked"])
def device(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Device]:
    if request.param == "full":
        yield Device("/dev/full", lambda: None)
        return
    path = tmp_path / "stderr"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    closing = (lambda: os.close(reader)) if request.param == "closed" else (lambda: None)
    yield Device(str(path), closing)
    if request.param == "blocked":
        os.close(reader)


def launcher(program: str, device: Device) -> tuple[str, ...]:
    return ("sh", "-c", f'exec "$@" 2>{device.path}', "sh", *command(program))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def lost_lines(port: int) -> float:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        found = re.search(r"^cni_infoblox_\w+_log_lines_lost_total (\S+)$", answer.read().decode(), re.M)
    assert found
    return float(found[1])


def test_both_daemons_serve_though_nobody_takes_their_lines(
    make_cluster: MakeCluster, make_netns: MakeNetns, device: Device
) -> None:
    cluster = make_cluster(asking())
    node, ports = cluster.node, (free_port(), free_port())
    assert cluster.coordinator
    assert node.agent
    cluster.coordinator.stop()
    node.agent.stop()
    coordinator = cluster.launch_coordinator(
        *("--status-listen", f"127.0.0.1:{ports[0]}"), launcher=launcher("cni-infoblox-coordinator", device)
    )
    agent = node.launch_agent(
        *("--status-listen", f"127.0.0.1:{ports[1]}"), launcher=launcher("cni-infoblox-agent", device)
    )
    wait_for_socket(node.socket)
    assert add(node, "first", make_netns(a_mac())).ok
    device.spoil()
    for number in range(20):
        assert add(node, f"c{number}", make_netns(a_mac())).ok
        assert delete(node, f"c{number}").ok
    assert delete(node, "first").ok
    assert coordinator.process.poll() is None
    assert agent.process.poll() is None
    if device.path == "/dev/full":
        assert all(lost_lines(port) > 0 for port in ports)


def wait_for_socket(path: Path) -> None:
    for _ in range(200):
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(path))
            except OSError:
                pass
            else:
                return
        time.sleep(0.1)  # no event tells of it: its log is what nobody reads
    raise DaemonFailed(f"nobody serves {path}")
