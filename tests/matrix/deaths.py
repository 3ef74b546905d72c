"""The leader's death: columns in which it meets every fault, and rows in which every verb meets it."""

from __future__ import annotations

import signal
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from demo.daemons import Daemon
from tests.matrix.pair_site import PairSite
from tests.matrix.row import Cell, Course, Fault, Trouble, carry_out
from tests.matrix.verbs import ANSWERED_S, VERBS, Add


@dataclass(frozen=True)
class Death:
    """How a leader ends. Right after that comes an ADD in the column, and each verb in the row."""

    column: str
    row: str
    by: signal.Signals


DEATHS: Final = (
    Death("ADD, leader killed", "is killed (SIGKILL)", signal.SIGKILL),
    Death("ADD, leader ends", "is told to end (SIGTERM)", signal.SIGTERM),
)


class LeaderDies:
    """The leader dies while other trouble is in force; who leads then, the other trouble may have struck, too."""

    def __init__(self, site: PairSite, by: signal.Signals, other: Trouble) -> None:
        self._leader = site.running(site.leader)
        self._by = by
        self._other = other

    def begin(self) -> None:
        """The signal is sent, and not waited for."""
        self._other.begin()
        self._leader.process.send_signal(self._by)

    def died(self) -> bool:
        """Whether another daemon has, of the other trouble."""
        return self._other.died()

    def end(self) -> None:
        """It has ended as it should; the other trouble ends."""
        try:
            code = self._leader.wait_exit()
            assert code == (0 if self._by is signal.SIGTERM else -self._by), f"the leader ended with {code}"
        finally:
            self._other.end()


class LeadersDie:
    """Each time that it begins, two are there, and who leads dies."""

    def __init__(self, site: PairSite, by: signal.Signals) -> None:
        self._site = site
        self._by = by
        self._leader: Daemon | None = None

    def begin(self) -> None:
        """The signal is sent, and not waited for."""
        self.end()
        self._site.make_whole()
        self._leader = self._site.running(self._site.leader)
        self._leader.process.send_signal(self._by)

    def died(self) -> bool:
        """No daemon dies of the call."""
        return False

    def end(self) -> None:
        """It has ended; the site starts it again."""
        if self._leader:
            self._leader.wait_exit()


def run_deaths(fault: Fault, site: PairSite) -> list[Cell]:
    """A row's cells in the columns of the leader's death."""
    return [_run_death(fault, death, site) for death in DEATHS]


def run_verbs(death: Death, site: PairSite) -> list[Cell]:
    """Each verb right after the leader's death."""
    verbs = [verb(site, {}, ANSWERED_S) for verb in VERBS]
    return carry_out(verbs, partial(LeadersDie, site, death.by), Course.ANEW, site)


def _run_death(fault: Fault, death: Death, site: PairSite) -> Cell:
    def make_trouble() -> Trouble:
        return LeaderDies(site, death.by, fault.trouble(site))

    (cell,) = carry_out([Add(site, fault.ipam, fault.add_limit_s)], make_trouble, fault.course, site)
    return replace(cell, verb=death.column)
