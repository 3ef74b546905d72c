"""What people's commands tell the coordinator."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.operator import OperatorRequest


@dataclass(frozen=True)
class OperatorAsked:
    """A person's command asks something; `ticket` is the number of its connection."""

    ticket: int
    request: OperatorRequest
    now_s: float


@dataclass(frozen=True)
class OperatorLeft:
    """Nobody listens under this number any more."""

    ticket: int
    now_s: float
