"""`python -m tests.sim`: many seeds on all cores, or one with its whole story."""

from __future__ import annotations

import argparse
import gc
import multiprocessing
import os
import re
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from tests.sim.lives import Violation
from tests.sim.marks import CAMPAIGN, unreached
from tests.sim.world import World

BAR_WIDTH = 30


@dataclass
class Result:
    """What came of one seed."""

    seed: int
    failure: str = ""
    marks: Counter[str] = field(default_factory=Counter)
    excused: Counter[str] = field(default_factory=Counter)
    answers: Counter[str] = field(default_factory=Counter)


def run_seed(seed: int) -> Result:
    """Run one seed; a failure comes back as text, with the command to see it again and the story.

    Few fail: the story is kept when the seed is run a second time.
    """
    result = _run(seed, is_told=False)
    return _run(seed, is_told=True) if result.failure else result


def _run(seed: int, *, is_told: bool) -> Result:
    world = World.of_seed(seed, is_told=is_told)
    failure = ""
    try:
        world.run()
    except Violation as violation:
        story = _shortened(world.story.of(*violation.subjects))
        failure = f"{violation}\n  {command(seed)}\n  {world.swarm.described()}\n{story}"
    except Exception as error:  # noqa: BLE001, whatever the product raises is a finding as well
        failure = f"{type(error).__name__}: {error}\n  {command(seed)}\n  {_trace(error)}"
    return Result(seed, failure, world.story.marks, world.ledger.excused, world.ledger.answers)


def _shortened(story: str) -> str:
    """Of an id the journal's part and what was drawn for it are enough to read."""
    return re.sub(r"\b[0-9a-f]{12}-[0-9a-f]{16}-[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{4}-([0-9a-f]{8})-", r"\1-", story)


def command(seed: int) -> str:
    """How to see this seed again."""
    return f"make sim SEED={seed}"


def run_seeds(seeds: Iterable[int], jobs: int) -> Iterator[Result]:
    """Run many, on so many cores, in any order."""
    if jobs == 1:
        yield from map(run_seed, seeds)
        return
    with multiprocessing.get_context("fork").Pool(jobs, _collect_seldom) as pool:
        yield from pool.imap_unordered(run_seed, seeds, chunksize=4)


def _collect_seldom() -> None:
    """Worlds make much garbage, few cycles: a sixth of the time went into looking for those."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 50)


def main() -> int:
    """The command; exit code 1 when a seed fails."""
    arguments = _arguments()
    if arguments.seed is not None:
        return _show(run_seed(arguments.seed))
    started_s, results = time.monotonic(), []
    marks: Counter[str] = Counter()
    excused: Counter[str] = Counter()
    answers: Counter[str] = Counter()
    for result in run_seeds(range(arguments.first, arguments.first + arguments.seeds), arguments.jobs):
        results.append(result)
        marks.update(result.marks)
        excused.update(result.excused)
        answers.update(result.answers)
        _progress(len(results), arguments.seeds, time.monotonic() - started_s)
        if result.failure:
            print(f"\nfailed: seed {result.seed}: {result.failure.partition(chr(10))[0]}", flush=True)
            if not arguments.keep_going:
                break
    failed = sorted((result for result in results if result.failure), key=lambda result: len(result.failure))
    took_s = time.monotonic() - started_s
    print(f"\n{len(results)} seeds in {took_s:.0f} s, {len(results) / took_s:.1f} a second")
    print("answers: " + _counts(answers))
    print("excused: " + _counts(excused))
    if arguments.marks:
        print("marks: " + _counts(marks))
    for result in failed[:1]:
        print(f"\nseed {result.seed}: {result.failure}")
    missing = unreached(marks, len(results)) if len(results) >= CAMPAIGN else []
    if missing:
        print(f"\nno seed has reached: {', '.join(missing)}")
    return 1 if failed or missing else 0


def _show(result: Result) -> int:
    print(result.failure or f"seed {result.seed} holds")
    print("marks: " + _counts(result.marks))
    print("excused: " + _counts(result.excused))
    return 1 if result.failure else 0


def _progress(done: int, seeds: int, took_s: float) -> None:
    if not sys.stderr.isatty() and done % 50 and done != seeds:
        return
    filled = BAR_WIDTH * done // seeds
    left_s = took_s / done * (seeds - done)
    end = "" if sys.stderr.isatty() else "\n"
    start = "\r" if sys.stderr.isatty() else ""
    bar = f"{start}[{'#' * filled}{'.' * (BAR_WIDTH - filled)}] {done}/{seeds}, {left_s:.0f} s left "
    print(bar, end=end, file=sys.stderr, flush=True)


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count}" for name, count in sorted(counter.items())) or "none"


def _trace(error: Exception) -> str:
    import traceback

    return "".join(traceback.format_exception(error))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.sim", description=__doc__)
    add = parser.add_argument
    add("--seeds", type=int, default=1000, help="how many (1000)")
    add("--first", type=int, default=0, help="the first of them (0)")
    add("--seed", type=int, help="this one alone, with its story where it fails")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="on so many cores (all)")
    add("--keep-going", action="store_true", help="do not stop at the first failure")
    add("--marks", action="store_true", help="print which rare events occurred")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
