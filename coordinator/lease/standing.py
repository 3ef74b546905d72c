"""What the machine is told of the election."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Leads:
    """This coordinator leads from now on."""


@dataclass(frozen=True)
class Follows:
    """Another coordinator leads, whose name is `leader`; empty where nobody is known to."""

    leader: str


Standing = Leads | Follows


def leader_in(standing: Standing) -> str | None:
    """Who leads; None where this coordinator does."""
    return standing.leader if isinstance(standing, Follows) else None
