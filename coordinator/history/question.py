"""What a person asks of the history: which lines, and which of the grid's objects, are meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coordinator.allocation.index import Index
from coordinator.core.policy import Policy
from coordinator.core.what_is_meant import is_address, is_id
from coordinator.grid.allocation_object import AllocationObject
from protocol.admin.history import TellHistory

CONTAINER_START: Final = re.compile(r"[0-9a-f]{8,64}")
"""So much of a container's ID is taken for its start."""


class Question:
    """`what` is an address, [NAMESPACE/]POD, a container's ID or its start, or an allocation's id."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._last_word = what.rpartition("/")[2]
        self.is_address = is_address(what)
        self._is_id = is_id(what)
        self.lines = re.compile(self._pattern().encode())
        """Found in each line that is meant."""

    @property
    def is_whole(self) -> bool:
        """Whether every line of an allocation has what is asked for; else its id finds the others."""
        return self.is_address or self._is_id

    def means(self, seen: AllocationObject) -> bool:
        """Whether an object of the grid is meant."""
        if self.is_address:
            return seen.address == self._what
        if self._is_id:
            return seen.allocation == self._what
        if self._last_word not in seen.label_text or not (label := seen.label):
            return False
        names = (label.pod, f"{label.pod_namespace}/{label.pod}", label.container_id)
        return self._what in names or (self._is_start and label.container_id.startswith(self._what))

    @property
    def _is_start(self) -> bool:
        return CONTAINER_START.fullmatch(self._what) is not None

    def _pattern(self) -> str:
        text = re.escape(json.dumps(self._what)[1:-1])
        if self.is_address:
            return f'"address":"{text}"'
        if self._is_id:
            return f'"allocation":"{text}"'
        if "/" in self._what:
            return f'"pod":"{text}"'
        container = f'"container":"{text}' + ("" if self._is_start else '"')
        return f'"pod":"(?:[^"]*/)?{text}"|{container}'


@dataclass(frozen=True)
class Recall:
    """Answer the command of this number; `present` is what the grid is known to hold now of what it asks."""

    ticket: int
    request: TellHistory
    present: tuple[AllocationObject, ...]
    leader: str
    several: bool


def recall(ticket: int, request: TellHistory, index: Index, leader: str | None, policy: Policy) -> Recall:
    """What is asked, with what is known without the history; `leader` is None where this one leads."""
    question = Question(request.what)
    present = tuple(seen for seen in index if question.means(seen))
    return Recall(ticket, request, present, leader or "", policy.several)


def lines_of(allocations: Iterable[str]) -> re.Pattern[bytes]:
    """Found in each line of one of these ids."""
    return re.compile("|".join(map(re.escape, sorted(allocations))).encode())
