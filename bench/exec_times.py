"""Measures what an ADD that needs no grid costs, from exec to exit, next to other executables.

All run in turn, in an order that rotates by one each round, so that a disturbance hits them alike. Each is started
with posix_spawn, gets its standard input whole, and is timed until its output is read and it has been waited for.
Its own processor time is told too, which on a busy machine says more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.report import say
from ctl.plugin_file import running_interpreter
from demo.cluster import MAIN_PLUGINS, Cluster, Node, Plan
from demo.cni import Invocation
from demo.daemons import command

ROUNDS: Final = 200
ROUNDS_BEFORE: Final = 5
C_PROGRAM: Final = "int main(void) { return 0; }\n"


@dataclass(frozen=True)
class Times:
    """What one call took: from exec to exit, and of a processor."""

    took_ms: float
    cpu_ms: float


@dataclass
class Candidate:
    """An executable with what it is given. What `undo` says is executed after each call, untimed."""

    label: str
    executable: str
    invocation: Invocation
    stdin: bytes = b""
    undo: Invocation | None = None
    times: list[Times] = field(default_factory=list)


def measure(directory: Path) -> None:
    """Print median and 95th percentile of each candidate."""
    with Cluster(directory, Plan()) as cluster:
        candidates = [floor(directory), *ours(cluster.node, directory), host_local(directory)]
        for number in range(ROUNDS_BEFORE + ROUNDS):
            turn = number % len(candidates)
            for candidate in candidates[turn:] + candidates[:turn]:
                candidate.times.append(one_call(candidate))
    say(f"{f'exec to exit, {ROUNDS} interleaved runs, in ms':<42}  median     p95  processor")
    for candidate in candidates:
        took = [times.took_ms for times in candidate.times[ROUNDS_BEFORE:]]
        cpu = [times.cpu_ms for times in candidate.times[ROUNDS_BEFORE:]]
        say(
            f"{candidate.label:<42} {statistics.median(took):7.2f} {p95(took):7.2f} {statistics.median(cpu):10.2f}"
        )


def floor(directory: Path) -> Candidate:
    """What any executable costs."""
    source, executable = directory / "floor.c", directory / "floor"
    source.write_text(C_PROGRAM)
    subprocess.run(["gcc", "-O2", "-static", "-o", executable, source], check=True)
    return Candidate("a static C program that returns 0", str(executable), Invocation("ADD", "floor"))


def ours(node: Node, directory: Path) -> Sequence[Candidate]:
    """Both forms of the plugin, for an attachment that the agent's journal holds."""
    scripts = directory / "script"
    scripts.mkdir()
    flags = ["--cni-bin-dir", str(scripts), "--interpreter", str(running_interpreter())]
    subprocess.run([*command("cni-infoblox"), "install", *flags], check=True, capture_output=True)
    invocation = Invocation("ADD", "bench", "absent0", "/proc/self/ns/net")
    held = node.ipam(invocation)
    if not held.ok:
        raise SystemExit(f"ADD failed: {held.stdout.decode()}")
    stdin = json.dumps(node.config()).encode()
    return (
        Candidate("infoblox ADD, static file", node.plugin, invocation, stdin),
        Candidate("infoblox ADD, script", str(scripts / "infoblox"), invocation, stdin),
    )


def host_local(directory: Path) -> Candidate:
    """The reference plugin that keeps addresses in files of the node."""
    ipam = {"type": "host-local", "subnet": "10.56.0.0/16", "dataDir": str(directory / "host-local")}
    config: Mapping[str, Any] = {"cniVersion": "1.0.0", "name": "bench", "type": "bridge", "ipam": ipam}
    add, delete = (
        Invocation(verb, "bench", "eth0", "/proc/self/ns/net", path=MAIN_PLUGINS) for verb in ("ADD", "DEL")
    )
    stdin = json.dumps(config).encode()
    return Candidate("host-local ADD", f"{MAIN_PLUGINS}/host-local", add, stdin, undo=delete)


def one_call(candidate: Candidate) -> Times:
    """One call that must succeed."""
    times = execute(candidate.executable, candidate.invocation, candidate.stdin)
    if candidate.undo:
        execute(candidate.executable, candidate.undo, candidate.stdin)
    return times


def execute(executable: str, invocation: Invocation, stdin: bytes) -> Times:
    """From exec to exit."""
    standard_input, given = os.pipe()
    output, standard_output = os.pipe()
    os.write(given, stdin)
    os.close(given)
    descriptors = [(os.POSIX_SPAWN_DUP2, standard_input, 0), (os.POSIX_SPAWN_DUP2, standard_output, 1)]
    environment = invocation.environment()
    began_ns = time.perf_counter_ns()
    pid = os.posix_spawn(executable, [executable], environment, file_actions=descriptors)
    os.close(standard_output)
    answer = b""
    while piece := os.read(output, 1 << 16):
        answer += piece
    _, status, usage = os.wait4(pid, 0)
    took_ms = (time.perf_counter_ns() - began_ns) / 1e6
    os.close(standard_input)
    os.close(output)
    if status:
        raise SystemExit(f"{executable} failed: {answer.decode()}")
    return Times(took_ms, (usage.ru_utime + usage.ru_stime) * 1000)


def p95(times: Sequence[float]) -> float:
    """The 95th percentile."""
    return statistics.quantiles(times, n=20)[-1]
