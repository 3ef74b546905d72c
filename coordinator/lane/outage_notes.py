"""Tells people once that the grid cannot be used, why, and once that it can again: not at each try."""

from __future__ import annotations

from math import inf
from typing import Final

from coordinator.core.outbox import Note
from coordinator.lane.outage import Outage
from protocol.errors import Problem

TELL_EVERY_S: Final = 10.0
"""A grid that comes and goes is told no more often, for each kind of trouble."""


class OutageNotes:
    """What was told of the present outage; its trouble may change, as from no connection to a bad certificate."""

    def __init__(self) -> None:
        self._told: set[type[Problem]] = set()
        self._told_at_s: dict[type[Problem], float] = {}

    def failed(self, outage: Outage, now_s: float) -> list[Note]:
        """One more call did not get through."""
        kind = type(outage.problem)
        if kind in self._told or now_s - self._told_at_s.get(kind, -inf) < TELL_EVERY_S:
            return []
        self._told.add(kind)
        self._told_at_s[kind] = now_s
        facts = {"reason": outage.problem.msg, "details": outage.problem.details}
        return [Note("grid_unavailable", facts, is_alarm=True)]

    def answered(self, outage: Outage | None, now_s: float) -> list[Note]:
        """A call got through. `outage` is what has ended by that."""
        if outage is None or not self._told:
            return []
        self._told.clear()
        return [Note("grid_available", {"after_s": round(now_s - outage.since_s, 1), "tries": outage.failures})]
