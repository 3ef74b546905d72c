"""A grid whose replies come a byte at a time holds the coordinator for a bounded time."""

from __future__ import annotations

import gzip
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from slow_grid import BODY, HEAD, SILENCE_S, SlowGrid

from coordinator.grid.exchange import LostError
from coordinator.grid.operations import HttpCall
from coordinator.grid.reply_bounds import ReplyBounds
from coordinator.grid.wapi import Grid, Wapi


@pytest.fixture(params=["its head", "its body"])
def slow_grid(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SlowGrid]:
    filler = b"X-Filler: " + b"x" * 100 + b"\r\n\r\n"
    if request.param == "its head":
        running = SlowGrid(tmp_path, HEAD, filler + BODY)
    else:
        running = SlowGrid(tmp_path, HEAD + b"\r\n", BODY)
    yield running
    running.stop()


@pytest.mark.filterwarnings("ignore:Unverified HTTPS")
@pytest.mark.parametrize("verifies", [True, False])
def test_a_reply_that_trickles_in_is_given_up(slow_grid: SlowGrid, verifies: bool) -> None:
    verify = str(slow_grid.certificate) if verifies else False
    grid = Grid("127.0.0.1", slow_grid.port, "2.5", "admin", verify)
    wapi = Wapi(grid, lambda: "infoblox", time.monotonic, "test")
    with pytest.raises(LostError):
        wapi.send(HttpCall("GET", "grid", "", None), SILENCE_S)
    assert not slow_grid.answered_whole
    wapi.close()


def test_a_slow_reply_within_its_time_is_taken(tmp_path: Path) -> None:
    slow_grid = SlowGrid(tmp_path, HEAD + b"\r\n" + BODY[:97], BODY[97:])
    wapi = Wapi(
        Grid("127.0.0.1", slow_grid.port, "2.5", "admin", str(slow_grid.certificate)),
        lambda: "x",
        time.monotonic,
        "test",
    )
    try:
        assert wapi.send(HttpCall("GET", "grid", "", None), SILENCE_S * 10) == []
    finally:
        wapi.close()
        slow_grid.stop()


def hears(folder: Path, reply: bytes) -> str:
    """What is said of a reply that is sent at once."""
    grid = SlowGrid(folder, reply, b"")
    where = Grid("127.0.0.1", grid.port, "2.5", "admin", str(grid.certificate))
    wapi = Wapi(where, lambda: "x", time.monotonic, "tests")
    try:
        with pytest.raises(LostError) as caught:
            wapi.send(HttpCall("GET", "grid", "", None), SILENCE_S * 50)
    finally:
        wapi.close()
        grid.stop()
    return caught.value.problem.details


def test_a_reply_that_is_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"
    monkeypatch.setattr(ReplyBounds.begin, "__defaults__", (100_000,))
    assert "its reply is longer than 100000 bytes" in hears(tmp_path, head + b" " * 200_000)


def test_a_compressed_reply_is_refused(tmp_path: Path) -> None:
    body = gzip.compress(b"[]")
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(body)
    assert "compressed" in hears(tmp_path, head + body)
