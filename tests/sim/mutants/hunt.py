"""Looks for what catches a mistake: each is built into the product in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator

from tests.sim.mutants.loader import install
from tests.sim.mutants.mutant import Mutant


def catches(mutants: list[Mutant], seeds: int, jobs: int) -> Iterator[str]:
    """For each mutant in turn what its first catch was; nothing where it survives."""
    context = multiprocessing.get_context("forkserver")
    with context.Pool(jobs, maxtasksperchild=1) as pool:
        yield from pool.imap(first_catch, [(mutant, seeds) for mutant in mutants], chunksize=1)


def first_catch(hunt: tuple[Mutant, int]) -> str:
    """The first story or seed in which the mistake shows, with what is wrong; nothing where none does."""
    mutant, seeds = hunt
    install(mutant)
    from tests.sim.__main__ import run_seed
    from tests.sim.play import play, stories

    for path in stories():
        try:
            play(path)
        except Exception as finding:  # noqa: BLE001, whatever a mistake makes of a story catches it
            return f"{path.stem}: {str(finding).partition(chr(10))[0]}"
    for seed in range(seeds):
        if failure := run_seed(seed).failure:
            return f"seed {seed}: {failure.partition(chr(10))[0]}"
    return ""
