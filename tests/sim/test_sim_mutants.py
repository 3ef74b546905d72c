"""Every mistake of the catalogue is one in the product as it is, and does not pass unnoticed."""

from __future__ import annotations

import os

import pytest

from tests.sim.mutants.catalogue import MUTANTS, Invariant, Mutant
from tests.sim.mutants.hunt import Hunt, first_catches
from tests.sim.mutants.loader import mutated

SEEDS = range(12)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    compile(mutated(mutant), mutant.module, "exec")


def test_no_two_mutants_share_a_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.timeout(600)
def test_a_scenario_or_one_of_the_first_seeds_catches_each_mutant() -> None:
    catches = first_catches([Hunt(mutant, SEEDS) for mutant in MUTANTS], os.cpu_count() or 1)
    survivors = [mutant.name for mutant, catch in zip(MUTANTS, catches, strict=True) if catch is None]
    assert not survivors


def test_each_invariant_has_a_mutant() -> None:
    assert {mutant.invariant for mutant in MUTANTS} == set(Invariant)
