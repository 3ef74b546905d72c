"""`cni-infoblox status` against daemons' status ports."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from ctl import pages, status
from ctl.__main__ import main
from daemon.bounds import Bounds
from daemon.logs import make_logger
from daemon.status_server import Pages, StatusServer
from protocol.host_port import HostPort
from protocol.wire.status import AgentStatus, CoordinatorStatus, LeaseStatus
from tests.statuses import a_coordinator, an_agent

Daemons = Callable[..., str]


@pytest.fixture
def daemons() -> Iterator[Daemons]:
    """Starts the status ports that real daemons have, with a status or other bytes; gives their addresses."""
    servers: list[StatusServer] = []
    bounds = Bounds(lambda _: None, make_logger("console", "error"))

    def start(status: CoordinatorStatus | AgentStatus | bytes) -> str:
        body = status if isinstance(status, bytes) else status.model_dump_json().encode()
        server = StatusServer(HostPort("127.0.0.1", 0), Pages(lambda: None, lambda: body, lambda: b""), bounds)
        server.start()
        servers.append(server)
        return f"http://127.0.0.1:{server.port}"

    yield start
    for server in servers:
        server.stop()


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
    coordinator, agent, other = daemons(a_coordinator()), daemons(an_agent()), daemons(an_agent("node-b"))
    result = ctl_status(coordinator, agent, f"{other}/status")
    assert (result.returncode, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == f"coordinator {coordinator}: cluster prod-1 (c0ffee000000), release 0.1.0"
    assert f"agent {agent}: node node-a, driver infoblox, release 0.1.0, boot 33333333" in lines
    assert f"agent {other}: node node-b, driver infoblox, release 0.1.0, boot 33333333" in lines


def test_two_coordinators_are_shown_with_the_one_that_leads(daemons: Daemons) -> None:
    lease = LeaseStatus(
        identity="pod-2_b", holder="pod-1_a", since="10:00", renewed_s_ago=None, valid=False, trouble=""
    )
    leader, other = daemons(a_coordinator()), daemons(a_coordinator(why_not_leading="pod-1_a leads", lease=lease))
    command = [sys.executable, "-m", "ctl", "status"]
    flags = ["--coordinator-status", leader, "--coordinator-status", other, "--agent-status", daemons(an_agent())]
    result = subprocess.run([*command, *flags], capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")
    first, _, second = result.stdout.partition(f"coordinator {other}: ")
    assert first.startswith(f"coordinator {leader}: ")
    assert "NOT LEADING" not in first
    assert "NOT LEADING  pod-1_a leads" in second
    assert "held by pod-1_a since 10:00; this one is pod-2_b" in second


def test_a_proxy_of_the_environment_is_not_asked(daemons: Daemons, nobody: str) -> None:
    coordinator, agent = daemons(a_coordinator()), daemons(an_agent())
    assert ctl_status(coordinator, agent, http_proxy=nobody, no_proxy="").returncode == 0


def test_a_silent_daemon_is_named_and_the_others_are_shown(daemons: Daemons, nobody: str) -> None:
    agent = daemons(an_agent())
    result = ctl_status(nobody, agent)
    assert (result.returncode, result.stderr) == (1, "")
    first, second = result.stdout.splitlines()[:2]
    assert first.startswith(f"coordinator {nobody}: NO ANSWER, nobody listens; is cni-infoblox-coordinator")
    assert second == f"agent {agent}: node node-a, driver infoblox, release 0.1.0, boot 33333333"


def test_a_worker_without_a_coordinator_is_fine(
    daemons: Daemons, nobody: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = daemons(an_agent())
    monkeypatch.setattr(status, "COORDINATOR_URL", nobody)
    monkeypatch.setattr(status, "AGENT_URL", agent)
    assert main(["status"]) == 0
    first, second = capsys.readouterr().out.splitlines()[:2]
    assert first == f"coordinator {nobody}: none here; --coordinator-status URL asks another machine"
    assert second == f"agent {agent}: node node-a, driver infoblox, release 0.1.0, boot 33333333"


def test_a_machine_without_any_daemon_is_not_fine(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(status, "COORDINATOR_URL", nobody)
    monkeypatch.setattr(status, "AGENT_URL", nobody)
    assert main(["status"]) == 1


def test_an_agent_that_is_not_connected_is_not_fine(daemons: Daemons) -> None:
    result = ctl_status(daemons(a_coordinator()), daemons(an_agent(connected=False, why_not_connected="refused")))
    assert result.returncode == 1
    assert "NOT CONNECTED (refused)" in result.stdout


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'"text"', "its answer is not a status"),
        (b'{"allocations": {"held": "many"}}', "its answer is not a status ("),
    ],
)
def test_an_unusable_answer_is_one_clear_line(daemons: Daemons, body: bytes, why: str) -> None:
    result = ctl_status(daemons(a_coordinator()), daemons(body))
    assert (result.returncode, result.stderr) == (1, "")
    assert f"NO ANSWER, {why}" in result.stdout.splitlines()[-1]


def test_a_page_that_is_no_status_port_is_one_clear_line(daemons: Daemons) -> None:
    result = ctl_status(daemons(a_coordinator()), f"{daemons(an_agent())}/elsewhere")
    assert (result.returncode, result.stderr) == (1, "")
    assert "NO ANSWER, HTTP status 404" in result.stdout.splitlines()[-1]


def test_a_later_release_that_tells_more_is_understood(daemons: Daemons) -> None:
    body = a_coordinator().model_dump_json().replace("{", '{"a_field_of_tomorrow": 1, ', 1).encode()
    assert ctl_status(daemons(body), daemons(an_agent())).returncode == 0


@pytest.mark.parametrize(
    "url", ["http://:x", "http://", "http://::1", "http://[::1:9511", "https://h:99999/status"]
)
def test_an_address_that_makes_no_sense_is_refused_with_the_form(daemons: Daemons, url: str) -> None:
    result = ctl_status(daemons(a_coordinator()), url)
    assert (result.returncode, result.stdout) == (2, "")
    assert f"--agent-status {url}: must be of the form http" in result.stderr
    assert "HOST:PORT, an IPv6 address in brackets" in result.stderr


@pytest.mark.parametrize(
    ("url", "asked"),
    [
        ("http://[::1]:9511/status", "http://[::1]:9511"),
        ("http://fd00::1:9511/", "http://[fd00::1]:9511"),
        ("http://agent:9511", "http://agent:9511"),
        ("https://proxy/node-1/status", "https://proxy:443/node-1"),
    ],
)
def test_addresses_of_both_families_and_names_are_asked(url: str, asked: str) -> None:
    assert pages.checked("--agent-status", url) == asked
