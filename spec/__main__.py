"""Checks the models, and with --mutants that each mistake built into them breaks the property that it should."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from spec.header import HeaderError, Model, Mutant, Run, read
from spec.pan import REST, Report, SpinError, search, search_endless

MODELS: Final = Path(__file__).parent
_HEAD: Final = f"{'model':<10} {'run':<22} {'states':>10} {'depth':>6} {'seconds':>8} {'MB':>6}  result"


def main() -> int:
    """Run what the command line asks for; 1 when a property is broken, or a mistake is not found."""
    arguments = _arguments()
    try:
        models = [read(path) for path in sorted(MODELS.glob("*.pml")) if arguments.only in ("", path.stem)]
        if not models:
            raise HeaderError(f"no model is called '{arguments.only}'")
        print(_HEAD)
        check = _all_caught if arguments.mutants else _quick_holds if arguments.quick else _all_hold
        good = [all(check(model)) for model in models]
    except (HeaderError, SpinError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0 if all(good) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m spec", description=__doc__)
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--quick", action="store_true", help="the smallest run of each model")
    what.add_argument("--mutants", action="store_true", help="build each mistake in: it has to be found")
    parser.add_argument("--only", default="", metavar="MODEL")
    return parser.parse_args()


def _quick_holds(model: Model) -> Iterator[bool]:
    yield _verdict(model, model.quick, search(model.path, model.quick.flags))


def _all_hold(model: Model) -> Iterator[bool]:
    """Each run holds and together they execute every line of the model; the quick one comes to rest."""
    reports = [(run, search(model.path, run.flags)) for run in model.runs]
    yield from [_verdict(model, run, report) for run, report in reports]
    never = frozenset.intersection(*(report.unreached for _, report in reports))
    if never:
        print(f"{model.path.name}: never executed: lines {', '.join(map(str, sorted(never)))}")
    yield not never
    yield _verdict(model, Run(REST, model.quick.flags), search_endless(model.path, model.quick.flags))


def _all_caught(model: Model) -> Iterator[bool]:
    yield from [_caught(model, mutant) for mutant in model.mutants]


def _caught(model: Model, mutant: Mutant) -> bool:
    """Look for the mistake in the smallest run first; the last report is shown."""
    look = search_endless if mutant.property_name == REST else search
    for run in (model.quick, *model.runs):
        report = look(model.path, (*run.flags, f"-D{mutant.name}"))
        if report.violated:
            break
    caught = report.violated == mutant.property_name
    found = f"breaks {report.violated}" if report.violated else "survives"
    print(_row(model, mutant.name, report), found if caught else f"{found.upper()}, not {mutant.property_name}")
    return caught


def _verdict(model: Model, run: Run, report: Report) -> bool:
    result = f"BROKEN: {report.violated}" if report.violated else "holds" if report.complete else "NOT COMPLETE"
    print(_row(model, run.name, report), result)
    return report.violated is None and report.complete


def _row(model: Model, run: str, report: Report) -> str:
    return (
        f"{model.name:<10} {run:<22} {report.states:>10,} {report.depth:>6} {report.seconds:>8.1f}"
        f" {report.memory_mb:>6.0f} "
    )


if __name__ == "__main__":
    sys.exit(main())
