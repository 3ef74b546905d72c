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
from agent_world import Agent, World, fetch

from protocol.wire.status import AgentStatus

PAGE_BYTES = 4096


def journal_of(world: World) -> Path:
    return world.run_dir / "node-1-infoblox.journal"


def port_of(agent: Agent) -> int:
    return int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]


def status_of(port: int) -> AgentStatus:
    return AgentStatus.model_validate_json(fetch(port, "/status")[1])


def a_filled_journal(world: World) -> None:
    """One whose pages are all in the database itself."""
    agent = world.start()
    for number in range(60):
        assert world.add(f"c{number}").exit_code == 0
    agent.terminate()
    assert agent.wait() == 0


def scribbled(world: World) -> None:
    world.run_dir.mkdir(mode=0o700)
    journal_of(world).write_bytes(b"scribble" * 1000)


def a_malformed_page(world: World) -> None:
    a_filled_journal(world)
    pages = journal_of(world).stat().st_size // PAGE_BYTES
    assert pages > 8
    with journal_of(world).open("r+b") as file:
        for page in range(2, pages):
            file.seek(page * PAGE_BYTES)
            file.write(os.urandom(PAGE_BYTES))


def a_truncated_file(world: World) -> None:
    a_filled_journal(world)
    os.truncate(journal_of(world), 5 * PAGE_BYTES + 7)


@pytest.mark.parametrize("damage", [scribbled, a_malformed_page, a_truncated_file])
def test_a_damaged_journal_is_kept_aside_told_and_replaced(world: World, damage: Callable[[World], None]) -> None:
    damage(world)
    if world.socket_dir.exists():
        world.restart_coordinator()

    agent = world.launch()
    port = port_of(agent)
    agent.expect_log("journal_damaged", "serving", "coordinator_reached")

    kept = world.run_dir / "node-1-infoblox.journal.damaged"
    assert os.path.lexists(kept)
    assert world.add("new").exit_code == 0
    assert fetch(port, "/readyz")[0] == 200
    assert status_of(port).damaged_journal == str(kept)
    assert "cni_infoblox_agent_journal_damaged 1.0" in fetch(port, "/metrics")[1].decode()


def test_only_the_newest_damaged_journal_is_kept(world: World) -> None:
    for content in (b"one" * 1000, b"two" * 1000):
        world.run_dir.mkdir(mode=0o700, exist_ok=True)
        journal_of(world).write_bytes(content)
        agent = world.start()
        agent.terminate()
        assert agent.wait() == 0
    assert (world.run_dir / "node-1-infoblox.journal.damaged").read_bytes().startswith(b"two")


@contextmanager
def read_only(world: World) -> Iterator[None]:
    """A run directory on a file system that takes no writes."""
    world.run_dir.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(world.run_dir)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(world.run_dir)], check=True)


@contextmanager
def full(world: World) -> Iterator[None]:
    """A run directory without room."""
    world.run_dir.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(world.run_dir)], check=True)
    (world.run_dir / "filler").write_bytes(b"x" * 4096)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(world.run_dir)], check=True)


@pytest.mark.parametrize("trouble", [read_only, full])
def test_a_journal_that_cannot_be_opened_now_is_waited_for_and_not_lost(
    world: World, trouble: Callable[[World], object]
) -> None:
    agent = world.start()
    address = world.add().address
    agent.terminate()
    assert agent.wait() == 0

    with trouble(world):  # type: ignore[attr-defined]
        agent = world.launch()
        port = port_of(agent)
        assert "--run-dir: " in agent.expect_log("journal_unready")
        code, text = fetch(port, "/readyz")
        assert (code, b"--run-dir: " in text) == (503, True)
        assert status_of(port).unready == text.decode().strip()
        assert fetch(port, "/healthz")[0] == 200

    agent.expect_log("journal_open", "serving", "coordinator_reached")
    assert world.add().address == address
    assert fetch(port, "/readyz")[0] == 200


def test_an_agent_that_waits_for_its_journal_ends_when_told(world: World) -> None:
    with read_only(world):
        agent = world.launch()
        agent.expect_log("journal_unready")
        agent.terminate()
        assert agent.wait() == 0


def test_the_status_of_an_agent_that_waits_is_whole(world: World) -> None:
    with read_only(world):
        agent = world.launch()
        port = port_of(agent)
        agent.expect_log("journal_unready")
        page = json.loads(fetch(port, "/status")[1])
    assert page == AgentStatus.model_validate(page).model_dump(mode="json")
