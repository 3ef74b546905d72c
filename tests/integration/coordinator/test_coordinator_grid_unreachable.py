"""What the coordinator says of a grid with which it cannot speak, and whether anything may have got there."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from slow_grid import BODY, HEAD, SILENCE_S, SlowGrid

from coordinator.core.errors import (
    AuthoritiesUnusable,
    CertificateNotTrusted,
    CertificateOfAnother,
    CertificateOutOfDate,
    GridAddressUnusable,
    GridUnavailable,
)
from coordinator.grid.exchange import LostError, NotSentError
from coordinator.grid.operations import HttpCall
from coordinator.grid.wapi import Grid, Wapi
from gridsim.http.certificate import ensure_certificate
from protocol.errors import Problem

CALL = HttpCall("POST", "fixedaddress", "", {"ipv4addr": "10.55.0.9"})


@contextmanager
def a_grid(folder: Path, *, host: str = "127.0.0.1", days: float = 1.0) -> Iterator[SlowGrid]:
    running = SlowGrid(folder, HEAD + b"\r\n" + BODY, b"", host=host, days=days)
    try:
        yield running
    finally:
        running.stop()


def not_sent(host: str, port: int = 443, verify: str | bool = True) -> Problem:
    wapi = Wapi(Grid(host, port, "2.5", "admin", verify), lambda: "infoblox", time.monotonic, "test")
    with pytest.raises(NotSentError) as caught:
        wapi.send(CALL, SILENCE_S * 10)
    wapi.close()
    return caught.value.problem


def test_each_fault_of_a_certificate_has_a_remedy_of_its_own(tmp_path: Path) -> None:
    stranger, _ = ensure_certificate(tmp_path / "stranger", [])
    with a_grid(tmp_path / "good") as grid:
        untrusted = not_sent("127.0.0.1", grid.port, str(stranger))
        assert isinstance(untrusted, CertificateNotTrusted)
    with a_grid(tmp_path / "good", host="127.0.0.2") as grid:
        another = not_sent("127.0.0.2", grid.port, str(grid.certificate))
        assert isinstance(another, CertificateOfAnother)
        assert "127.0.0.2" in another.details
    with a_grid(tmp_path / "old", days=-0.1) as grid:
        expired = not_sent("127.0.0.1", grid.port, str(grid.certificate))
        assert isinstance(expired, CertificateOutOfDate)
        assert "expired" in expired.details
    assert len({each.remedy for each in (untrusted, another, expired)}) == 3


@pytest.mark.parametrize(
    "content", [None, b"", b"-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n"]
)
def test_a_file_of_authorities_that_cannot_work_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)
    with a_grid(tmp_path / "grid") as grid:
        problem = not_sent("127.0.0.1", grid.port, str(path))
    assert isinstance(problem, AuthoritiesUnusable)
    assert str(path) in problem.details


def test_a_file_of_authorities_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    with a_grid(tmp_path / "grid") as grid:
        wapi = Wapi(Grid("127.0.0.1", grid.port, "2.5", "admin", str(path)), lambda: "x", time.monotonic, "test")
        with pytest.raises(NotSentError):
            wapi.send(CALL, SILENCE_S * 10)
        path.write_bytes(grid.certificate.read_bytes())
        assert wapi.send(CALL, SILENCE_S * 10) == []
        wapi.close()


@pytest.mark.parametrize("host", ["grid..example", "grid example", "x" * 64 + ".example", "grid/wapi"])
def test_an_address_that_cannot_work_was_sent_nothing(tmp_path: Path, host: str) -> None:
    assert isinstance(not_sent(host), GridAddressUnusable | GridUnavailable)


def test_a_name_that_does_not_resolve_is_told_as_that() -> None:
    assert "does not resolve" in not_sent("no-such-host.invalid").details


def test_what_fails_after_the_request_has_left_may_have_been_carried_out(tmp_path: Path) -> None:
    running = SlowGrid(tmp_path, b"nonsense", b"")
    wapi = Wapi(
        Grid("127.0.0.1", running.port, "2.5", "admin", str(running.certificate)),
        lambda: "x",
        time.monotonic,
        "test",
    )
    try:
        with pytest.raises(LostError):
            wapi.send(CALL, SILENCE_S * 10)
    finally:
        wapi.close()
        running.stop()
