"""Looks for what catches a mistake: each is built into the product in a process of its own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from multiprocessing.pool import Pool
from typing import Final

from tests.sim.mutants.catalogue import Mutant
from tests.sim.mutants.loader import install

PRELOADED: Final = ["gridsim.model", "protocol.codec", "daemon.logs", "protocol.operator", "requests", "zmq"]
"""What no mutant changes is imported once."""


@dataclass(frozen=True)
class Hunt:
    """A mistake, and the seeds to look in, which hold without it."""

    mutant: Mutant
    seeds: Sequence[int]


@dataclass(frozen=True)
class Catch:
    """The seed or scenario in which something was wrong, and what."""

    catcher: str
    finding: str


def all_catches(hunts: Sequence[Hunt], jobs: int) -> Iterator[list[Catch]]:
    """For each hunt in turn the first seed that catches the mistake, and every scenario that does."""
    with _processes(jobs) as pool:
        yield from pool.imap(_all_catches, hunts, chunksize=1)


def first_catches(hunts: Sequence[Hunt], jobs: int) -> Iterator[Catch | None]:
    """For each hunt in turn a scenario that catches the mistake, else a seed; None where it survives."""
    with _processes(jobs) as pool:
        yield from pool.imap(_first_catch, hunts, chunksize=1)


def _processes(jobs: int) -> Pool:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(PRELOADED)
    return context.Pool(jobs, maxtasksperchild=1)


def _all_catches(hunt: Hunt) -> list[Catch]:
    install(hunt.mutant)
    return [*islice(_catching_seeds(hunt.seeds), 1), *_catching_scenarios()]


def _first_catch(hunt: Hunt) -> Catch | None:
    install(hunt.mutant)
    return next(_catching_scenarios(), None) or next(_catching_seeds(hunt.seeds), None)


def _catching_seeds(seeds: Sequence[int]) -> Iterator[Catch]:
    from tests.sim.__main__ import run_seed

    for seed in seeds:
        if failure := run_seed(seed).failure:
            yield Catch(f"seed {seed}", _first_line(failure))


def _catching_scenarios() -> Iterator[Catch]:
    from tests.sim.rewrite import SCENARIOS, played

    for path in sorted(SCENARIOS.glob("*.txt")):
        try:
            played(path.read_text(encoding="utf-8"))
        except Exception as error:  # noqa: BLE001, whatever the mistake leads to is noticed
            yield Catch(path.stem, _first_line(f"{type(error).__name__}: {error}"))


def _first_line(text: str) -> str:
    return text.removeprefix("Violation: ").partition("\n")[0]
