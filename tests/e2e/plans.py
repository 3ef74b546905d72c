"""Clusters whose nodes keep no address ready, so that each ADD asks the grid, and each object is a pod's."""

from __future__ import annotations

from typing import Any, Final

from demo.cluster import Plan

WITHOUT_RESERVE: Final = ("--reserve", "0")
NO_REST: Final = ("--release-delay", "0", *WITHOUT_RESERVE)


def asking(**changes: Any) -> Plan:
    """A plan without a reserve; what was let go does not rest."""
    return Plan(**{"coordinator_flags": NO_REST, **changes})
