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
from node_world import PATIENCE_S, Agent, AgentEnded, Answer, Staging, World, a_config, frame_of

from protocol.wire.messages import Allocate, Claims, Hello
from tests.original_daemon import OriginalDaemon


def test_sigterm_removes_the_socket_and_ends_with_0(node: World) -> None:
    agent = node.start()
    agent.terminate()

    assert agent.wait() == 0
    assert not node.socket_path.exists()


def test_sigterm_finishes_what_is_in_flight(node: World) -> None:
    agent = node.start()
    book = node.coordinator.book
    node.coordinator.policy = lambda message: []
    add = node.call("ADD")
    allocate = node.coordinator.expect(Allocate)

    agent.terminate()
    agent.expect_log("stopping")
    node.coordinator.send(book.allocate(allocate))

    assert add.answer().exit_code == 0
    assert agent.wait() == 0


def test_what_was_told_survives_a_kill(node: World) -> None:
    agent = node.start()
    address = node.add().address
    node.add("c2")
    node.coordinator.policy = lambda message: []
    assert node.delete("c2").exit_code == 0
    agent.kill()
    node.restart_coordinator()

    node.start()

    claims = node.coordinator.expect(Claims)
    assert [node.coordinator.book.used_by[row.allocation] for row in claims.let_go] == ["c2"]
    assert node.add().address == address


STEPS = (
    "journal:ready:before",
    "journal:ready:after",
    "journal:held:before",
    "journal:held:after",
    "journal:let_go:before",
    "journal:let_go:after",
    "wire:hello:before",
    "wire:hello:after",
    "wire:claims:before",
    "wire:claims:after",
    "wire:allocate:before",
    "wire:allocate:after",
    "wire:allocated:received",
    "wire:label:before",
    "wire:label:after",
    "wire:let_go:before",
    "wire:let_go:after",
    "wire:gone:received",
    "plugin:answer:before",
    "plugin:answer:after",
)


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_leaves_one_address_for_the_living_and_none_for_the_others(
    node: World, step: str
) -> None:
    node.coordinator.book.reserve = 1
    killed = node.launch(Staging(kill_at=step), log_level="debug")
    told = _use_until_killed(node, killed)
    node.start()

    final = node.add("stays").address
    for container in ("goes", "never"):
        assert node.delete(container).exit_code == 0
    node.until_only({"stays", "reserve"})

    assert told in (None, final)


def _use_until_killed(node: World, killed: Agent) -> str | None:
    """Walk through every step; the address that the plugin was told for the attachment that stays."""
    told = None
    try:
        killed.expect_log("serving", "coordinator_reached")
        told = node.add("stays").address
        _wait_for(killed, "type=allocated", 2)
        node.add("goes")
        _wait_for(killed, "type=labelled", 1)
        node.delete("goes")
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


def test_a_kill_while_a_pending_file_is_removed_releases_once_and_removes_it(node: World) -> None:
    agent = node.start()
    node.add()
    agent.kill()
    _write_pending(node, "c1-eth0", "c1", "eth0")
    killed = node.launch(Staging(kill_at="pending:removed:before"))
    assert killed.wait() == -signal.SIGKILL
    assert node.pending_names() == ["c1-eth0"]

    node.start()

    assert node.next_let_go() == "c1"
    assert node.pending_names() == []


def test_pending_deletes_are_replayed_before_the_socket_opens(node: World) -> None:
    agent = node.start()
    node.add()
    agent.kill()
    _write_pending(node, "c1-eth0", "c1", "eth0")

    agent = node.launch()
    agent.expect_log("source=pending")
    agent.expect_log("serving")

    assert node.pending_names() == []
    assert node.next_let_go() == "c1"


def test_a_pending_delete_that_appears_later_is_found(node: World) -> None:
    agent = node.start()
    node.add(ifname="a%b-c")
    _write_pending(node, "c1-a%25b%2Dc", "c1", "a%b-c")

    agent.expect_log("source=pending")
    assert node.next_let_go() == "c1"


def test_a_pending_delete_goes_before_an_add_of_the_same_attachment(node: World) -> None:
    node.start()
    node.add()
    first = node.coordinator.expect(Allocate)
    _write_pending(node, "c1-eth0", "c1", "eth0")

    assert node.add().exit_code == 0

    assert node.next_let_go() == "c1"
    assert node.coordinator.expect(Allocate).allocation != first.allocation
    assert node.pending_names() == []


def test_malformed_pending_files_are_set_aside_and_stop_nothing(node: World) -> None:
    node.pending_dir.mkdir(parents=True)
    (node.pending_dir / "c1-eth0").write_bytes(b"\x01\x00\x00\x00\x09cut")
    (node.pending_dir / "c2-eth0").write_bytes(frame_of({"CNI_COMMAND": "ADD"}, b"{}"))
    _write_pending(node, "c3-eth0", "c3", "eth0")

    agent = node.start()

    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 2
    assert sorted(os.listdir(node.pending_dir)) == [".c1-eth0.bad", ".c2-eth0.bad"]


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
    node: World, make: Callable[[Path], None]
) -> None:
    node.pending_dir.mkdir(parents=True, mode=0o700)
    (node.pending_dir / ".other").write_bytes(b"not to be read")
    (node.pending_dir / ".c1-eth0.bad").mkdir()
    make(node.pending_dir / "c1-eth0")
    _write_pending(node, "c2-eth0", "c2", "eth0")

    agent = node.start()

    assert node.add().exit_code == 0
    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 1
    assert node.pending_names() == [".c1-eth0.bad", ".c1-eth0.bad1", ".other"]


@pytest.mark.parametrize(("owner", "mode"), [(65534, 0o600), (0, 0o666)])
def test_a_pending_delete_that_others_could_have_written_releases_nothing(
    node: World, owner: int, mode: int
) -> None:
    agent = node.start()
    address = node.add("c1").address
    agent.kill()
    _write_pending(node, "c1-eth0", "c1", "eth0")
    os.chown(node.pending_dir / "c1-eth0", owner, 0)
    (node.pending_dir / "c1-eth0").chmod(mode)

    agent = node.start()

    assert len([line for line in agent.lines if "pending_file_unreadable" in line]) == 1
    assert node.add("c1").address == address
    assert node.pending_names() == [".c1-eth0.bad"]


def test_a_left_over_socket_is_replaced(node: World) -> None:
    node.socket_dir.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stale:
        stale.bind(str(node.socket_path))

    node.start()

    assert node.add().exit_code == 0


def test_a_second_agent_on_one_socket_says_so_and_ends(node: World, tmp_path: Path) -> None:
    node.start()
    second = node.launch(run_dir=str(tmp_path / "other"))

    assert second.wait() == 1
    assert second.lines[-1] == (
        f"cni-infoblox-agent: --socket-dir: another agent of this node serves {node.socket_path}\n"
    )
    assert node.add().exit_code == 0


def test_a_socket_that_another_program_serves_is_left_to_it(node: World) -> None:
    node.socket_dir.mkdir(mode=0o700)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as foreign:
        foreign.bind(str(node.socket_path))
        foreign.listen()
        agent = node.launch()
        assert agent.wait() == 1
    assert f"another program serves {node.socket_path}: end it" in agent.lines[-1]
    assert node.socket_path.exists()


def test_beside_the_originals_daemon_the_agent_names_what_to_delete(node: World) -> None:
    with OriginalDaemon(node.socket_path):
        agent = node.launch()
        assert agent.wait() == 1
    assert "the original's daemon serves" in agent.lines[-1]
    assert "delete its DaemonSet, whose image is infoblox/cni-infoblox-daemon" in agent.lines[-1]
    assert node.socket_path.exists()


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


def test_a_full_file_system_fails_adds_with_its_path_until_there_is_room(node: World, small_disk: Path) -> None:
    agent = node.start(run_dir=str(small_disk / "run"))
    assert node.add().exit_code == 0
    _fill(small_disk)

    answer = _until_not_0(node, "ADD")

    assert (answer.json["code"], ".journal cannot be written" in answer.json["msg"]) == (11, True)
    (small_disk / "filler").unlink()
    assert node.add("later").exit_code == 0
    agent.expect_log("journal_unwritable", "journal_written_again")


def test_a_full_disk_leaves_a_del_to_the_plugin(node: World, small_disk: Path) -> None:
    agent = node.start(run_dir=str(small_disk / "run"))
    _fill(small_disk)

    answer = _until_not_0(node, "DEL")

    assert (answer.exit_code, answer.stdout) == (255, b"")
    assert agent.is_running()


def _until_not_0(node: World, verb: str) -> Answer:
    for number in range(1000):
        answer = node.call(verb, f"x{number}").answer()
        if answer.exit_code != 0:
            return answer
    raise AssertionError("the disk never filled")


def _write_pending(node: World, name: str, container: str, ifname: str) -> None:
    node.pending_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    frame = frame_of({"CNI_COMMAND": "DEL", "CNI_CONTAINERID": container, "CNI_IFNAME": ifname}, b"{}")
    hidden = node.pending_dir / ".writing"
    hidden.write_bytes(frame)
    hidden.rename(node.pending_dir / name)


def test_hello_comes_before_any_request(node: World) -> None:
    node.start()
    node.add()
    assert isinstance(node.coordinator.received.get(timeout=PATIENCE_S), Hello)


def test_bad_settings_end_with_2_and_one_line_that_names_the_flag(node: World) -> None:
    for changes, named in (
        ({"coordinator": "http://x"}, "--coordinator"),
        ({"keys": "/nowhere"}, "--keys"),
        ({"status_listen": "nonsense"}, "--status-listen"),
        ({"log_level": "loud"}, "--log-level"),
        ({"driver_name": "a/b"}, "--driver-name"),
    ):
        agent: Agent = node.launch(**changes)
        assert agent.wait() == 2, changes
        assert len(agent.lines) == 1
        assert agent.lines[0].startswith(f"cni-infoblox-agent: {named}"), agent.lines


def test_a_config_of_the_bad_input_list_allocates_nothing(node: World) -> None:
    node.start()
    for config in (b"", b"[]", a_config(ipam=[]), a_config(name=None), a_config(cniVersion="9.9.9")):
        assert node.add(config=config).exit_code == 1
    assert node.call("STATUS").answer().exit_code == 0
    assert node.coordinator.book.objects == {}


def test_a_second_agent_with_the_journal_of_the_first_says_so_and_ends_with_2(node: World, tmp_path: Path) -> None:
    node.start()
    second = node.launch(socket_dir=str(node.socket_dir.with_name("other")))

    assert second.wait() == 2
    assert "another agent of this node has" in second.lines[-1]
    assert node.add().exit_code == 0


def test_a_journal_that_somebody_removes_is_written_anew(node: World) -> None:
    agent = node.start()
    address = node.add().address
    for path in node.run_dir.iterdir():
        path.unlink()

    agent.expect_log("journal_written_anew")
    agent.kill()
    node.start()

    assert node.add().address == address
