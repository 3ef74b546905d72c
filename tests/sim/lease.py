"""The Lease of a cluster in the simulated world, and how a coordinator reaches it: late, or not at all."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from random import Random
from typing import Final

from coordinator.lease.candidacy import Candidacy
from coordinator.lease.election import JITTER, Timings
from coordinator.lease.leadership import Leadership
from coordinator.lease.record import Answer, Found, Silence, Step
from coordinator.lease.standing import Standing
from tests.lease_server import LeaseServer
from tests.sim.lives import Violation
from tests.sim.timeline import Process, Timeline

API_S: Final = 0.02
"""A request of the API server takes so long on its way, and its answer."""

SILENCE_S: Final = 5.0
"""After so long a request is given up."""


class Lease(LeaseServer):
    """The Lease of one cluster."""

    def __init__(self, timeline: Timeline) -> None:
        super().__init__()
        self.deleted_at_s = -inf
        self._timeline = timeline

    def delete(self) -> None:
        """Somebody deletes it. Who starts at that moment takes it at once: a named limit."""
        super().delete()
        self.deleted_at_s = self._timeline.now_s


class Elector:
    """A coordinator's part in the election, on its own thread: it is stopped and killed with the process."""

    def __init__(
        self,
        process: Process,
        name: str,
        lease: Lease,
        random: Random,
        tell: Callable[[Standing], None],
        looked: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._timings = Timings()
        self.leadership = Leadership(name, self._timings, clock)
        self.cut_until_s = 0.0
        """Until when this coordinator does not reach the API server, by the world's time."""
        self._name = name
        self._seen_other = ""
        """The other coordinator that it has read to lead."""
        self._looked_at_s = process.timeline.now_s
        self._candidacy = Candidacy(name, self._timings, self.leadership, tell, clock)
        self._process = process
        self._lease = lease
        self._random = random
        self._looked = looked
        self._attempt()

    def check(self, *, is_single: bool) -> None:
        """It is about to write, by reference where `is_single`. Raises `Violation` where it must know better."""
        now_s, holder = self._process.timeline.now_s, self._lease.last_holder
        if holder == self._name:
            return
        if is_single and now_s - self._lease.deleted_at_s >= self._timings.lease_s:
            raise Violation(f"one writer: {self._name} writes by reference, while {holder} leads")
        if self._seen_other:
            raise Violation(f"one writer: {self._name} writes, and has read that {self._seen_other} leads")
        if now_s - self._looked_at_s >= self._timings.lease_s:
            raise Violation(f"one writer: {self._name} was stopped, and writes before it looks: {holder} leads")

    def _attempt(self) -> None:
        self._take(self._candidacy.begin(str(self._process.timeline.now_s)))

    def _take(self, step: Step) -> None:
        timeline = self._process.timeline
        if timeline.now_s < self.cut_until_s:
            self._answer_later(Silence("no connection"), 0.0)
        else:
            timeline.after(API_S, lambda: self._arrive(step))

    def _arrive(self, step: Step) -> None:
        """The API server carries it out, whatever has become of the process that has asked."""
        answer = self._lease.take(step)
        if self._process.timeline.now_s < self.cut_until_s:
            self._answer_later(Silence("no reply in time"), SILENCE_S)
        else:
            self._answer_later(answer, API_S)

    def _answer_later(self, answer: Answer, delay_s: float) -> None:
        self._process.later(delay_s, lambda: self._took(answer))

    def _took(self, answer: Answer) -> None:
        step = self._candidacy.took(answer)
        if isinstance(answer, Found):
            holder = answer.record.holder
            self._seen_other = holder if holder != self._name else ""
        if step is not None:
            self._take(step)
            return
        self._looked_at_s = self._process.timeline.now_s
        self._looked()
        self._process.later(self._timings.retry_s * (1 + JITTER * self._random.random()), self._attempt)
