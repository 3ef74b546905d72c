"""A journal that is damaged is set aside; one that cannot be read now is waited for."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from node_world import Agent, World, fetch

from protocol.wire.status import AgentStatus

PAGE_BYTES = 4096


def journal_of(node: World) -> Path:
    return node.run_dir / "node-1-infoblox.journal"


def port_of(agent: Agent) -> int:
    return int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]


def status_of(port: int) -> AgentStatus:
    return AgentStatus.model_validate_json(fetch(port, "/status")[1])


def a_filled_journal(node: World) -> None:
    """One whose pages are all in the database itself."""
    agent = node.start()
    for number in range(60):
        assert node.add(f"c{number}").exit_code == 0
    agent.terminate()
    assert agent.wait() == 0


def scribbled(node: World) -> None:
    node.run_dir.mkdir(mode=0o700)
    journal_of(node).write_bytes(b"scribble" * 1000)


def a_malformed_page(node: World) -> None:
    a_filled_journal(node)
    pages = journal_of(node).stat().st_size // PAGE_BYTES
    assert pages > 8
    with journal_of(node).open("r+b") as file:
        for page in range(2, pages):
            file.seek(page * PAGE_BYTES)
            file.write(os.urandom(PAGE_BYTES))


def a_truncated_file(node: World) -> None:
    a_filled_journal(node)
    os.truncate(journal_of(node), 5 * PAGE_BYTES + 7)


@pytest.mark.parametrize("damage", [scribbled, a_malformed_page, a_truncated_file])
def test_a_damaged_journal_is_kept_aside_told_and_replaced(node: World, damage: Callable[[World], None]) -> None:
    damage(node)
    if node.socket_dir.exists():
        node.restart_coordinator()

    agent = node.launch()
    port = port_of(agent)
    agent.expect_log("journal_damaged", "serving", "coordinator_reached")

    kept = node.run_dir / "node-1-infoblox.journal.damaged"
    assert os.path.lexists(kept)
    assert node.add("new").exit_code == 0
    assert fetch(port, "/readyz")[0] == 200
    assert status_of(port).damaged_journal == str(kept)
    assert "cni_infoblox_agent_journal_damaged 1.0" in fetch(port, "/metrics")[1].decode()


def test_only_the_newest_damaged_journal_is_kept(node: World) -> None:
    for content in (b"one" * 1000, b"two" * 1000):
        node.run_dir.mkdir(mode=0o700, exist_ok=True)
        journal_of(node).write_bytes(content)
        agent = node.start()
        agent.terminate()
        assert agent.wait() == 0
    assert (node.run_dir / "node-1-infoblox.journal.damaged").read_bytes().startswith(b"two")


@contextmanager
def read_only(node: World) -> Iterator[None]:
    """A run directory on a file system that takes no writes."""
    node.run_dir.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(node.run_dir)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(node.run_dir)], check=True)


@contextmanager
def full(node: World) -> Iterator[None]:
    """A run directory without room."""
    node.run_dir.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(node.run_dir)], check=True)
    (node.run_dir / "filler").write_bytes(b"x" * 4096)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(node.run_dir)], check=True)


@pytest.mark.parametrize("trouble", [read_only, full])
def test_a_journal_that_cannot_be_opened_now_is_waited_for_and_not_lost(
    node: World, trouble: Callable[[World], object]
) -> None:
    agent = node.start()
    address = node.add().address
    agent.terminate()
    assert agent.wait() == 0

    with trouble(node):  # type: ignore[attr-defined]
        agent = node.launch()
        port = port_of(agent)
        assert "--run-dir: " in agent.expect_log("journal_unready")
        code, text = fetch(port, "/readyz")
        assert (code, b"--run-dir: " in text) == (503, True)
        assert status_of(port).unready == text.decode().strip()
        assert fetch(port, "/healthz")[0] == 200

    agent.expect_log("journal_open", "serving", "coordinator_reached")
    assert node.add().address == address
    assert fetch(port, "/readyz")[0] == 200


def test_an_agent_that_waits_for_its_journal_ends_when_told(node: World) -> None:
    with read_only(node):
        agent = node.launch()
        agent.expect_log("journal_unready")
        agent.terminate()
        assert agent.wait() == 0


def test_the_status_of_an_agent_that_waits_is_whole(node: World) -> None:
    with read_only(node):
        agent = node.launch()
        port = port_of(agent)
        agent.expect_log("journal_unready")
        page = json.loads(fetch(port, "/status")[1])
    assert page == AgentStatus.model_validate(page).model_dump(mode="json")
