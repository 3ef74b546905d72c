"""`python -m tests.rolling`: all daemons are replaced again and again under load, and no ADD fails."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from tests.rolling.rolling import Coordinators, Rolling


def main() -> int:
    """The command; exit code 1 where an ADD failed, or something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.rolling", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="how long pods start (60)")
    parser.add_argument("--rate", type=float, default=20, help="ADDs in a second (20)")
    parser.add_argument(
        "--coordinators",
        type=Coordinators,
        choices=list(Coordinators),
        default=Coordinators.LEASE,
        help="one, two that serve side by side, or two of which a Lease lets one lead (lease)",
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cni-infoblox-rolling-") as directory:
        adds = int(arguments.seconds * arguments.rate)
        report = Rolling(Path(directory), adds, arguments.rate, arguments.coordinators).run()
    print(report)
    for wrong in [*report.failures, *report.wrong]:
        print(f"WRONG: {wrong}")
    return 1 if report.failures or report.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
