"""The path of the plugin's socket is lost under a live agent: told at once, and put right."""

from __future__ import annotations

import os
import re
import shutil
import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from agent_world import Agent, Staging, World, fetch


def port_of(agent: Agent) -> int:
    return int(re.search(r"port=(\d+)", agent.expect_log("status_listening"))[1])  # type: ignore[index]


def started(world: World, staging: Staging | None = None) -> tuple[Agent, int]:
    """An agent that is ready, with its status port."""
    agent = world.launch(staging)
    port = port_of(agent)
    agent.expect_log("serving", "coordinator_reached")
    assert world.add("before").exit_code == 0
    assert fetch(port, "/readyz") == (200, b"ok\n")
    return agent, port


def removed(world: World) -> None:
    world.socket_path.unlink()


def replaced(world: World) -> None:
    world.socket_path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(world.socket_path))


def without_its_directory(world: World) -> None:
    shutil.rmtree(world.socket_dir)


def moved_with_its_directory(world: World) -> None:
    world.socket_dir.rename(world.socket_dir.with_name("elsewhere"))


@pytest.mark.parametrize("lose", [removed, replaced, without_its_directory, moved_with_its_directory])
def test_a_lost_socket_is_no_readiness_and_is_bound_anew(world: World, lose: Callable[[World], None]) -> None:
    agent, port = started(world)

    lose(world)

    code, text = fetch(port, "/readyz")
    is_told = (code, str(world.socket_path).encode() in text) == (503, True)
    assert is_told or agent.has_said("socket_bound_anew"), "the look every 10 s may come first"
    if is_told:
        agent.expect_log("socket_bound_anew")
    assert world.add("after").exit_code == 0
    assert world.call("STATUS").answer().exit_code == 0
    assert fetch(port, "/readyz") == (200, b"ok\n")
    assert sorted(path.name for path in world.socket_dir.iterdir() if path.suffix != ".alive") == [
        "infoblox.lock",
        "infoblox.pending",
        "infoblox.sock",
    ]


def test_the_place_stays_this_agents_after_its_directory_was_removed(world: World, tmp_path: Path) -> None:
    agent, _ = started(world)
    shutil.rmtree(world.socket_dir)
    agent.expect_log("socket_bound_anew")

    second = world.launch(run_dir=str(tmp_path / "second"))

    assert second.wait() == 1
    assert "another agent of this node serves" in second.lines[-1]


def test_another_program_on_the_path_is_told_and_left_alone_until_it_ends(world: World) -> None:
    agent, port = started(world)
    world.socket_path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(world.socket_path))
        foreign.listen()
        assert "another program serves" in agent.expect_log("socket_lost")
        assert b"another process serves" in fetch(port, "/readyz")[1]

    agent.expect_log("socket_bound_anew")
    assert world.add("after").exit_code == 0


def test_an_agent_that_ends_leaves_what_others_put_in_its_place(world: World) -> None:
    agent, _ = started(world)
    world.socket_path.unlink()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(world.socket_path))
        foreign.listen()
        agent.terminate()
        assert agent.wait() == 0
        assert world.socket_path.exists()


def test_a_container_whose_directory_is_removed_on_the_node_ends_and_says_why(world: World) -> None:
    on_node = world.socket_dir.with_name("on-node")
    for directory in (on_node, world.socket_dir):
        directory.mkdir(mode=0o700)
    script = f'mount --bind {on_node} {world.socket_dir} && exec "$@"'
    agent = world.launch(Staging(inside=["unshare", "--mount", "--propagation=private", "sh", "-c", script, "-"]))
    agent.expect_log("serving", "coordinator_reached")

    shutil.rmtree(on_node)

    assert agent.wait() == 1
    assert "was removed from the node" in agent.lines[-1]
    assert not os.path.lexists(world.socket_path)
