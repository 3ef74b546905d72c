"""Worlds whose grid takes no `request`: every write names a reference, and rule S keeps it from the next owner."""

from dataclasses import replace
from random import Random

import pytest

from tests.simulation.swarm import draw
from tests.simulation.world import World

SEEDS = range(12)


def a_world(seed: int, user_kind: str) -> World:
    """A world of one coordinator at a time, as rule S wants it."""
    random = Random(seed)
    swarm = draw(random)
    rates = {**swarm.rates, "coordinators_overlap": 0.0}
    return World(
        random, replace(swarm, replicas=1, rates=rates, faults=swarm.faults.changed({"user_kind": user_kind}))
    )


@pytest.mark.parametrize("user_kind", ["no-request", "cloud"])
@pytest.mark.parametrize("seed", SEEDS)
def test_a_world_of_single_calls_keeps_its_promises(seed: int, user_kind: str) -> None:
    a_world(seed, user_kind).run()
