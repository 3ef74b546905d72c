"""A call that an agent answers, through the real file and a real socket."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import scripted_agent
from plugin_runtime import PLUGIN, SCRIPT, Runtime
from scripted_agent import answers


def test_an_add_carries_variables_stdin_and_the_open_namespace(runtime: Runtime, agents: Any, netns: Path) -> None:
    agent = agents(runtime.socket, answers(0, b'{"ips":[]}'))
    outcome = runtime.call("ADD", b"{config}", CNI_NETNS=str(netns), CNI_ARGS="K8S_POD_NAME=ä", HOME="/root")
    assert (outcome.status, outcome.output) == (0, b'{"ips":[]}')
    request = agent.requests.get_nowait()
    assert request.variables == {
        "CNI_COMMAND": "ADD",
        "CNI_CONTAINERID": "c1",
        "CNI_NETNS": str(netns),
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": "K8S_POD_NAME=ä",
        "CNI_PATH": "/opt/cni/bin",
    }
    assert request.stdin == b"{config}"
    assert request.netns_inodes == [os.stat(netns).st_ino]


def test_a_namespace_that_cannot_be_opened_is_reported_to_the_agent(runtime: Runtime, agents: Any) -> None:
    agent = agents(runtime.socket, answers(1, b"{}"))
    assert runtime.call("ADD", CNI_NETNS="/run/netns/absent").status == 1
    request = agent.requests.get_nowait()
    assert request.variables["NETNS_ERROR"] == "No such file or directory"
    assert request.netns_inodes == []


def test_a_pipe_in_place_of_a_namespace_does_not_block_an_add(
    runtime: Runtime, agents: Any, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / "pipe")
    agents(runtime.socket, answers(0))
    assert runtime.call("ADD", CNI_NETNS=str(tmp_path / "pipe")).status == 0


@pytest.mark.parametrize("verb", ["DEL", "CHECK", "GC", "STATUS"])
def test_no_verb_but_add_opens_the_namespace(runtime: Runtime, agents: Any, netns: Path, verb: str) -> None:
    agent = agents(runtime.socket, answers(0))
    assert runtime.call(verb, CNI_NETNS=str(netns)).status == 0
    request = agent.requests.get_nowait()
    assert request.variables["CNI_NETNS"] == str(netns)
    assert request.netns_inodes == []


@pytest.mark.parametrize("status", [0, 1, 7, 254])
def test_the_exit_status_is_the_one_that_the_agent_gives(runtime: Runtime, agents: Any, status: int) -> None:
    agents(runtime.socket, answers(status, b"text"))
    outcome = runtime.call("CHECK")
    assert (outcome.status, outcome.output) == (status, b"text")


def test_the_largest_answer_is_printed_whole(runtime: Runtime, agents: Any) -> None:
    agents(runtime.socket, answers(0, b"x" * (1 << 20)))
    assert runtime.call("ADD").output == b"x" * (1 << 20)


def test_the_largest_configuration_arrives_whole(runtime: Runtime, agents: Any) -> None:
    agent = agents(runtime.socket, answers(0))
    stdin = b"x" * ((1 << 20) - 1000)
    assert runtime.call("ADD", stdin).status == 0
    assert agent.requests.get_nowait().stdin == stdin


@pytest.mark.parametrize("size_bytes", [1 << 20, 5_000_000])
def test_a_configuration_above_the_limit_is_refused_by_name(runtime: Runtime, size_bytes: int) -> None:
    error = runtime.call("ADD", b'{"cniVersion":"0.4.0"' + b" " * size_bytes).error
    assert (error["code"], error["cniVersion"]) == (6, "0.4.0")
    assert error["msg"] == "standard input is larger than 1 MiB"
    assert "1048576" in error["details"]


def test_an_agent_that_hangs_up_is_asked_again(runtime: Runtime, agents: Any, netns: Path) -> None:
    agent = agents(
        runtime.socket, *[scripted_agent.hangs_up] * 4, scripted_agent.hangs_up_halfway, answers(0, b"{}")
    )
    assert runtime.call("ADD", CNI_NETNS=str(netns)).output == b"{}"
    requests = [agent.requests.get_nowait() for _ in range(6)]
    assert [request.netns_inodes for request in requests] == [[os.stat(netns).st_ino]] * 6
    assert len({request.raw for request in requests}) == 1


def test_an_agent_with_a_full_queue_is_tried_again(runtime: Runtime) -> None:
    runtime.limits["ADD"] = (20.0, 20.0)
    with scripted_agent.listen(runtime.socket, backlog=0) as agent, socket.socket(socket.AF_UNIX) as first:
        first.connect(str(runtime.socket))
        call = runtime.start("ADD")
        call.deliver_stdin()
        with pytest.raises(subprocess.TimeoutExpired):
            call.process.wait(timeout=0.5)
        agent.accept()[0].close()
        connection, _ = agent.accept()
        with connection:
            scripted_agent.read_request(connection)
            answers(0, b"{}")(connection)
        assert call.finish().output == b"{}"


def test_an_agent_that_is_killed_while_it_is_asked_is_asked_again_when_it_is_back(
    runtime: Runtime, agents: Any
) -> None:
    runtime.limits["ADD"] = (10.0, 20.0)
    program = [sys.executable, scripted_agent.__file__, str(runtime.socket)]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as victim:
        assert victim.stdout is not None
        assert victim.stdout.readline() == "listening\n"
        call = runtime.start("ADD")
        call.deliver_stdin()
        assert victim.stdout.readline() == "read\n"
        victim.kill()
        victim.wait()
    runtime.socket.unlink()
    agents(runtime.socket, answers(0, b"{}"))
    assert call.finish().output == b"{}"


def test_closed_standard_descriptors_do_no_harm(runtime: Runtime, agents: Any, netns: Path) -> None:
    agent = agents(runtime.socket, answers(0, b"{}"), answers(7, b"{}"))
    environment = runtime.environment(CNI_COMMAND="ADD", CNI_NETNS=str(netns))
    without_stdin = ["sh", "-c", 'exec "$@" <&-', "sh", *runtime.command]
    assert subprocess.run(without_stdin, env=environment, capture_output=True, check=True).stdout == b"{}"
    without_any = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *runtime.command]
    assert subprocess.run(without_any, env=environment, check=False).returncode == 7
    for _ in range(2):
        request = agent.requests.get_nowait()
        assert (request.stdin, request.netns_inodes) == (b"", [os.stat(netns).st_ino])


@pytest.mark.parametrize("form", ["script", "static"])
def test_version_is_answered_without_an_agent(form: str, static_plugin: Path) -> None:
    versions = b'{"cniVersion":"1.1.0","supportedVersions":["0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}\n'
    command = [sys.executable, "-I", "-S", str(PLUGIN)] if form == "script" else [str(static_plugin)]
    result = subprocess.run(command, env={"CNI_COMMAND": "VERSION"}, capture_output=True, input=b"{}", check=True)
    assert (result.stdout, result.stderr) == (versions, b"")


def test_a_successful_add_imports_nothing_that_is_not_built_in(
    script_runtime: Runtime, agents: Any, netns: Path
) -> None:
    agents(script_runtime.socket, answers(0))
    environment = script_runtime.environment(CNI_COMMAND="ADD", CNI_NETNS=str(netns))
    verbose = [*SCRIPT[:-2], "-X", "importtime"]
    configuration = b'{"ipam":{"socket-dir":"%b"}}' % os.fsencode(script_runtime.directory)

    def imports(command: list[str]) -> set[str]:
        result = subprocess.run(command, env=environment, input=configuration, capture_output=True, check=True)
        return {line.rpartition("|")[2].strip() for line in result.stderr.decode().splitlines()}

    bare = imports([*verbose, "-c", "pass"])
    assert imports([*verbose, *SCRIPT[-2:]]) - bare == {"_socket", "select", "infoblox"}
    assert "json" not in bare
