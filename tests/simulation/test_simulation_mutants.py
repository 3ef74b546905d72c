"""Every mistake of the catalogue is one in the new core as it is."""

from __future__ import annotations

import pytest

from tests.simulation.mutants.catalogue import MUTANTS, Mutant
from tests.simulation.mutants.loader import mutated


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_mutant_applies(mutant: Mutant) -> None:
    compile(mutated(mutant), mutant.module, "exec")
