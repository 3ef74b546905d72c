"""Mistakes in who leads, and in what a coordinator writes that may not lead any more."""

from __future__ import annotations

from typing import Final

from tests.sim.mutants.mutant import Mutant, Promise

IN_ELECTION: Final = (
    Mutant(
        "a leader goes on when it has read that another one leads",
        Promise.ONE_WRITER,
        "coordinator.lease.election",
        "        self.is_leading = False\n        if record.holder and",
        "        if record.holder and",
    ),
    Mutant(
        "a call that waited for a look is made whoever leads by then",
        Promise.ONE_WRITER,
        "coordinator.lease.leadership",
        "            return self._is_leading\n",
        "            return True\n",
    ),
    Mutant(
        "who was stopped writes before it looks at the Lease",
        Promise.ONE_WRITER,
        "coordinator.lease.leadership",
        "        return self._is_leading and self._clock() - self._looked_at_s >= self._timings.lease_s\n",
        "        return False\n",
    ),
    Mutant(
        "a leader writes by reference however long ago its Lease was renewed",
        Promise.ONE_WRITER,
        "coordinator.lease.leadership",
        "        return self._is_leading and self._clock() - self._renewed_at_s < self._timings.renew_s\n",
        "        return self._is_leading\n",
    ),
    Mutant(
        "a Lease that is gone is taken while its leader may still lead",
        Promise.ONE_WRITER,
        "coordinator.lease.election",
        "        is_free = self.seen is None or not self.seen.holder\n",
        "        is_free = True\n",
    ),
)
