"""The command `cni-infoblox-gridsim` as a process."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from gridsim_client import Client

COMMAND = [sys.executable, "-m", "gridsim"]


@contextmanager
def running(*flags: str) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    environment = {**os.environ, "CNI_INFOBLOX_GRIDSIM_LISTEN": "127.0.0.1:0"}
    with subprocess.Popen([*COMMAND, *flags], stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_says_where_it_is_serves_and_ends_on_a_signal(number: signal.Signals, tmp_path: Path) -> None:
    with running("--state-dir", str(tmp_path), "--password", "other") as (process, line):
        assert line["page"] == line["url"] + "/"
        client = Client(line["url"], line["certificate"], "other")
        with client.session:
            assert client.call("GET", "networkview").json()[0]["name"] == "default"
            client.session.auth = None
        process.send_signal(number)
        assert process.wait(10) == 0
        assert process.stdout is not None
        assert process.stdout.read() == ""


def test_its_flags_reach_the_grid() -> None:
    flags = ("--definitions", "none", "--user-kind", "no-request", "--latency-ms", "1", "--cna")
    with running(*flags) as (_, line):
        client = Client(line["url"], line["certificate"])
        with client.session:
            assert client.call("GET", "extensibleattributedef").json() == []
            assert client.call("POST", "request", [{"method": "GET", "object": "network"}]).status_code == 400
            assert "CLOUD_API" in client.call("GET", "member:license").text
            assert client.sim("GET", "faults").json()["latency_ms"] == 1


def test_a_temporary_folder_is_removed_at_the_end() -> None:
    with running() as (process, line):
        process.terminate()
        assert process.wait(10) == 0
    assert not Path(line["certificate"]).parent.exists()


def test_bad_configuration_ends_with_2_and_one_line_that_names_the_flag() -> None:
    done = subprocess.run(
        [*COMMAND, "--user-kind", "root"], capture_output=True, text=True, timeout=20, check=False
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert "--user-kind" in done.stderr


def test_a_port_in_use_names_the_flag() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        done = subprocess.run(
            [*COMMAND, "--listen", listen], capture_output=True, text=True, timeout=20, check=False
        )
    assert done.returncode == 2
    assert "--listen" in done.stderr
