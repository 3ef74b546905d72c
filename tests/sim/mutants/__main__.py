"""`python -m tests.sim.mutants`: which seed catches which mistake."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass

from tests.sim.mutants.catalogue import MUTANTS, Mutant
from tests.sim.mutants.loader import install

NAME_WIDTH = 58


@dataclass(frozen=True)
class Verdict:
    """`seed` caught the mutant, None where none did; `finding` is what it said."""

    mutant: Mutant
    seed: int | None
    finding: str


def main() -> int:
    """The command; exit code 1 when a mutant survives."""
    arguments = _arguments()
    if arguments.only is not None:
        return _hunt(MUTANTS[arguments.only], arguments.first, arguments.seeds)
    survivors = 0
    for verdict in _verdicts(arguments.seeds, arguments.jobs):
        survivors += verdict.seed is None
        caught = "SURVIVES" if verdict.seed is None else f"seed {verdict.seed}"
        print(f"{verdict.mutant.name:<{NAME_WIDTH}} {caught:<10} {verdict.finding}", flush=True)
    print(f"{len(MUTANTS) - survivors} of {len(MUTANTS)} mutants caught within {arguments.seeds} seeds")
    return 1 if survivors else 0


def _verdicts(seeds: int, jobs: int) -> Iterator[Verdict]:
    """Each mutant in a process of its own, since it changes what is imported."""
    with ThreadPoolExecutor(jobs) as pool:
        pending = [pool.submit(_run, number, seeds) for number in range(len(MUTANTS))]
        for done in as_completed(pending):
            yield done.result()


def _run(number: int, seeds: int) -> Verdict:
    """The first seed that fails with the mutant and holds without it."""
    first = 0
    while True:
        ended = _python("tests.sim.mutants", "--only", number, "--first", first, "--seeds", seeds)
        if ended.returncode not in (0, 1):
            raise RuntimeError(f"{MUTANTS[number].name}: {ended.stderr}")
        seed, _, finding = ended.stdout.strip().partition(" ")
        if not seed:
            return Verdict(MUTANTS[number], None, "")
        if _python("tests.sim", "--seed", seed).returncode == 0:
            return Verdict(MUTANTS[number], int(seed), finding)
        first = int(seed) + 1


def _python(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", module, *(str(argument) for argument in arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _hunt(mutant: Mutant, first: int, seeds: int) -> int:
    """Print the first seed that fails with this mutant, and what it says; exit code 0 when there is one."""
    install(mutant)
    from tests.sim.__main__ import run_seed

    for seed in range(first, seeds):
        result = run_seed(seed)
        if result.failure:
            print(seed, result.failure.partition("\n")[0])
            return 0
    return 1


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim.mutants", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, default=400, help="at most so many for each mutant (400)")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="so many mutants at once (cores)")
    add("--only", type=int, help=argparse.SUPPRESS)
    add("--first", type=int, default=0, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
