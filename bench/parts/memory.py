"""What the memory of an idle agent consists of: interpreters that import ever more of it, then the agent."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Mapping
from typing import Final

from bench.parts.idle import quiet_cluster
from bench.process import Memory, memory
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong

IMPORTS: Final[Mapping[str, str]] = {
    "bare interpreter": "",
    "pyzmq": "import zmq",
    "pydantic": "from pydantic import BaseModel, TypeAdapter",
    "pydantic-settings": "import pydantic_settings",
    "structlog, prometheus-client, msgpack, sqlite3": "import structlog, prometheus_client, msgpack, sqlite3",
    "our own modules": "import nodeagent.__main__",
}
RUNNING: Final = "running, with one attachment"
INTERPRETERS: Final = 5
LOOKED_AT: Final = "print('ready', flush=True); input()"
COMPARED: Final = """\
Fresh interpreters, of which each imports what the one above it does and one thing more, then the agent of a quiet
cluster. Resident memory is what the kernel counts for the process; unique memory are those of its pages that no
other process has mapped, what one more agent really costs. Libraries that several others need (`asyncio`, `ssl`,
`http.server`) are counted where they are imported first."""


def measure(run: Run) -> Result:
    """Each stage some times, the agent once."""
    samples: dict[str, Samples] = {}
    code = ""
    for stage, statement in IMPORTS.items():
        code += f"{statement}\n"
        _note(stage, [_interpreter(code) for _ in range(run.count(INTERPRETERS, 1))], samples)
    with quiet_cluster(run) as (cluster, _):
        assert cluster.node.agent
        _note(RUNNING, [memory(cluster.node.agent.pid)], samples)
    return Result("memory", "Memory of an idle agent", COMPARED, _table(samples), _panels(samples), samples, [])


def _note(stage: str, found: list[Memory], samples: dict[str, Samples]) -> None:
    samples[f"{stage}.rss"] = Samples("MB", [each.rss_mb for each in found])
    samples[f"{stage}.unique"] = Samples("MB", [each.unique_mb for each in found])


def _interpreter(code: str) -> Memory:
    """What an interpreter takes that has run this code."""
    with subprocess.Popen(
        [sys.executable, "-c", code + LOOKED_AT], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin
        assert process.stdout
        if not process.stdout.readline():
            raise Wrong(f"an interpreter could not run: {code}")
        found = memory(process.pid)
        process.stdin.write(b"\n")
        return found


def _stages(samples: Mapping[str, Samples]) -> dict[str, tuple[float, float]]:
    """Resident and unique megabytes after each stage."""
    return {
        stage: (
            statistics.median(samples[f"{stage}.rss"].values),
            statistics.median(samples[f"{stage}.unique"].values),
        )
        for stage in (*IMPORTS, RUNNING)
    }


def _table(samples: Mapping[str, Samples]) -> Table:
    rows, before_mb = [], (0.0, 0.0)
    for stage, now_mb in _stages(samples).items():
        more_mb = [f"{now - before:.1f}" for now, before in zip(now_mb, before_mb, strict=True)]
        rows.append([stage, *(f"{each:.1f}" for each in now_mb), *more_mb])
        before_mb = now_mb
    return Table(["and then", "RSS MB", "unique MB", "RSS more", "unique more"], rows)


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    stages = _stages(samples)
    names = list(stages)
    series = [
        Series(name, names, [mb[place] for mb in stages.values()], Mark.BAR)
        for place, name in enumerate(("resident", "unique"))
    ]
    return [Panel(one.name, "", "MB", [one]) for one in series]
