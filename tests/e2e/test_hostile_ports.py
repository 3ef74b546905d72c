"""Local users and strangers at the ports of both daemons: connections by the hundred, no descriptor left."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest
from hostile import (
    PATIENCE_S,
    bound_lines,
    bounded,
    connections,
    cpu_s,
    get,
    out_of_descriptors,
    status_port,
    threads,
)
from runtime_calls import a_mac, add, delete

from daemon.descriptors import ACCEPT_PAUSE_S
from daemon.log_limit import WINDOW_S
from daemon.status_server import REQUESTS_MAX
from demo.cluster import Cluster
from demo.daemons import Daemon

MakeNetns = Callable[..., str]


def daemon_of(cluster: Cluster, which: str) -> Daemon:
    daemon = cluster.coordinator if which == "coordinator" else cluster.node.agent
    assert daemon
    return daemon


@pytest.mark.parametrize("which", ["coordinator", "agent"])
def test_slow_connections_to_the_status_port_cost_few_threads_and_keep_nobody_out(
    cluster: Cluster, which: str
) -> None:
    daemon = daemon_of(cluster, which)
    before, began_s = threads(daemon), time.monotonic()
    with connections(status_port(daemon), 1500) as slow:
        for sock in slow:
            try:
                sock.sendall(b"GET /status HTTP/1.1\r\n")
            except OSError:  # it had to make way already
                continue
        assert threads(daemon) <= before + REQUESTS_MAX
        assert get(daemon, "/healthz") == "ok\n"
        assert bounded(daemon, "status_requests") >= 1500 - 2 * REQUESTS_MAX
    assert 1 <= bound_lines(daemon, "status_requests") <= 1 + (time.monotonic() - began_s) / WINDOW_S


@pytest.mark.parametrize("which", ["coordinator", "agent"])
def test_where_no_descriptor_is_left_every_accept_pauses(
    cluster: Cluster, which: str, make_netns: MakeNetns
) -> None:
    daemon = daemon_of(cluster, which)
    port, path = status_port(daemon), cluster.operator_socket if which == "coordinator" else cluster.node.socket
    assert get(daemon, "/healthz") == "ok\n"
    began_s, cpu_before_s = time.monotonic(), cpu_s(daemon)
    with ExitStack() as stack:
        with out_of_descriptors(daemon):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), PATIENCE_S))
            stack.enter_context(unix_connection(str(path)))
            first = daemon.wait_for("bound_reached", lambda line: line["bound"] == "descriptors")
            time.sleep(2.5 * ACCEPT_PAUSE_S)
        assert "reason" in first
    took_s = time.monotonic() - began_s
    assert bounded(daemon, "descriptors") <= 2 * (took_s / ACCEPT_PAUSE_S + 1)
    assert cpu_s(daemon) - cpu_before_s < took_s / 2
    assert add(cluster.node, "after", make_netns(a_mac())).ok
    assert delete(cluster.node, "after").ok


def unix_connection(path: str) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(PATIENCE_S)
    sock.connect(path)
    return sock


def test_both_daemons_may_open_as_much_as_the_system_allows(cluster: Cluster) -> None:
    for which in ("coordinator", "agent"):
        with open(f"/proc/{daemon_of(cluster, which).pid}/limits", encoding="ascii") as limits:
            (line,) = (line for line in limits if line.startswith("Max open files"))
        soft, hard = line.split()[3:5]
        assert soft == hard
