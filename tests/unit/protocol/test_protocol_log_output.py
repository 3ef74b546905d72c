"""A log line that the device does not take is lost, and counted; whoever wrote it goes on at once."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator

import pytest

from daemon.internal_errors import QUIET_S, InternalErrors
from daemon.log_output import QUEUED_BYTES_MAX, LogOutput, standard_error_that_never_waits
from daemon.logs import make_logger

LINE = "x" * 999 + "\n"


class Counting:
    """What was lost, for whom it may concern."""

    def __init__(self) -> None:
        self.lines = 0
        self._lock = threading.Lock()

    def __call__(self, lines: int) -> None:
        with self._lock:
            self.lines += lines


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        try:
            os.close(descriptor)
        except OSError:
            continue


def test_lines_arrive_whole_and_in_order(pipe: tuple[int, int]) -> None:
    lost = Counting()
    output = LogOutput(pipe[1], lost)
    for number in range(1000):
        output.write(f"line {number}\n")
    output.finish()
    os.close(pipe[1])
    with os.fdopen(pipe[0], closefd=False) as written:
        assert written.read().splitlines() == [f"line {number}" for number in range(1000)]
    assert lost.lines == 0


def test_a_reader_that_does_not_read_costs_lines_and_no_time(pipe: tuple[int, int]) -> None:
    lost = Counting()
    output = LogOutput(pipe[1], lost)
    written = 3 * QUEUED_BYTES_MAX // len(LINE)
    for _ in range(written):
        output.write(LINE)
    assert lost.lines > written // 2
    os.close(pipe[0])  # else the thread would wait in this process for ever


def test_a_full_device_costs_lines() -> None:
    lost = Counting()
    with open("/dev/full", "wb", buffering=0) as full:
        output = LogOutput(full.fileno(), lost)
        for _ in range(10):
            output.write("a line\n")
        output.finish()
    assert lost.lines == 10


def test_a_reader_that_went_costs_lines(pipe: tuple[int, int]) -> None:
    lost = Counting()
    os.close(pipe[0])
    output = LogOutput(pipe[1], lost)
    output.write("a\nb\n")
    output.finish()
    assert lost.lines == 2


def test_whatever_is_written_to_standard_error_goes_that_way(capfd: pytest.CaptureFixture[str]) -> None:
    with standard_error_that_never_waits(lambda lines: None):
        print("half \ud800 of a pair", file=sys.stderr)  # noqa: T201
    assert capfd.readouterr().err == "half ? of a pair\n"


@pytest.mark.parametrize("log_format", ["json", "console"])
def test_no_text_leaves_its_line_or_speaks_to_a_terminal(
    capfd: pytest.CaptureFixture[str], log_format: str
) -> None:
    with standard_error_that_never_waits(lambda lines: None):
        log = make_logger("json" if log_format == "json" else "console", "info")
        try:
            raise ValueError("a\x1b[2J\rb\ud800")
        except ValueError as error:
            log.error("found", pod="a\nb\x1b[31m", exc_info=error)
    (line,) = capfd.readouterr().err.splitlines()
    assert line.isprintable()
    if log_format == "json":
        assert "Traceback" in json.loads(line)["exception"]


def test_a_place_that_fails_again_and_again_is_told_with_one_traceback_and_counted_each_time(
    capfd: pytest.CaptureFixture[str],
) -> None:
    counted: list[str] = []
    now_s = 0.0
    with standard_error_that_never_waits(lambda lines: None):
        internal = InternalErrors(make_logger("json", "info"), counted.append, lambda: now_s)
        for _ in range(100):
            with internal.border("here"):
                raise ZeroDivisionError
        now_s += QUIET_S
        with internal.border("here"):
            raise ZeroDivisionError
    first, second = map(json.loads, capfd.readouterr().err.splitlines())
    assert "ZeroDivisionError" in first["exception"]
    assert (first["untold"], second["untold"]) == (0, 99)
    assert counted == ["here"] * 101
