"""All mistakes that somebody could make in the product, and that the simulated world must find."""

from __future__ import annotations

from typing import Final

from tests.sim.mutants.in_agent import IN_AGENT
from tests.sim.mutants.in_allocation import IN_ALLOCATION
from tests.sim.mutants.in_election import IN_ELECTION
from tests.sim.mutants.in_sweep import IN_SWEEP

MUTANTS: Final = (*IN_AGENT, *IN_ALLOCATION, *IN_SWEEP, *IN_ELECTION)
