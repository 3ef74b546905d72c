"""Some worlds of the new core in which everything goes wrong: nothing may be wrong."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.simulation.__main__ import run_seeds

SEEDS = 100


@pytest.mark.timeout(300)
def test_no_seed_finds_anything_wrong() -> None:
    results = run_seeds(range(SEEDS), os.cpu_count() or 1)
    failures = [f"seed {result.seed}: {result.failure}" for result in results if result.failure]
    assert not failures, min(failures, key=len)


def test_a_seed_makes_the_same_world_in_every_process() -> None:
    code = "from tests.simulation.world import World; w = World.of_seed(5); w.run(); print(w.story.digest())"
    digests = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for hash_seed in ("1", "2", "random")
    }
    assert len(digests) == 1
