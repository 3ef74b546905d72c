"""What the lane is told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from coordinator.operations import Reply
from coordinator.refusals import Refusal
from coordinator.work import Work
from protocol.errors import Problem
from protocol.operator import OperatorRequest


@dataclass(frozen=True)
class Submitted:
    """New work, or work whose time was moved."""

    works: tuple[Work, ...]
    now_s: float


@dataclass(frozen=True)
class Answered:
    """The call's operations were carried out; one reply for each."""

    call_id: int
    replies: Sequence[Reply]
    now_s: float


@dataclass(frozen=True)
class Refused:
    """The grid said no."""

    call_id: int
    refusal: Refusal
    now_s: float


@dataclass(frozen=True)
class Lost:
    """The call was sent, its outcome is unknown; `problem` is what to tell who cannot wait."""

    call_id: int
    problem: Problem
    now_s: float


@dataclass(frozen=True)
class NotSent:
    """No grid carried out anything of the call; `problem` says why."""

    call_id: int
    problem: Problem
    now_s: float


@dataclass(frozen=True)
class Ticked:
    """Time has passed."""

    now_s: float


@dataclass(frozen=True)
class CredentialsChanged:
    """The password was changed: a refused login may be tried again at once."""

    now_s: float


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


Landing = Answered | Refused | Lost | NotSent
"""How a call ended."""

Event = Submitted | Landing | Ticked | CredentialsChanged
