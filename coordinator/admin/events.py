"""What people's commands are to the machine: requests under the number of a connection, and answers to them."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.admin.messages import SENTENCE_LENGTH_MAX, AdminAnswer, AdminRequest, TurnedDown
from protocol.errors import Problem


@dataclass(frozen=True)
class Asked:
    """A person's command asks something; `ticket` is the number of its connection."""

    ticket: int
    request: AdminRequest
    now_s: float


@dataclass(frozen=True)
class Left:
    """Nobody listens under this number any more."""

    ticket: int
    now_s: float


@dataclass(frozen=True)
class AnswerCommand:
    """Answer the command that waits under this number."""

    ticket: int
    message: AdminAnswer


def turned_down(request_id: str, msg: str, details: str = "") -> TurnedDown:
    """The request cannot be served."""
    return TurnedDown(id=request_id, msg=msg[:SENTENCE_LENGTH_MAX], details=details[:SENTENCE_LENGTH_MAX])


def turned_down_for(request_id: str, problem: Problem) -> TurnedDown:
    """The request cannot be served, for this problem."""
    return turned_down(request_id, problem.msg, problem.details)
