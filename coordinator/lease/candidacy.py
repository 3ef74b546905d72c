"""One coordinator's candidacy: carries the election on, and tells machine and caller what follows from it."""

from __future__ import annotations

from collections.abc import Callable
from math import inf

from coordinator.lease.election import Election, Timings
from coordinator.lease.leadership import Leadership
from coordinator.lease.record import Answer, Found, Silence, Step
from coordinator.lease.standing import Follows, Leads, Standing


class Candidacy:
    """For one thread. `tell` is told who leads, `clock` counts suspension.

    An attempt is `begin`, then `took` with the answer to each step until that returns None.
    """

    def __init__(
        self,
        identity: str,
        timings: Timings,
        leadership: Leadership,
        tell: Callable[[Standing], None],
        clock: Callable[[], float],
    ) -> None:
        self._election = Election(identity, timings)
        self._timings = timings
        self._leadership = leadership
        self._tell = tell
        self._clock = clock
        self._begun_s = -inf
        self._term: int | None = None
        """The term in which the machine leads, as it was told; None while it follows."""
        self._leader = ""
        """Whom it follows, as it was told."""

    @property
    def is_leading(self) -> bool:
        """Whether this coordinator leads."""
        return self._election.is_leading

    def begin(self, stamp: str) -> Step:
        """The first step of an attempt to lead, or to go on leading. `stamp` is the time of day, for people."""
        self._begun_s = self._clock()
        return self._election.begin(self._begun_s, stamp)

    def release(self, stamp: str) -> Step | None:
        """The first step by which the Lease is given up; None where it is not ours."""
        self._begun_s = self._clock()
        step = self._election.release(self._begun_s, stamp)
        self._leadership.looked(is_leading=False, renewed_at_s=-inf, at_s=self._begun_s, trouble="")
        return step

    def took(self, answer: Answer) -> Step | None:
        """The next step after this answer to the last one; None at the end of the attempt."""
        step = self._election.took(answer, self._clock())
        if step is None:
            self._conclude(answer)
        return step

    def _conclude(self, answer: Answer) -> None:
        election = self._election
        holder = election.seen.holder if election.seen else ""
        self._leadership.saw(holder, election.seen.acquired if election.seen else "")
        if self._term is not None and not (election.is_leading and election.terms == self._term):
            # The machine hears it before the caller lets go what waits there.
            self._follow("" if election.is_leading else holder)
        self._leadership.looked(
            is_leading=election.is_leading,
            renewed_at_s=election.renewed_at_s,
            at_s=self._true_at_s(answer),
            trouble=answer.reason if isinstance(answer, Silence) else "",
        )
        if election.is_leading and self._term is None:
            self._term = election.terms
            self._tell(Leads())
        elif not election.is_leading and holder != self._leader:
            self._follow(holder)

    def _follow(self, leader: str) -> None:
        self._term, self._leader = None, leader
        self._tell(Follows(leader))

    def _true_at_s(self, answer: Answer) -> float:
        """Of when what is known by now is true."""
        if isinstance(answer, Found):
            return self._election.asked_at_s
        now_s = self._clock()
        # Who was stopped while it waited for an answer does not know whether there would have been one.
        is_away = isinstance(answer, Silence) and now_s - self._begun_s < self._timings.lease_s
        return now_s if is_away else -inf
