"""What a task for the grid looks like to the lane that carries it out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from math import inf
from typing import Final, Generic, TypeVar

from coordinator.grid.operations import Operation, Reply, cost, is_write
from coordinator.grid.refusals import Refusal
from protocol.errors import Problem

Outcome = TypeVar("Outcome")

COMPANY_S: Final = 0.25
"""So long do labels and refills wait for their like, to share a call."""


class Priority(IntEnum):
    """Which task goes first."""

    START = 0
    PREPARE = 1
    ALLOCATE = 2
    LIST = 3
    LABEL = 4
    RELEASE = 5
    REFILL = 6


@dataclass(frozen=True)
class Failed:
    """The task cannot be done; `problem` says why, and what would help."""

    problem: Problem


class Task(ABC, Generic[Outcome]):
    """One task: a small machine that wants one set of operations after another.

    The lane asks for `operations` and tells what became of them. Each of those methods returns the outcome that
    ends the task, or None when it goes on; it is then ready again at `ready_at_s`. A task that is `apart` shares
    no call with others; a task that is `patient` waits for the end of an outage, however long that lasts.
    `may_wait_s` is how long after its submission it may wait for company when nothing else is to be done.
    `node` is who asked for it, so that nodes take turns, `node_name` what people call it; empty where nobody did.
    No call has two tasks of one `subject`: a grid may return the hits of all searches in one list, where whose
    they are could not be told. `is_sent_separately` tells that the last call was made without `request`, so that
    its writes went to references.
    """

    priority: Priority
    apart = False
    patient = False
    may_wait_s = 0.0
    node = ""
    node_name = ""
    subject = ""

    def __init__(self) -> None:
        self.ready_at_s = 0.0
        self.submitted_at_s = inf
        self.sent_at_s = 0.0
        self.is_sent_separately = False
        self._companions_max: dict[bool, int] = {}
        self.calls = 0
        self.grid_s = 0.0

    @abstractmethod
    def operations(self) -> tuple[Operation, ...]:
        """What is to be sent next."""

    @abstractmethod
    def answered(self, replies: Sequence[Reply], now_s: float) -> Outcome | None:
        """The operations were carried out."""

    @abstractmethod
    def refused(self, refusal: Refusal, now_s: float) -> Outcome | None:
        """The operations were refused, and no other task was in the call."""

    @abstractmethod
    def doubtful(self, now_s: float) -> Outcome | None:
        """A call with other tasks in it was refused: carried out or not, but nothing will come later."""

    @abstractmethod
    def unknown(self, now_s: float) -> Outcome | None:
        """The operations may have been carried out, now or later, or not."""

    def given_up(self, problem: Problem) -> Outcome | Failed:
        """The outcome of a task that is not patient, when an outage lasts too long; the lane has forgotten it."""
        return Failed(problem)

    def goes_separately(self) -> None:
        """The grid takes single calls only, whose writes go to references."""

    def goes_by_request(self, now_s: float) -> None:
        """The grid takes `request`, be it again: writes go to ids."""

    @property
    def network_key(self) -> str | None:
        """The network from which this task is about to take an address, if it is."""
        return None

    @property
    def sets_mac(self) -> bool:
        """Whether its next step may be refused because another object bears its MAC, and is no create."""
        return False

    @property
    def companions_max(self) -> int | None:
        """Bounds the batch of a task whose next step was in a refused one; None where it was in none.

        Look-ups and writes are suspected apart: a look-up that is answered clears nobody of the write before it.
        """
        return self._companions_max.get(self.only_reads()) if self._companions_max else None

    @companions_max.setter
    def companions_max(self, most: int | None) -> None:
        if most is not None:
            self._companions_max[self.only_reads()] = most
        elif self._companions_max:
            self._companions_max.pop(self.only_reads(), None)

    def cost(self) -> int:
        """How many operations of a batch the next step takes."""
        return sum(cost(operation) for operation in self.operations())

    def only_reads(self) -> bool:
        """Whether the next step changes nothing."""
        return not any(is_write(operation) for operation in self.operations())
