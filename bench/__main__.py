"""The command `python -m bench`: runs parts, compares two results, writes the page."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.machine import describe
from bench.parts import exec_times, failover, growth, idle, memory, one_pod, reserve, storm, throughput
from bench.report.comparison import compare
from bench.report.page import HEADINGS, write_page
from bench.report.plots import draw
from bench.report.readme import quote
from bench.report.targets import verdicts
from bench.result import Result, read, write
from bench.run import Run, Wrong
from demo.ending import exit_on_sigterm
from demo.table import table

PARTS: Final[Mapping[str, Callable[[Run], Result]]] = {
    "exec": exec_times.measure,
    "one_pod": one_pod.measure,
    "reserve": reserve.measure,
    "throughput": throughput.measure,
    "storm": storm.measure,
    "failover": failover.measure,
    "growth": growth.measure,
    "idle": idle.measure,
    "memory": memory.measure,
}
OUTPUT: Final = Path("build/bench")
PAGE: Final = Path("docs/performance.md")
README: Final = Path("README.md")
NOTES: Final = Path("docs/performance-notes.md")


def main(argv: Sequence[str] | None = None) -> int:
    """Returns 0, 1 when a part failed, 2 for arguments that mean nothing. A missed target is no failure."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    commands = parser.add_subparsers(required=True)
    running = commands.add_parser("run", help="measure; without a name every part")
    running.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    running.add_argument("--output", type=Path, default=OUTPUT, help="where JSON and plots go")
    running.add_argument("--quick", action="store_true", help="small counts: whether it works, not how fast it is")
    running.add_argument("--thorough", action="store_true", help="what takes long is done as often as the rest")
    running.set_defaults(command=_run)
    paging = commands.add_parser("page", help="write the page from what was measured")
    paging.add_argument("--output", type=Path, default=OUTPUT, help="where JSON and plots are")
    paging.add_argument("--page", type=Path, default=PAGE)
    paging.add_argument("--readme", type=Path, default=README, help="quotes some of the figures")
    paging.set_defaults(command=_page)
    comparing = commands.add_parser("compare", help="two results of one part, with the noise of their ratios")
    comparing.add_argument("before", type=Path)
    comparing.add_argument("after", type=Path)
    comparing.set_defaults(command=_compare)
    arguments = parser.parse_args(argv)
    if unknown := [name for name in getattr(arguments, "parts", ()) if name not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}, but: {', '.join(PARTS)}")
    command: Callable[[argparse.Namespace], int] = arguments.command
    return command(arguments)


def _run(arguments: argparse.Namespace) -> int:
    """Measure each part; write its JSON and its plot. One that fails does not keep the others from running."""
    names: Sequence[str] = arguments.parts or list(PARTS)
    output: Path = arguments.output
    exit_on_sigterm()
    output.mkdir(parents=True, exist_ok=True)
    results = []
    for number, name in enumerate(names, 1):
        _say(f"[{number}/{len(names)}] {name}")
        (output / f"{name}.json").unlink(missing_ok=True)
        try:
            result = _measured(name, is_quick=arguments.quick, is_thorough=arguments.thorough)
        except Wrong as wrong:
            print(f"bench: {name}: {wrong}", file=sys.stderr)
            continue
        except Exception:  # noqa: BLE001, the part is lost, ten minutes of others are not
            traceback.print_exc()
            continue
        write(result, output / f"{name}.json")
        draw(result, output / f"{name}.svg")
        _report(result)
        results.append(result)
    rows = [verdict.row() for verdict in verdicts(results) if verdict.measured]
    _say(table(HEADINGS, rows))
    return 0 if len(results) == len(names) else 1


def _measured(name: str, *, is_quick: bool, is_thorough: bool) -> Result:
    """One part's result, with the machine and the time that it took."""
    machine, began_s = describe(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-bench-") as directory:
        result = PARTS[name](Run(Path(directory), is_quick, is_thorough, _say))
    return replace(result, machine=machine, took_s=time.monotonic() - began_s, is_quick=is_quick)


def _page(arguments: argparse.Namespace) -> int:
    found = [path for name in PARTS if (path := arguments.output / f"{name}.json").exists()]
    if not found:
        print(f"bench: {arguments.output} holds no results; 'python -m bench run' makes them", file=sys.stderr)
        return 1
    results = [read(path) for path in found]
    write_page(results, arguments.output, NOTES, arguments.page)
    if not quote(results, arguments.readme):
        print(f"bench: {arguments.readme} keeps its figures: not all of them were measured", file=sys.stderr)
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    try:
        compared = compare(read(arguments.before), read(arguments.after))
    except (OSError, ValueError) as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    _say(table(compared.headings, compared.rows))
    return 0


def _report(result: Result) -> None:
    _say(table(result.table.headings, result.table.rows))
    for check in result.checks:
        _say(f"  correct: {check}")
    _say(f"  took {result.took_s:.0f} s\n")


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
