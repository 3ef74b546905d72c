"""Keeps the figures that the README quotes those of the last run."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.parts.throughput import THREADS
from bench.report.targets import Figures
from bench.result import Result

BEGIN: Final = "<!-- written by make bench -->"
END: Final = "<!-- until here -->"


def quote(results: Sequence[Result], readme: Path) -> bool:
    """Write the figures between the marks of the README; False, and nothing written, where one is missing."""
    figures = Figures([result for result in results if not result.is_quick])
    try:
        rows = [f"| {what} | {tell(figures)} |" for what, tell in QUOTED.items()]
    except KeyError:
        return False
    block = "\n".join([BEGIN, "| `make bench` | measured |", "| --- | --- |", *rows, END])
    text = readme.read_text()
    readme.write_text(re.sub(f"{BEGIN}.*{END}", lambda _: block, text, flags=re.DOTALL))
    return True


def _from_journal(figures: Figures) -> str:
    ours, theirs = figures.median("exec", "add.took"), figures.median("exec", "host_local_add.took")
    return f"{ours:.1f} ms; `host-local`'s ADD: {theirs:.1f} ms"


def _from_reserve(figures: Figures) -> str:
    ours, theirs = figures.median("reserve", "150ms.add"), figures.median("reserve", "150ms.host_local")
    down = figures.median("reserve", "down.add")
    return (
        f"{ours:.1f} ms, {down:.1f} ms without grid and coordinator; `host-local`'s ADD in `/run`: {theirs:.1f} ms"
    )


def _one_pod(figures: Figures) -> str:
    ours, plain = figures.median("one_pod", "150ms.alone.add"), figures.median("one_pod", "150ms.plain.add")
    return f"{ours:.0f} ms; by the original's six calls: {plain:.0f} ms"


def _many_pods(figures: Figures) -> str:
    ours = figures.median("throughput", "lane.150ms.200.rate")
    plain = max(figures.median("throughput", f"plain.150ms.{threads}.rate") for threads in THREADS)
    return f"{ours:.0f} addresses a second; by the original's calls, 50 at a time: {plain:.1f}"


def _storm(figures: Figures) -> str:
    seconds, peak_mb = figures.median("storm", "5000.all_served"), figures.median("storm", "5000.memory")
    return f"all 50,000 addresses after {seconds:.0f} s, the coordinator at {peak_mb:.0f} MB"


QUOTED: Final[Mapping[str, Callable[[Figures], str]]] = {
    "ADD that the node's journal answers, from exec to exit": _from_journal,
    "ADD that an address is ready for, at a grid that takes 150 ms a call": _from_reserve,
    "a pod's address, none ready, from a grid that takes 150 ms a call and 5 ms an operation": _one_pod,
    "200 pods that wait for that grid": _many_pods,
    "5,000 nodes that reconnect at once, ten pods on each": _storm,
}
