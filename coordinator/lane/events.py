"""What the lane is told."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.grid.calls import Landing
from coordinator.lane.task import Work


@dataclass(frozen=True)
class Submitted:
    """New work, or work whose time was moved."""

    works: tuple[Work, ...]
    now_s: float


@dataclass(frozen=True)
class Ticked:
    """Time has passed."""

    now_s: float


@dataclass(frozen=True)
class CredentialsChanged:
    """The password was changed: a refused login may be tried again at once."""

    now_s: float


Event = Submitted | Landing | Ticked | CredentialsChanged
