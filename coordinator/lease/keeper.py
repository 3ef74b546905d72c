"""The thread that takes part in the election: attempt after attempt, until it gives the Lease up at the end."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, Protocol

from coordinator.lease.candidacy import Candidacy
from coordinator.lease.election import JITTER, Timings
from coordinator.lease.leadership import Leadership
from coordinator.lease.record import Answer, Found, Silence, Step
from coordinator.lease.standing import Standing
from daemon.internal_errors import InternalErrors
from daemon.logs import Logger

LAPSED: Final = (
    "until the Lease is renewed nothing is written by reference, and nothing is freed of nodes that are gone"
)
_FORBIDDEN: Final = 403


class Steps(Protocol):
    """Whoever takes the steps of an election."""

    def take(self, step: Step) -> Answer:
        """Take it; every way in which it can end is a value."""
        ...


class LeaseKeeper:
    """Takes part as `identity`. `tell` is told who leads, `clock` counts suspension, `draw` is from 0 to 1."""

    def __init__(
        self,
        identity: str,
        timings: Timings,
        steps: Steps,
        tell: Callable[[Standing], None],
        clock: Callable[[], float],
        draw: Callable[[], float],
        logger: Logger,
        internal: InternalErrors,
    ) -> None:
        self.leadership = Leadership(identity, timings, clock)
        self._candidacy = Candidacy(identity, timings, self.leadership, tell, clock)
        self._identity = identity
        self._timings = timings
        self._steps = steps
        self._draw = draw
        self._logger = logger
        self._internal = internal
        self._trouble = ""
        self._has_lapsed = False
        self._over = threading.Event()

    def run(self) -> None:
        """The thread's body, until `stop`."""
        self._logger.info("election_joined", identity=self._identity)
        while not self._over.is_set():
            with self._internal.border("lease"):
                self.attempt()
            self._over.wait(self._timings.retry_s * (1 + JITTER * self._draw()))
        with self._internal.border("lease"):
            self._release()

    def stop(self) -> None:
        """End the thread, and give the Lease up if it is ours."""
        self._over.set()

    def attempt(self) -> None:
        """One attempt to lead, or to go on leading."""
        if answer := self._take(self._candidacy.begin(_stamp())):
            self._hear(answer)
        self._hear_of_lapse()

    def _take(self, step: Step | None) -> Answer | None:
        """Take this step and all that follow from it; the last answer."""
        answer = None
        while step is not None:
            answer = self._steps.take(step)
            step = self._candidacy.took(answer)
        return answer

    def _hear(self, answer: Answer) -> None:
        """Log when the Lease cannot be read or written any more, and when it can."""
        trouble = answer.reason if isinstance(answer, Silence) else ""
        if trouble == self._trouble:
            return
        self._trouble = trouble
        if not isinstance(answer, Silence):
            self._logger.info("lease_answered")
            return
        remedy = {}
        if answer.code == _FORBIDDEN:
            remedy["remedy"] = "the coordinator's ServiceAccount needs get, create and update of leases"
        self._logger.warning("lease_unanswered", reason=trouble, leads=self._candidacy.is_leading, **remedy)

    def _hear_of_lapse(self) -> None:
        """Log when the leader may not do any more what only one may."""
        has_lapsed = self._candidacy.is_leading and not self.leadership.may_write_singly()
        if has_lapsed and not self._has_lapsed:
            self._logger.warning("lease_lapsed", remedy=LAPSED)
        self._has_lapsed = has_lapsed

    def _release(self) -> None:
        """Give the Lease up, so that nobody has to wait until it expires."""
        if answer := self._take(self._candidacy.release(_stamp())):
            self._logger.info("lease_released", was_answered=isinstance(answer, Found))


def _stamp() -> str:
    """The time of day, as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
