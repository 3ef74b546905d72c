"""Which endpoints are looked up, and what stands for them then."""

from __future__ import annotations

import select
import socket
import threading
from typing import Any

import pytest

from nodeagent.link.host_names import HostNames, LookedUp, has_address


def looked_up(endpoint: str) -> LookedUp:
    names = HostNames()
    names.look_up(endpoint)
    names.look_up(endpoint)
    select.select([names.descriptor], [], [], 30)
    (found,) = names.ended()
    assert names.ended() == []
    return found


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        ("tcp://10.0.0.1:5510", True),
        ("tcp://[fd00::1]:5510", True),
        ("tcp://coordinator:5510", False),
        ("tcp://10.0.0.1.example:5510", False),
        ("tcp://[fd00::1]:$(PORT)", False),
    ],
)
def test_an_address_is_told_from_a_name(endpoint: str, expected: bool) -> None:
    assert has_address(endpoint) is expected


def test_all_addresses_are_found_each_once_in_the_systems_order(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(*_: Any, **__: Any) -> list[Any]:
        six, four = socket.AF_INET6, socket.AF_INET
        found = [(six, ("fd00::2", 5510, 0, 0)), (four, ("10.0.0.2", 5510)), (six, ("fd00::1", 5510, 0, 0))]
        return [(family, socket.SOCK_STREAM, 6, "", address) for family, address in [*found, *found]]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    found = looked_up("tcp://coordinator:5510")
    assert found.addresses == ("tcp://[fd00::2]:5510", "tcp://10.0.0.2:5510", "tcp://[fd00::1]:5510")


def test_a_lookup_that_finds_no_thread_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    names = HostNames()
    with monkeypatch.context() as without_threads:
        without_threads.setattr(threading.Thread, "start", fail)
        with pytest.raises(RuntimeError):
            names.look_up("tcp://localhost:5510")
    names.look_up("tcp://localhost:5510")
    select.select([names.descriptor], [], [], 30)
    (found,) = names.ended()
    assert found.addresses


@pytest.mark.parametrize("host", ["no-such-host.invalid", "x" * 64 + ".invalid", "a..b"])
def test_a_name_without_address_says_why(host: str) -> None:
    found = looked_up(f"tcp://{host}:5510")
    assert found.addresses == ()
    assert found.why.startswith(f"the name {host} of tcp://{host}:5510 does not resolve (")
