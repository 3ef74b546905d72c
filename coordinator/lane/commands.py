"""What the lane asks to be done, and what it tells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coordinator.core.outbox import Note
from coordinator.grid.calls import Call
from coordinator.lane.task import Task


@dataclass(frozen=True)
class Finished:
    """The task has ended."""

    task: Task[Any]
    outcome: object


@dataclass(frozen=True)
class WakeAt:
    """Send `Ticked` at this time, unless something else happens before."""

    at_s: float


@dataclass(frozen=True)
class Mishap:
    """Something was raised that nobody expects while `place` worked; `about` names in the log what it was at."""

    place: str
    error: Exception
    about: Mapping[str, str] = field(default_factory=dict)


LaneCommand = Call | Finished | WakeAt | Note | Mishap
