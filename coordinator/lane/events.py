"""What the lane is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coordinator.grid.calls import Landing
from coordinator.lane.task import Task


@dataclass(frozen=True)
class Submitted:
    """New tasks, or tasks whose time was moved."""

    tasks: tuple[Task[Any], ...]
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
