"""A call to the grid, and the four ways in which one ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

from coordinator.grid.operations import Operation, Reply
from coordinator.grid.refusals import Refusal
from protocol.errors import Problem


class Form(Enum):
    """How a call carries its operations."""

    REQUEST = auto()
    SEPARATE = auto()


@dataclass(frozen=True)
class Call:
    """Make this call; exactly one of `Answered`, `Refused`, `Lost`, `NotSent` answers it."""

    id: int
    operations: tuple[Operation, ...]
    form: Form
    read_timeout_s: float


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


Landing = Answered | Refused | Lost | NotSent
"""How a call ended."""
