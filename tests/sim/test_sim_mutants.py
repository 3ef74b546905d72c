"""Every mistake of the catalogue is one in the product as it is."""

from __future__ import annotations

import pytest

from tests.sim.mutants.catalogue import MUTANTS
from tests.sim.mutants.loader import mutated
from tests.sim.mutants.mutant import Mutant, Promise


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    compile(mutated(mutant), mutant.module, "exec")


def test_no_two_mutants_share_a_name() -> None:
    assert len({mutant.name for mutant in MUTANTS}) == len(MUTANTS)


def test_each_promise_has_a_mutant() -> None:
    assert {mutant.promise for mutant in MUTANTS} == set(Promise)
