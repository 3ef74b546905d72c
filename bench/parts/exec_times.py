"""What a call that needs no grid costs, from exec to exit, next to other executables."""

from __future__ import annotations

import json
import statistics
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from bench.books import check_books
from bench.load.candidates import (
    HOST_LOCAL,
    IFNAME,
    NETNS,
    Candidate,
    always,
    call_in_turn,
    host_local_config,
    of_new_containers,
)
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from ctl.plugin_file import running_interpreter
from demo.cluster import MAIN_PLUGINS, Cluster, Node, Plan
from demo.cni import Invocation
from demo.daemons import command

ROUNDS: Final = 200
ROUNDS_BEFORE: Final = 5
DELS_WITHOUT_AGENT: Final = 20
AT_ONCE_WITHOUT_AGENT: Final = 5
EXCHANGE: Final = Path(__file__).with_name("exchange.c")
COMPARED: Final = """\
Each is started with posix_spawn, gets its standard input whole, and is timed until its output is read and it
has been waited for. All run in turn, in an order that rotates by one each round, so that a disturbance hits
them alike; each ADD of host-local, which also writes two files, is undone in between. Our ADD is of an
attachment that the agent's journal holds. The C program makes the same exchange with the same agent: the
difference to it is what the plugin's own program costs. Without an agent a DEL waits 2 s for one to come back
before it writes its file, which is why it stands apart."""


def measure(run: Run) -> Result:
    """All candidates in turn; then the DELs of a node whose agent is down."""
    with Cluster(run.directory / "cluster", Plan()) as cluster:
        living = {"bench": _add(cluster.node, "bench")}
        candidates = [
            Candidate("true", "/bin/true", "/bin/true", always(Invocation(None, None))),
            _c_program(cluster.node, run.directory),
            *_ours(cluster.node, run.directory),
            *_host_local(run.directory),
        ]
        for number in range(ROUNDS_BEFORE + run.count(ROUNDS, 10)):
            call_in_turn(candidates, number)
        for candidate in candidates:
            del candidate.times[:ROUNDS_BEFORE]
        candidates.append(_without_agent(run, cluster.node))
        cluster.node.start_agent()
        checks = [check_books(cluster.grid, living)]
    samples = {
        f"{candidate.name}.{what}": Samples("ms", [getattr(times, f"{what}_ms") for times in candidate.times])
        for candidate in candidates
        for what in ("took", "cpu")
    }
    return Result("exec", "From exec to exit", COMPARED, _table(candidates), [_panel(candidates)], samples, checks)


def _add(node: Node, container: str) -> str:
    held = node.ipam(Invocation("ADD", container, IFNAME, NETNS))
    if not held.ok:
        raise Wrong(f"ADD failed: {held.stdout.decode()}")
    return held.address


def _c_program(node: Node, directory: Path) -> Candidate:
    executable = directory / "exchange"
    argv = ["gcc", "-O2", "-static", f'-DAGENT_SOCKET="{node.socket}"', "-o", str(executable), str(EXCHANGE)]
    subprocess.run(argv, check=True)
    add = always(Invocation("ADD", "bench", IFNAME, NETNS))
    return Candidate("c_add", "C program, same exchange", str(executable), add, _stdin(node))


def _ours(node: Node, directory: Path) -> Sequence[Candidate]:
    """Both forms of the plugin, for an attachment that the agent's journal holds."""
    scripts = directory / "script"
    scripts.mkdir()
    flags = ["--cni-bin-dir", str(scripts), "--interpreter", str(running_interpreter())]
    subprocess.run([*command("cni-infoblox"), "install", *flags], check=True, capture_output=True)
    add, version = always(Invocation("ADD", "bench", IFNAME, NETNS)), always(Invocation("VERSION", None))
    return (
        Candidate("add", "infoblox ADD", node.plugin, add, _stdin(node)),
        Candidate("version", "infoblox VERSION", node.plugin, version, _stdin(node)),
        Candidate("script_add", "infoblox ADD, as a script", str(scripts / "infoblox"), add, _stdin(node)),
    )


def _host_local(directory: Path) -> Sequence[Candidate]:
    stdin = host_local_config("10.56.0.0/16", directory / "host-local")
    add, delete, version = (
        always(Invocation(verb, "bench", "eth0", NETNS, path=MAIN_PLUGINS)) for verb in ("ADD", "DEL", "VERSION")
    )
    return (
        Candidate("host_local_add", "host-local ADD", HOST_LOCAL, add, stdin, undo=delete),
        Candidate("host_local_version", "host-local VERSION", HOST_LOCAL, version, stdin),
    )


def _without_agent(run: Run, node: Node) -> Candidate:
    """DELs of pods that live, several at once, since they wait more than they compute."""
    numbers = range(run.count(DELS_WITHOUT_AGENT, 2))
    for number in numbers:
        _add(node, f"gone-{number}")
    assert node.agent
    node.agent.stop()
    delete = of_new_containers("DEL", "gone", IFNAME)
    deletions = Candidate("del_without_agent", "infoblox DEL, agent down", node.plugin, delete, _stdin(node))
    with ThreadPoolExecutor(AT_ONCE_WITHOUT_AGENT) as pool:
        list(pool.map(deletions.call, numbers))
    return deletions


def _stdin(node: Node) -> bytes:
    return json.dumps(node.config()).encode()


def _table(candidates: Sequence[Candidate]) -> Table:
    rows = []
    for candidate in candidates:
        took = candidate.took_ms
        cpu = statistics.median(times.cpu_ms for times in candidate.times)
        row = (
            candidate.label,
            f"{len(took)}",
            f"{statistics.median(took):.2f}",
            f"{percentile(took, 95):.2f}",
            f"{cpu:.2f}",
        )
        rows.append(row)
    return Table(["executable", "runs", "median ms", "p95 ms", "processor ms"], rows)


def _panel(candidates: Sequence[Candidate]) -> Panel:
    shown = [candidate for candidate in candidates if candidate.name != "del_without_agent"]
    labels = [candidate.label for candidate in shown]
    took = {candidate.name: candidate.took_ms for candidate in shown}
    series = [
        Series("median", labels, [statistics.median(values) for values in took.values()], Mark.BAR),
        Series("p95", labels, [percentile(values, 95) for values in took.values()], Mark.BAR),
    ]
    return Panel("from exec to exit", "", "ms", series)
