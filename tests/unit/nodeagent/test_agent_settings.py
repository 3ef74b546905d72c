"""Which settings the agent takes, and what it says of others."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.settings import BadSettings
from nodeagent.settings import read
from protocol.host_port import HostPort

FLAGS = ["--keys", "/k", "--node-name", "node-1"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("tcp://coordinator:5510", "tcp://coordinator:5510"),
        ("tcp://10.96.0.7:5510", "tcp://10.96.0.7:5510"),
        ("tcp://[fd00::7]:5510", "tcp://[fd00::7]:5510"),
        ("tcp://fd00::7:5510", "tcp://[fd00::7]:5510"),
    ],
    ids=["name", "IPv4", "IPv6", "IPv6 as in the variables of a Service"],
)
def test_an_address_of_the_coordinator_is_taken(given: str, meant: str) -> None:
    assert read([*FLAGS, "--coordinator", given]).coordinator == [meant]


@pytest.mark.parametrize(
    "given",
    [
        "tcp://[fd00::7]",
        "tcp://[fd00:::7]:5510",
        "tcp://[10.0.0.1]:5510",
        "tcp://fd00::x:5510",
        "tcp://[::1]:65536",
        "tcp://[fe80::1%eth0]:5510",
        "[fd00::7]:5510",
    ],
)
def test_what_is_no_address_is_refused_with_the_form(given: str) -> None:
    with pytest.raises(
        BadSettings, match="--coordinator: must be of the form tcp://HOST:PORT, an IPv6 address in"
    ):
        read([*FLAGS, "--coordinator", given])


@pytest.mark.parametrize(
    ("listen", "at"),
    [
        ("[::1]:9511", HostPort("::1", 9511)),
        ("[::]:0", HostPort("::", 0)),
        ("fd00::7:9511", HostPort("fd00::7", 9511)),
        (":9511", HostPort("", 9511)),
        ("*:9511", HostPort("*", 9511)),
    ],
)
def test_the_status_page_may_be_at_an_ipv6_address(listen: str, at: HostPort) -> None:
    flags = [*FLAGS, "--coordinator", "tcp://c:1", "--status-listen", listen]
    assert read(flags).status_address == at


@pytest.mark.parametrize("listen", ["::1", "[::1]", "[::1:9511", "[fe80::1%eth0]:9511", "[10.0.0.1]:9511", "h:x"])
def test_what_is_no_place_for_a_status_page_is_refused_with_the_form(listen: str) -> None:
    told = "--status-listen: must be of the form ADDRESS:PORT, an IPv6 address in brackets"
    assert told in complaint(*FLAGS, "--coordinator", "tcp://c:1", "--status-listen", listen)


@pytest.mark.parametrize("given", ["tcp://*:5510", "tcp://coordinator:0", "tcp://[fd00::7]:00"])
def test_an_agent_connects_to_no_wildcard(given: str) -> None:
    assert "--coordinator: must be of the form tcp://HOST:PORT" in complaint(*FLAGS, "--coordinator", given)


def complaint(*flags: str) -> str:
    with pytest.raises(BadSettings) as caught:
        read(flags)
    return str(caught.value)


def test_all_that_is_missing_is_told_at_once() -> None:
    assert complaint() == (
        "--keys, --coordinator: are required (or CNI_INFOBLOX_KEYS, CNI_INFOBLOX_COORDINATOR in the environment)"
    )


def test_a_line_of_the_file_that_nobody_reads_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    good = (*FLAGS, "--coordinator", "tcp://c:1")
    file = tmp_path / "settings"
    file.write_text("CNI_INFOBLOX_NODENAME=n1\n")
    told = "CNI_INFOBLOX_NODENAME is unknown: did you mean CNI_INFOBLOX_NODE_NAME?"
    assert complaint(*good, "--config", str(file)) == f"--config: {file}: {told}"
    file.write_bytes(b"\xff")
    assert complaint(*good, "--config", str(file)) == f"--config: {file}: is not UTF-8"


def test_a_file_name_is_asked_for_in_words() -> None:
    told = "--driver-name: 'a/b' must be at most 64 letters"
    assert told in complaint(*FLAGS, "--coordinator", "tcp://c:1", "--driver-name", "a/b")
