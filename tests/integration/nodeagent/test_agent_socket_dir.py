"""The agent's directory: made where it is missing, refused where the plugin would not look for an agent."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from agent_world import World

STRANGER = 65534


def refusal(world: World, socket_dir: Path | str | None = None) -> str:
    """The last words of an agent that does not start."""
    agent = world.launch(socket_dir=str(socket_dir or world.socket_dir))
    assert agent.wait() == 1
    return agent.lines[-1].removeprefix("cni-infoblox-agent: --socket-dir: ")


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_missing_way_is_made_for_root_alone_whatever_the_umask(world: World) -> None:
    world.socket_dir = world.socket_dir / "one" / "two"
    previous = os.umask(0)
    try:
        world.start()
    finally:
        os.umask(previous)
    modes = [mode_of(path) for path in (world.socket_dir.parent, world.socket_dir, world.pending_dir)]
    assert modes == [0o755, 0o700, 0o700]


def test_a_directory_that_others_could_enter_is_shut(world: World) -> None:
    world.pending_dir.mkdir(parents=True)
    for path in (world.socket_dir, world.pending_dir):
        path.chmod(0o777)
    world.start()
    assert [mode_of(path) for path in (world.socket_dir, world.pending_dir)] == [0o700, 0o700]


def test_var_run_is_read_as_run(world: World) -> None:
    world.start(socket_dir=f"/var{world.socket_dir}")
    assert world.add().exit_code == 0


@pytest.mark.parametrize("path", ["run/cni", "/run/cni/../cni"])
def test_a_path_that_the_plugin_does_not_take_is_refused(world: World, path: str) -> None:
    assert refusal(world, path) == f"{path} must be an absolute path without '..'\n"


@pytest.mark.parametrize(("owner", "mode"), [(STRANGER, 0o755), (0, 0o775), (0, 0o1777)])
def test_a_way_on_which_others_can_write_is_refused_with_the_remedy(world: World, owner: int, mode: int) -> None:
    way = world.socket_dir / "way"
    way.mkdir(parents=True)
    os.chown(way, owner, 0)
    way.chmod(mode)
    said = refusal(world, way / "one")
    assert said.startswith(
        f"{way} must belong to root ('chown root') and be writable for root only ('chmod go-w')"
    )
    assert list(way.iterdir()) == []


@pytest.mark.parametrize("place", ["socket_dir", "pending_dir"])
def test_a_directory_of_another_user_is_refused(world: World, place: str) -> None:
    path: Path = getattr(world, place)
    path.mkdir(parents=True)
    os.chown(path, STRANGER, 0)
    assert refusal(world).startswith(f"{path} belongs to uid {STRANGER}")


@pytest.mark.parametrize("place", ["socket_dir", "pending_dir"])
def test_a_link_is_not_followed(world: World, place: str, tmp_path: Path) -> None:
    path, elsewhere = getattr(world, place), tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    path.parent.mkdir(exist_ok=True)
    path.symlink_to(elsewhere)
    assert refusal(world).startswith(f"{path} is a link, or no directory")
    assert (list(elsewhere.iterdir()), mode_of(elsewhere)) == ([], 0o755)
