"""A call that no agent answers: what the runtime is told, and what becomes of a DEL."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import scripted_agent
from plugin_runtime import Outcome, Runtime
from scripted_agent import answers

import plugin.infoblox

TAKEN_FOR_SUCCESS = re.compile("not found|no such file or directory", re.IGNORECASE)


def hidden_files(directory: Path) -> list[str]:
    return [name for name in os.listdir(directory) if name.startswith(".")]


@pytest.mark.parametrize(("verb", "code"), [("ADD", 11), ("CHECK", 11), ("GC", 11), ("STATUS", 50)])
def test_an_absent_agent_is_an_error_with_the_socket_and_a_remedy(runtime: Runtime, verb: str, code: int) -> None:
    error = runtime.call(verb).error
    assert (error["code"], error["cniVersion"]) == (code, "1.1.0")
    assert error["msg"] == f"infoblox agent does not answer at {runtime.socket}"
    assert "cni-infoblox-daemon" in error["details"]
    assert "cni-infoblox status" in error["details"]


@pytest.mark.parametrize("verb", [None, "", "ALLOCATE"])
def test_a_missing_or_unknown_command_is_named(runtime: Runtime, verb: str | None) -> None:
    error = runtime.call("", CNI_COMMAND=verb).error
    assert (error["code"], error["msg"]) == (4, "CNI_COMMAND is missing or unknown")


def test_a_del_is_kept_as_the_request_that_the_agent_would_have_read(runtime: Runtime, agents: Any) -> None:
    outcome = runtime.call("DEL", b"{config}", CNI_IFNAME="net-1", CNI_ARGS="a=b")
    assert (outcome.status, outcome.output) == (0, b"")
    kept = runtime.pending / "c1-net%2D1"
    assert [path.name for path in runtime.pending.iterdir()] == [kept.name]
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert stat.S_IMODE(runtime.pending.stat().st_mode) == 0o700

    agent = agents(runtime.socket, answers(0))
    runtime.call("DEL", b"{config}", CNI_IFNAME="net-1", CNI_ARGS="a=b")
    assert agent.requests.get_nowait().raw == kept.read_bytes()


def test_a_second_del_of_the_attachment_replaces_the_first(runtime: Runtime) -> None:
    runtime.call("DEL", b"first")
    runtime.call("DEL", b"second")
    assert [path.name for path in runtime.pending.iterdir()] == ["c1-eth0"]
    assert (runtime.pending / "c1-eth0").read_bytes().endswith(b"second")


def test_a_del_that_the_agent_could_not_write_down_is_kept(runtime: Runtime, agents: Any) -> None:
    agents(runtime.socket, answers(255, b"disk full"))
    outcome = runtime.call("DEL")
    assert (outcome.status, outcome.output) == (0, b"")
    assert (runtime.pending / "c1-eth0").exists()


@pytest.mark.parametrize(
    "behaviour", [scripted_agent.waits_for_hang_up, scripted_agent.trickles, scripted_agent.claims_too_much]
)
def test_a_del_without_a_whole_answer_is_kept(runtime: Runtime, agents: Any, behaviour: Any) -> None:
    runtime.limits["DEL"] = (0.4, 0.4)
    agents(runtime.socket, behaviour)
    assert runtime.call("DEL").status == 0
    assert (runtime.pending / "c1-eth0").exists()


def test_a_del_that_can_be_kept_nowhere_fails_for_now(runtime: Runtime) -> None:
    runtime.pending.write_text("a file where the directory should be")
    error = runtime.call("DEL").error
    assert error["code"] == 11
    assert str(runtime.pending) in error["msg"]
    assert not TAKEN_FOR_SUCCESS.search(str(error))


def test_a_del_without_a_socket_directory_fails_without_the_words_for_success(runtime: Runtime) -> None:
    runtime.directory.rmdir()
    error = runtime.call("DEL").error
    assert error["code"] == 11
    assert not TAKEN_FOR_SUCCESS.search(str(error))


def test_a_del_that_cannot_be_finished_leaves_no_hidden_file(runtime: Runtime) -> None:
    (runtime.pending / "c1-eth0" / "in the way").mkdir(parents=True)
    assert runtime.call("DEL").error["code"] == 11
    assert hidden_files(runtime.pending) == []


@pytest.mark.parametrize(
    ("changes", "variable"),
    [
        ({"CNI_CONTAINERID": None}, "CNI_CONTAINERID"),
        ({"CNI_CONTAINERID": "../etc/passwd"}, "CNI_CONTAINERID"),
        ({"CNI_CONTAINERID": "c" * 10_000}, "CNI_CONTAINERID"),
        ({"CNI_IFNAME": None}, "CNI_IFNAME"),
        ({"CNI_IFNAME": "a/b"}, "CNI_IFNAME"),
    ],
)
def test_a_del_of_no_possible_attachment_is_refused(
    runtime: Runtime, changes: dict[str, str | None], variable: str
) -> None:
    error = runtime.call("DEL", **changes).error
    assert error["code"] == 4
    assert error["msg"].startswith(variable)
    assert not runtime.pending.exists()


@pytest.mark.parametrize(
    ("age_s", "status"), [(0, 0), (100, 0), (121, 1), (-121, 1)], ids=["now", "lately", "long ago", "future"]
)
def test_status_trusts_a_recently_touched_file_only(runtime: Runtime, age_s: int, status: int) -> None:
    alive = runtime.directory / "infoblox.alive"
    alive.touch()
    touched_s = time.time() - age_s
    os.utime(alive, (touched_s, touched_s))
    assert runtime.call("STATUS").status == status


def test_an_add_with_a_trickling_answer_ends_at_its_limit(runtime: Runtime, agents: Any) -> None:
    runtime.limits["ADD"] = (0.3, 0.6)
    agents(runtime.socket, scripted_agent.trickles)
    error = runtime.call("ADD").error
    assert error["code"] == 11
    assert "no answer within 0.6 s" in error["details"]


def test_an_answer_beyond_the_protocol_is_not_waited_for(runtime: Runtime, agents: Any) -> None:
    agents(runtime.socket, scripted_agent.claims_too_much)
    error = runtime.call("ADD").error
    assert error["code"] == 11
    assert error["details"].startswith("its answer claims to have 2147483648 bytes")


def test_an_agent_that_never_ends_hanging_up_ends_with_the_limit(runtime: Runtime, agents: Any) -> None:
    runtime.limits["ADD"] = (0.3, 0.6)
    agents(runtime.socket, *[scripted_agent.hangs_up] * 100)
    assert runtime.call("ADD").error["code"] == 11


def test_a_full_queue_of_the_agent_counts_as_no_answer(runtime: Runtime) -> None:
    with scripted_agent.listen(runtime.socket, backlog=0), socket.socket(socket.AF_UNIX) as first_in_the_queue:
        first_in_the_queue.connect(str(runtime.socket))
        assert runtime.call("ADD").error["details"].startswith("resource temporarily unavailable")
        assert runtime.call("DEL").status == 0


def test_an_unexpected_failure_is_still_a_cni_error(runtime: Runtime) -> None:
    runtime.limits["ADD"] = ("not", "numbers")  # type: ignore[assignment]
    error = runtime.call("ADD").error
    assert (error["code"], error["msg"]) == (100, "the plugin itself failed")
    assert "TypeError" in error["details"]


@pytest.mark.parametrize("verb", ["ADD", "CHECK", "GC", "STATUS"])
def test_a_standard_input_that_is_never_closed_is_an_error_at_the_limit(
    runtime: Runtime, agents: Any, verb: str
) -> None:
    runtime.limits[verb] = (0.3, 0.6)
    agent = agents(runtime.socket, answers(0))
    error = runtime.start(verb).finish_with_open_stdin().error
    assert (error["code"], error["cniVersion"]) == (11, "1.1.0")
    assert error["msg"] == "standard input was not closed within 0.6 s"
    assert agent.requests.empty()


def test_a_del_with_a_standard_input_that_is_never_closed_is_kept(runtime: Runtime) -> None:
    runtime.limits["DEL"] = (0.3, 0.6)
    assert runtime.start("DEL", b'{"half').finish_with_open_stdin() == Outcome(0, b"")
    assert (runtime.pending / "c1-eth0").read_bytes().endswith(b'{"half')


@pytest.fixture
def full_disk(runtime: Runtime) -> Iterator[Path]:
    """A full file system at the agent's directory; the path of the file that fills it."""
    command = ["mount", "-t", "tmpfs", "-o", "size=64k,mode=700", "tmpfs", str(runtime.directory)]
    subprocess.run(command, check=True)
    try:
        ballast = runtime.directory / "ballast"
        with pytest.raises(OSError, match="No space left"):
            ballast.write_bytes(bytes(1 << 20))
        yield ballast
    finally:
        subprocess.run(["umount", str(runtime.directory)], check=True)


def test_a_del_on_a_full_disk_fails_for_now_and_succeeds_when_there_is_room(
    runtime: Runtime, full_disk: Path
) -> None:
    error = runtime.call("DEL").error
    assert error["code"] == 11
    assert error["details"].startswith("no space left on device")
    assert not TAKEN_FOR_SUCCESS.search(str(error))
    assert os.listdir(runtime.pending) == []
    full_disk.unlink()
    assert runtime.call("DEL") == Outcome(0, b"")
    assert os.listdir(runtime.pending) == ["c1-eth0"]


@pytest.fixture
def stopped_agent(runtime: Runtime) -> Iterator[None]:
    """An agent that listens, but is stopped with SIGSTOP."""
    program = [sys.executable, scripted_agent.__file__, str(runtime.socket)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as agent:
        assert agent.stdout is not None
        assert agent.stdout.readline() == "listening\n"
        agent.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, agent.pid, os.WSTOPPED | os.WNOWAIT)
        yield
        agent.kill()


@pytest.mark.usefixtures("stopped_agent")
def test_the_real_limits_hold_while_the_agent_is_stopped(runtime: Runtime) -> None:
    runtime.limits.clear()
    promised_s = {"DEL": 5, "CHECK": 1, "STATUS": 1}

    def call(verb: str) -> Outcome:
        began_s = time.monotonic()
        outcome = runtime.call(verb)
        assert time.monotonic() - began_s < promised_s[verb] + 0.5
        return outcome

    with ThreadPoolExecutor() as pool:
        outcomes = dict(zip(promised_s, pool.map(call, promised_s), strict=True))
    assert outcomes["DEL"] == Outcome(0, b"")
    assert (runtime.pending / "c1-eth0").exists()
    assert outcomes["CHECK"].error["code"] == 11
    assert outcomes["STATUS"].error["code"] == 50


@pytest.mark.usefixtures("stopped_agent")
def test_a_request_larger_than_the_socket_takes_does_not_hang(runtime: Runtime) -> None:
    runtime.limits["ADD"] = (0.3, 0.6)
    assert runtime.call("ADD", b"x" * 1_000_000).error["code"] == 11


def test_every_text_of_a_del_is_free_of_the_words_for_success() -> None:
    source = Path(plugin.infoblox.__file__).read_text()
    literals = [line for line in source.splitlines() if TAKEN_FOR_SUCCESS.search(line)]
    assert literals == ['    for words in ("no such file or directory", "not found"):']
