"""Starts, ends, crashes: what survives them."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_world import PATIENCE_S, Agent, AgentEnded, Answer, Staging, World, a_config, frame_of

from nodeagent.crash_points import CRASH_POINTS
from protocol.wire.messages import Allocate, Claims, Hello
from tests.original_daemon import OriginalDaemon


def test_sigterm_removes_the_socket_and_ends_with_0(world: World) -> None:
    agent = world.start()
    agent.terminate()

    assert agent.wait() == 0
    assert not world.socket_path.exists()


def test_sigterm_finishes_what_is_in_flight(world: World) -> None:
    agent = world.start()
    book = world.coordinator.book
    world.coordinator.policy = lambda message: []
    add = world.call("ADD")
    allocate = world.coordinator.expect(Allocate)

    agent.terminate()
    agent.expect_log("stopping")
    world.coordinator.send(book.allocate(allocate))

    assert add.answer().exit_code == 0
    assert agent.wait() == 0


def test_what_was_told_survives_a_kill(world: World) -> None:
    agent = world.start()
    address = world.add().address
    world.add("c2")
    world.coordinator.policy = lambda message: []
    assert world.delete("c2").exit_code == 0
    agent.kill()
    world.restart_coordinator()

    world.start()

    claims = world.coordinator.expect(Claims)
    assert [world.coordinator.book.used_by[row.allocation] for row in claims.let_go] == ["c2"]
    assert world.add().address == address


@pytest.mark.parametrize("step", [step for step in CRASH_POINTS if not step.startswith("pending")])
def test_a_kill_at_any_step_leaves_one_address_for_the_living_and_none_for_the_others(
    world: World, step: str
) -> None:
    world.coordinator.book.reserve = 1
    killed = world.launch(Staging(kill_at=step), log_level="debug")
    told = _use_until_killed(world, killed)
    world.start()

    final = world.add("stays").address
    for container in ("goes", "never"):
        assert world.delete(container).exit_code == 0
    world.until_only({"stays", "reserve"})

    assert told in (None, final)


def _use_until_killed(world: World, killed: Agent) -> str | None:
    """Walk through every step; the address that the plugin was told for the attachment that stays."""
    told = None
    try:
        killed.expect_log("serving", "coordinator_reached")
        told = world.add("stays").address
        _wait_for(killed, "type=allocated", 2)
        world.add("goes")
        _wait_for(killed, "type=labelled", 1)
        world.delete("goes")
        killed.expect_log("event=released")
        killed.expect_log("no such line, only the end")
    except (ConnectionError, AgentEnded):
        pass
    assert killed.wait() == -signal.SIGKILL, killed.lines
    return told


def _wait_for(killed: Agent, text: str, count: int) -> None:
    """Wait until the log has so many lines with `text`. Raises `AgentEnded`."""
    while sum(text in line for line in list(killed.lines)) < count:
        killed.expect_log("event=message_received")


def test_a_kill_while_a_pending_file_is_removed_releases_once_and_removes_it(world: World) -> None:
    agent = world.start()
    world.add()
    agent.kill()
    _write_pending(world, "c1-eth0", "c1", "eth0")
    killed = world.launch(Staging(kill_at="pending:removed:before"))
    assert killed.wait() == -signal.SIGKILL
    assert world.pending_names() == ["c1-eth0"]

    world.start()

    assert world.next_let_go() == "c1"
    assert world.pending_names() == []


def test_pending_deletes_are_replayed_before_the_socket_opens(world: World) -> None:
    agent = world.start()
    world.add()
    agent.kill()
    _write_pending(world, "c1-eth0", "c1", "eth0")

    agent = world.launch()
    agent.expect_log("source=pending")
    agent.expect_log("serving")

    assert world.pending_names() == []
    assert world.next_let_go() == "c1"


def test_a_pending_delete_that_appears_later_is_found(world: World) -> None:
    agent = world.start()
    world.add(ifname="a%b-c")
    _write_pending(world, "c1-a%25b%2Dc", "c1", "a%b-c")

    agent.expect_log("source=pending")
    assert world.next_let_go() == "c1"


def test_a_pending_delete_goes_before_an_add_of_the_same_attachment(world: World) -> None:
    world.start()
    world.add()
    first = world.coordinator.expect(Allocate)
    _write_pending(world, "c1-eth0", "c1", "eth0")

    assert world.add().exit_code == 0

    assert world.next_let_go() == "c1"
    assert world.coordinator.expect(Allocate).wants != first.wants
    assert world.pending_names() == []


def test_malformed_pending_files_are_set_aside_and_stop_nothing(world: World) -> None:
    world.pending_dir.mkdir(parents=True)
    (world.pending_dir / "c1-eth0").write_bytes(b"\x01\x00\x00\x00\x09cut")
    (world.pending_dir / "c2-eth0").write_bytes(frame_of({"CNI_COMMAND": "ADD"}, b"{}"))
    _write_pending(world, "c3-eth0", "c3", "eth0")

    agent = world.start()

    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 2
    assert sorted(os.listdir(world.pending_dir)) == [".c1-eth0.bad", ".c2-eth0.bad"]


@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: os.mknod(path, stat.S_IFCHR | 0o600, os.makedev(1, 5)),
        lambda path: os.symlink("/dev/zero", path),
        lambda path: os.symlink(".other", path),
    ],
    ids=["fifo", "directory", "device", "link to a device", "link to a file"],
)
def test_what_is_no_file_among_the_pending_deletes_is_set_aside_unopened(
    world: World, make: Callable[[Path], None]
) -> None:
    world.pending_dir.mkdir(parents=True, mode=0o700)
    (world.pending_dir / ".other").write_bytes(b"not to be read")
    (world.pending_dir / ".c1-eth0.bad").mkdir()
    make(world.pending_dir / "c1-eth0")
    _write_pending(world, "c2-eth0", "c2", "eth0")

    agent = world.start()

    assert world.add().exit_code == 0
    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 1
    assert world.pending_names() == [".c1-eth0.bad", ".c1-eth0.bad1", ".other"]


@pytest.mark.parametrize(("owner", "mode"), [(65534, 0o600), (0, 0o666)])
def test_a_pending_delete_that_others_could_have_written_releases_nothing(
    world: World, owner: int, mode: int
) -> None:
    agent = world.start()
    address = world.add("c1").address
    agent.kill()
    _write_pending(world, "c1-eth0", "c1", "eth0")
    os.chown(world.pending_dir / "c1-eth0", owner, 0)
    (world.pending_dir / "c1-eth0").chmod(mode)

    agent = world.start()

    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 1
    assert world.add("c1").address == address
    assert world.pending_names() == [".c1-eth0.bad"]


def test_a_left_over_socket_is_replaced(world: World) -> None:
    world.socket_dir.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(world.socket_path))

    world.start()

    assert world.add().exit_code == 0


def test_a_second_agent_on_one_socket_says_so_and_ends(world: World, tmp_path: Path) -> None:
    world.start()
    second = world.launch(run_dir=str(tmp_path / "other"))

    assert second.wait() == 1
    assert second.lines[-1] == (
        f"cni-infoblox-agent: --socket-dir: another agent of this node serves {world.socket_path}\n"
    )
    assert world.add().exit_code == 0


def test_a_socket_that_another_program_serves_is_left_to_it(world: World) -> None:
    world.socket_dir.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(world.socket_path))
        foreign.listen()
        agent = world.launch()
        assert agent.wait() == 1
    assert f"another program serves {world.socket_path}: end it" in agent.lines[-1]
    assert world.socket_path.exists()


def test_beside_the_originals_daemon_the_agent_names_what_to_delete(world: World) -> None:
    with OriginalDaemon(world.socket_path):
        agent = world.launch()
        assert agent.wait() == 1
    assert "the original's daemon serves" in agent.lines[-1]
    assert "delete its DaemonSet, whose image is infoblox/cni-infoblox-daemon" in agent.lines[-1]
    assert world.socket_path.exists()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own that a test can fill."""
    path = tmp_path / "small"
    path.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(path)], check=True)
    yield path
    subprocess.run(["umount", "-l", str(path)], check=True)


def _fill(disk: Path) -> None:
    with open(disk / "filler", "wb", buffering=0) as filler:
        for size in (65536, 4096, 512):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue


def test_a_full_file_system_fails_adds_with_its_path_until_there_is_room(world: World, small_disk: Path) -> None:
    agent = world.start(run_dir=str(small_disk / "run"))
    assert world.add().exit_code == 0
    _fill(small_disk)

    answer = _until_not_0(world, "ADD")

    assert (answer.json["code"], ".journal cannot be written" in answer.json["msg"]) == (11, True)
    (small_disk / "filler").unlink()
    assert world.add("later").exit_code == 0
    agent.expect_log("journal_unwritable", "journal_written_again")


def test_a_full_disk_leaves_a_del_to_the_plugin(world: World, small_disk: Path) -> None:
    agent = world.start(run_dir=str(small_disk / "run"))
    _fill(small_disk)

    answer = _until_not_0(world, "DEL")

    assert (answer.exit_code, answer.stdout) == (255, b"")
    assert agent.is_running()


def _until_not_0(world: World, verb: str) -> Answer:
    for number in range(1000):
        answer = world.call(verb, f"x{number}").answer()
        if answer.exit_code != 0:
            return answer
    raise AssertionError("the disk never filled")


def _write_pending(world: World, name: str, container: str, ifname: str) -> None:
    world.pending_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    frame = frame_of({"CNI_COMMAND": "DEL", "CNI_CONTAINERID": container, "CNI_IFNAME": ifname}, b"{}")
    hidden = world.pending_dir / ".writing"
    hidden.write_bytes(frame)
    hidden.rename(world.pending_dir / name)


def test_hello_comes_before_any_request(world: World) -> None:
    world.start()
    world.add()
    assert isinstance(world.coordinator.received.get(timeout=PATIENCE_S), Hello)


def test_bad_settings_end_with_2_and_one_line_that_names_the_flag(world: World) -> None:
    for changes, named in (
        ({"coordinator": "http://x"}, "--coordinator"),
        ({"keys": "/nowhere"}, "--keys"),
        ({"status_listen": "nonsense"}, "--status-listen"),
        ({"log_level": "loud"}, "--log-level"),
        ({"driver_name": "a/b"}, "--driver-name"),
    ):
        agent: Agent = world.launch(**changes)
        assert agent.wait() == 2, changes
        assert len(agent.lines) == 1
        assert agent.lines[0].startswith(f"cni-infoblox-agent: {named}"), agent.lines


def test_a_config_of_the_bad_input_list_allocates_nothing(world: World) -> None:
    world.start()
    for config in (b"", b"[]", a_config(ipam=[]), a_config(name=None), a_config(cniVersion="9.9.9")):
        assert world.add(config=config).exit_code == 1
    assert world.call("STATUS").answer().exit_code == 0
    assert world.coordinator.book.objects == {}


def test_a_second_agent_on_one_journal_says_so_and_ends_with_2(world: World) -> None:
    world.start()
    second = world.launch(socket_dir=str(world.socket_dir.with_name("other")))

    assert second.wait() == 2
    assert "another agent of this node has" in second.lines[-1]
    assert world.add().exit_code == 0


def test_a_journal_that_somebody_removes_is_written_anew(world: World) -> None:
    agent = world.start()
    address = world.add().address
    for path in world.run_dir.iterdir():
        path.unlink()

    agent.expect_log("journal_written_anew")
    agent.kill()
    world.start()

    assert world.add().address == address
