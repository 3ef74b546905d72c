"""The effects that the rooms produce while events are handled, in order."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coordinator.core.changes import Change
from protocol.errors import Problem, TryAgain
from protocol.wire.messages import Declined, DeclineKind, Message

MSG_LENGTH_MAX: Final = 1_000
DETAILS_LENGTH_MAX: Final = 4_000


@dataclass(frozen=True)
class Send:
    """Send a message on a connection."""

    connection: bytes
    message: Message


@dataclass(frozen=True)
class Note:
    """A log event with its fields, which is counted; a person should look at an alarm."""

    event: str
    fields: Mapping[str, Any]
    is_alarm: bool = False
    is_detail: bool = False
    """Whether it is of interest only to who follows one request."""


Effect = Send | Note | Change


def declined(request_id: str, problem: Problem, allocation: str | None = None) -> Declined:
    """Says in the words of the problem that a request cannot be served."""
    return Declined(
        id=request_id,
        allocation=allocation,
        kind=DeclineKind.TRY_AGAIN if isinstance(problem, TryAgain) else DeclineKind.REFUSED,
        code=problem.code,
        msg=problem.msg[:MSG_LENGTH_MAX],
        details=problem.details[:DETAILS_LENGTH_MAX],
    )


class Outbox:
    """Collects effects. `draw` makes the id of a message that nobody has asked for."""

    def __init__(self, draw: Callable[[], str]) -> None:
        self.draw = draw
        self._effects: list[Effect] = []

    def send(self, connection: bytes, message: Message) -> None:
        """Send a message; one to a connection that is gone is lost, as on any line."""
        self._effects.append(Send(connection, message))

    def decline(self, connection: bytes, request_id: str, problem: Problem, allocation: str | None = None) -> None:
        """Refuse a request in the words of the problem."""
        self.send(connection, declined(request_id, problem, allocation))

    def note(self, event: str, **fields: Any) -> None:
        """For the log."""
        self._effects.append(Note(event, fields))

    def alarm(self, event: str, **fields: Any) -> None:
        """For the log, and for a person."""
        self._effects.append(Note(event, fields, is_alarm=True))

    def record(self, change: Change) -> None:
        """For the history."""
        self._effects.append(change)

    def take(self) -> list[Effect]:
        """What was produced since the last call."""
        effects, self._effects = self._effects, []
        return effects
