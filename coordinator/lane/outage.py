"""How long to leave the grid alone after a call that did not get through."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from coordinator.core.errors import GridForbids, GridLoginRefused, GridUnavailable, Refused
from protocol.errors import Problem

RETRY_FIRST_S: Final = 0.5
RETRY_MAX_S: Final = 30.0
LOGIN_RETRY_FIRST_S: Final = 60.0
LOGIN_RETRY_MAX_S: Final = 600.0
PATIENCE_S: Final = 5.0
"""How long allocations wait for an outage to pass before they are told to come again."""


@dataclass(frozen=True)
class Outage:
    """Why the grid cannot be used. All times are the lane's seconds."""

    problem: Problem
    since_s: float
    failures: int
    retry_at_s: float
    give_up_at_s: float

    def retried_at(self, now_s: float) -> Outage:
        """The same, with a new try due at this time."""
        return replace(self, retry_at_s=now_s)


def why_late(outage: Outage | None, cause: str) -> Problem:
    """Why a person got no answer in time: the outage, or else what the grid does too slowly."""
    return outage.problem if outage else GridUnavailable(grid="master", cause=cause)


def after_failure(previous: Outage | None, problem: Problem, now_s: float) -> Outage:
    """The outage after one more call that did not get through.

    A refused login is tried rarely, since repeated ones lock the account. What a person must change fails
    allocations at once; what may pass lets them wait for a while.
    """
    failures = previous.failures + 1 if previous and type(previous.problem) is type(problem) else 1
    login = isinstance(problem, GridLoginRefused | GridForbids)
    first_s, most_s = (LOGIN_RETRY_FIRST_S, LOGIN_RETRY_MAX_S) if login else (RETRY_FIRST_S, RETRY_MAX_S)
    pause_s = min(first_s * 2 ** min(failures - 1, 20), most_s)
    since_s = previous.since_s if previous else now_s
    patience_s = 0.0 if isinstance(problem, Refused) else PATIENCE_S
    return Outage(problem, since_s, failures, now_s + pause_s, since_s + patience_s)
