"""`python -m tests.sim.mutants`: which seed catches which mistake in the product."""

from __future__ import annotations

import argparse
import os
import sys

from tests.sim.mutants.catalogue import MUTANTS
from tests.sim.mutants.hunt import catches

ROW = "{:<62} {}"


def main() -> int:
    """The command; exit code 1 when a mutant survives."""
    arguments = _arguments()
    mutants = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    caught = 0
    for mutant, catch in zip(mutants, catches(mutants, arguments.seeds, arguments.jobs), strict=True):
        caught += bool(catch)
        print(ROW.format(mutant.name, catch or "SURVIVES"), flush=True)
    print(f"{caught} of {len(mutants)} mutants caught by {arguments.seeds} seeds")
    return 0 if caught == len(mutants) else 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, default=200, help="at most so many for each mutant (200)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="so many mutants at once (cores)")
    add("--only", default="", metavar="TEXT", help="those with this text in their names (all)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
