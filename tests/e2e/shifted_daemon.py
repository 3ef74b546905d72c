"""Runs the coordinator with a wall clock that is off, as far as what it writes into the Lease.

Arguments: by how many hours, then the daemon's own.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, tzinfo

import coordinator.lease.keeper
from coordinator.__main__ import main

HOURS = float(sys.argv[1])


class Shifted(datetime):
    """A clock of that machine."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Shifted:
        """Not the time."""
        return cls.fromtimestamp(datetime.now(tz).timestamp(), tz) + timedelta(hours=HOURS)


coordinator.lease.keeper.datetime = Shifted  # type: ignore[misc]
sys.exit(main(sys.argv[2:]))
