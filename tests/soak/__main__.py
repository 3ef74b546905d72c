"""`python -m tests.soak`: thousands of pods come and go while daemons die; the grid ends up with what lives."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.soak.soak import STAGES, Report, Soak


def main() -> int:
    """The command; exit code 1 where something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--adds", type=int, default=10_000, help="how many (10000)")
    parser.add_argument("--seed", type=int, default=0, help="what the faults are drawn from (0)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-soak-") as directory:
        report = Soak(Path(directory) / "cluster", arguments.adds, arguments.seed, print).run()
    show(report)
    return 1 if report.wrong else 0


def show(report: Report) -> None:
    """Print what came of it."""
    print(f"{report.adds} ADDs in {report.took_s:.0f} s; {counts(report.faults)}")
    print(f"answers: {counts(report.answers)}")
    for stage, vitals in zip(STAGES, report.vitals, strict=False):
        for name, seen in vitals.items():
            print(f"{name} after {stage!r}: {seen}")
    for wrong in report.wrong:
        print(f"WRONG: {wrong}")


def counts(named: dict[str, int]) -> str:
    """Names with their numbers."""
    return ", ".join(f"{name} {count}" for name, count in sorted(named.items()))


if __name__ == "__main__":
    sys.exit(main())
