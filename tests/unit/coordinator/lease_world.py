"""Coordinators that elect one of them by a Lease in memory."""

from __future__ import annotations

from coordinator.lease.election import Election, Timings
from coordinator.lease.record import Step
from tests.lease_server import LeaseServer

TIMINGS = Timings(lease_s=15, renew_s=10.0, retry_s=2.0)


class Candidate:
    """A coordinator whose steps take no time. `ahead_s` is how far its wall clock is ahead of others'."""

    def __init__(self, name: str, server: LeaseServer, ahead_s: float = 0.0) -> None:
        self.name = name
        self.election = Election(name, TIMINGS)
        self._server = server
        self._ahead_s = ahead_s
        self.steps: list[type[Step]] = []

    def attempt(self, now_s: float) -> bool:
        """One attempt; whether it leads."""
        return self.take(self.election.begin(now_s, self.stamp(now_s)), now_s)

    def release(self, now_s: float) -> None:
        self.take(self.election.release(now_s, self.stamp(now_s)), now_s)

    def take(self, step: Step | None, now_s: float) -> bool:
        self.steps = []
        while step is not None:
            self.steps.append(type(step))
            step = self.election.took(self._server.take(step), now_s)
        return self.election.is_leading

    def is_valid(self, now_s: float) -> bool:
        """Whether it does what only a leader may."""
        return self.election.is_leading and now_s - self.election.renewed_at_s < TIMINGS.renew_s

    def stamp(self, now_s: float) -> str:
        return f"stamp {now_s + self._ahead_s}"
