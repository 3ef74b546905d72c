"""Executes a file as a runtime does, and takes the time from exec to exit."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from bench.run import Wrong


@dataclass(frozen=True)
class Times:
    """What one call took: from exec to exit, and of a processor."""

    took_ms: float
    cpu_ms: float


def execute(argv: list[str], environment: Mapping[str, str], stdin: bytes) -> tuple[Times, bytes]:
    """Start an absolute path with posix_spawn, its standard input whole; timed until it has ended.

    Returns the output, too. Raises `Wrong` where it fails.
    """
    standard_input, given = os.pipe()
    output, standard_output = os.pipe()
    os.write(given, stdin)
    os.close(given)
    descriptors = [(os.POSIX_SPAWN_DUP2, standard_input, 0), (os.POSIX_SPAWN_DUP2, standard_output, 1)]
    began_ns = time.perf_counter_ns()
    pid = os.posix_spawn(argv[0], argv, environment, file_actions=descriptors)
    os.close(standard_output)
    answer = b""
    while piece := os.read(output, 1 << 16):
        answer += piece
    _, status, usage = os.wait4(pid, 0)
    took_ms = (time.perf_counter_ns() - began_ns) / 1e6
    os.close(standard_input)
    os.close(output)
    if status:
        raise Wrong(f"{argv[0]} failed: {answer.decode()}")
    return Times(took_ms, (usage.ru_utime + usage.ru_stime) * 1000), answer
