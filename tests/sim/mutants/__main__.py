"""`python -m tests.sim.mutants`: which seed and which scenarios catch which mistake in the product."""

from __future__ import annotations

import argparse
import os
import sys

from tests.sim.__main__ import run_seeds
from tests.sim.mutants.catalogue import MUTANTS
from tests.sim.mutants.hunt import Catch, Hunt, all_catches

ROW = "{:<27} {:<57} {}"


def main() -> int:
    """The command; exit code 1 when a mutant survives."""
    arguments = _arguments()
    mutants = [mutant for mutant in MUTANTS if arguments.only in mutant.name]
    seeds = _sound_seeds(arguments.seeds, arguments.jobs)
    print(ROW.format("invariant", "mutant", "caught by"))
    caught = 0
    hunts = [Hunt(mutant, seeds) for mutant in mutants]
    for mutant, catches in zip(mutants, all_catches(hunts, arguments.jobs), strict=True):
        caught += bool(catches)
        print(ROW.format(mutant.invariant, mutant.name, _told(catches)), flush=True)
    print(f"{caught} of {len(mutants)} mutants caught by {len(seeds)} seeds and the scenarios")
    return 0 if caught == len(mutants) else 1


def _sound_seeds(count: int, jobs: int) -> list[int]:
    """Those that hold without any mistake."""
    results = sorted(run_seeds(range(count), jobs), key=lambda result: result.seed)
    for result in results:
        if result.failure:
            print(f"left out: seed {result.seed}, which fails without a mistake", file=sys.stderr)
    return [result.seed for result in results if not result.failure]


def _told(catches: list[Catch]) -> str:
    if not catches:
        return "SURVIVES"
    return f"{', '.join(catch.catcher for catch in catches)}: {catches[0].finding}"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, default=400, help="at most so many for each mutant (400)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="so many mutants at once (cores)")
    add("--only", default="", metavar="TEXT", help="those with this text in their names (all)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
