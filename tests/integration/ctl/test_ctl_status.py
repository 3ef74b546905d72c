"""`cni-infoblox status` against daemons' status ports."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from ctl import status
from ctl.__main__ import main

COORDINATOR = {"cluster": "prod-1", "grid": {"state": "ready"}, "nodes": [], "a_field_of_tomorrow": 1}
AGENT = {"node": "node-a", "connected": True}
Daemons = Callable[[int, object], str]


@pytest.fixture
def daemons() -> Iterator[Daemons]:
    """Starts status ports with `daemons(http_status, body)`; gives their addresses."""
    servers: list[tuple[HTTPServer, threading.Thread]] = []

    def start(code: int, body: object) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(code if self.path == "/status" else 404)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002, the base class's name
                """Keep the test's output clean."""

        server = HTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_address[1]}"

    yield start
    for server, thread in servers:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def nobody() -> Iterator[str]:
    """An address at which nobody listens, reserved as long as the test runs."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


def ctl_status(coordinator: str, *agents: str, **variables: str) -> subprocess.CompletedProcess[str]:
    flags = [argument for agent in agents for argument in ("--agent-status", agent)]
    command = [sys.executable, "-m", "ctl", "status", "--coordinator-status", coordinator, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **variables})


def test_all_daemons_are_shown(daemons: Daemons) -> None:
    coordinator, agent, other = (
        daemons(200, COORDINATOR),
        daemons(200, AGENT),
        daemons(200, {"node": "node-b", "connected": True}),
    )
    result = ctl_status(coordinator, agent, f"{other}/status")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"coordinator {coordinator}: cluster prod-1, release ?"
    assert f"agent {agent}: node node-a, release ?" in lines
    assert f"agent {other}: node node-b, release ?" in lines


def test_an_agent_that_is_not_connected_is_not_fine(daemons: Daemons) -> None:
    agent = daemons(200, {**AGENT, "connected": False, "why_not_connected": "connection refused"})
    result = ctl_status(daemons(200, COORDINATOR), agent, daemons(200, AGENT))
    assert (result.returncode, result.stderr) == (1, "")
    assert "NOT CONNECTED (connection refused)" in result.stdout


def test_a_proxy_of_the_environment_is_not_asked(daemons: Daemons, nobody: str) -> None:
    coordinator, agent = daemons(200, COORDINATOR), daemons(200, AGENT)
    assert ctl_status(coordinator, agent, http_proxy=nobody, no_proxy="").returncode == 0


def test_a_silent_daemon_is_named_and_the_others_are_shown(daemons: Daemons, nobody: str) -> None:
    agent = daemons(200, AGENT)
    result = ctl_status(nobody, agent)
    assert (result.returncode, result.stderr) == (1, "")
    first, second = result.stdout.splitlines()[:2]
    assert first.startswith(f"coordinator {nobody}: NO ANSWER, nobody listens; is cni-infoblox-coordinator")
    assert second == f"agent {agent}: node node-a, release ?"


def test_a_worker_without_a_coordinator_is_fine(
    daemons: Daemons, nobody: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = daemons(200, AGENT)
    monkeypatch.setattr(status, "COORDINATOR_URL", nobody)
    monkeypatch.setattr(status, "AGENT_URL", agent)
    assert main(["status"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == f"coordinator {nobody}: none here; --coordinator-status URL asks another machine"
    assert second == f"agent {agent}: node node-a, release ?"


def test_a_machine_without_any_daemon_is_not_fine(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "COORDINATOR_URL", nobody)
    monkeypatch.setattr(status, "AGENT_URL", nobody)
    assert main(["status"]) == 1


@pytest.mark.parametrize(
    ("code", "body", "why"),
    [
        (503, AGENT, "HTTP status 503"),
        (200, "text", "its answer is not a status"),
        (200, {"attachments": {"held": "many"}}, "its answer is not a status (attachments.held"),
    ],
)
def test_an_unusable_answer_is_one_clear_line(daemons: Daemons, code: int, body: object, why: str) -> None:
    result = ctl_status(daemons(200, COORDINATOR), daemons(code, body))
    assert (result.returncode, result.stderr) == (1, "")
    assert f"NO ANSWER, {why}" in result.stdout.splitlines()[-1]


def test_an_address_that_makes_no_sense_is_one_clear_line(daemons: Daemons) -> None:
    result = ctl_status(daemons(200, COORDINATOR), "http://:x")
    assert (result.returncode, result.stderr) == (1, "")
    assert "the address is unusable" in result.stdout.splitlines()[-1]
