"""The command `python -m bench`: runs parts, compares two results, writes the page."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import exec_times, growth, idle, one_pod, storm, throughput
from bench.machine import describe
from bench.plots import draw
from bench.result import Result, write
from bench.run import Run, Wrong
from demo.table import table

PARTS: Final[Mapping[str, Callable[[Run], Result]]] = {
    "exec": exec_times.measure,
    "one_pod": one_pod.measure,
    "throughput": throughput.measure,
    "storm": storm.measure,
    "growth": growth.measure,
    "idle": idle.measure,
}


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, 1 when a part found the system at fault, 2 for arguments that mean nothing."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run", help="measure; without a name every part")
    running.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    running.add_argument("--output", type=Path, default=Path("build/bench"), help="where JSON and plots go")
    running.add_argument("--quick", action="store_true", help="small counts: whether it works, not how fast it is")
    running.set_defaults(command=run)
    arguments = parser.parse_args(argv)
    if unknown := [name for name in getattr(arguments, "parts", ()) if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}, but: {', '.join(PARTS)}")
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def run(arguments: argparse.Namespace) -> int:
    """Measure each part in a directory of its own; write its JSON and its plot."""
    arguments.output.mkdir(parents=True, exist_ok=True)
    names: Sequence[str] = arguments.parts or list(PARTS)
    for number, name in enumerate(names, 1):
        _say(f"[{number}/{len(names)}] {name}")
        try:
            result = measured(name, is_quick=arguments.quick)
        except Wrong as wrong:
            print(f"bench: {name}: {wrong}", file=sys.stderr)
            return 1
        write(result, arguments.output / f"{name}.json")
        draw(result, arguments.output / f"{name}.svg")
        report(result)
    return 0


def measured(name: str, *, is_quick: bool) -> Result:
    """One part's result, with the machine and the time that it took."""
    machine, began_s = describe(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-bench-") as directory:
        result = PARTS[name](Run(Path(directory), is_quick, _say))
    return replace(result, machine=machine, took_s=time.monotonic() - began_s, is_quick=is_quick)


def report(result: Result) -> None:
    """Print the table of a part."""
    _say(table(result.table.headings, result.table.rows))
    for check in result.checks:
        _say(f"correct: {check}")
    _say(f"took {result.took_s:.0f} s\n")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
