"""Some worlds in which everything goes wrong: nothing may be wrong, and every event occurs."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.sim.__main__ import run_seeds
from tests.sim.marks import unreached

SEEDS = 150
DIGESTS = """
from tests.sim.world import World
for seed in (46, 47, 46):
    world = World.of_seed(seed)
    world.run()
    print(seed, world.story.digest())
"""


@pytest.mark.timeout(300)
def test_no_seed_finds_anything_wrong_and_every_event_occurs() -> None:
    marks: Counter[str] = Counter()
    failures = []
    for result in run_seeds(range(SEEDS), os.cpu_count() or 1):
        marks.update(result.marks)
        failures += [f"seed {result.seed}: {result.failure}"] if result.failure else []
    assert not failures, min(failures, key=len)
    assert not unreached(marks, SEEDS), "these events did not occur in any seed"


def test_a_seed_makes_the_same_world_in_every_process() -> None:
    """Nor does anything depend on what ran before: sets are never walked through, nothing is left in a module."""
    digests = {
        subprocess.run(
            [sys.executable, "-c", DIGESTS],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2", "random")
    }
    assert len(digests) == 1
