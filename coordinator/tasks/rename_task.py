"""Writes the cluster's name of today on one object that the cluster has made under an earlier one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coordinator.core.errors import ApprovalNeeded, OutcomeUnknown
from coordinator.grid.operations import Found, Object, Operation, Reply, Search, UpdateFound, Written, is_scheduled
from coordinator.grid.refusal_problems import as_problem
from coordinator.grid.refusals import Refusal
from coordinator.lane.task import COMPANY_S, Failed, Priority, Task
from coordinator.tasks.references import References

WRITES_MAX: Final = 3
"""How often it is written in vain before the next sweep has to find it again."""


@dataclass(frozen=True)
class Renamed:
    """The object bears the name."""

    object: Object


class RenameTask(Task[Renamed | Failed]):
    """The name may be written again at any time. `subject` tells the object from others in one call."""

    priority = Priority.LABEL
    may_wait_s = COMPANY_S

    def __init__(self, operation: UpdateFound, subject: str, user: str, references: References) -> None:
        super().__init__()
        self.subject = subject
        self._references = references
        self._operation = operation
        self._user = user
        self._vain = 0
        self._is_separate = False

    def goes_separately(self) -> None:
        self._is_separate = True
        self.ready_at_s = max(self.ready_at_s, self._references.free_at_s(self.subject))

    def goes_by_request(self, now_s: float) -> None:
        if self._is_separate:
            self._is_separate = False
            self.ready_at_s = min(self.ready_at_s, now_s)

    def operations(self) -> tuple[Operation, ...]:
        write = self._operation
        if self._is_separate and self.ready_at_s < self._references.free_at_s(self.subject):
            # Something else has left a doubt about the object since: look, then wait until it may be written.
            return (Search(write.object_type, write.criteria, write.return_fields),)
        return (write,)

    def answered(self, replies: Sequence[Reply], now_s: float) -> Renamed | Failed | None:
        (reply,) = replies
        if isinstance(reply, Found):
            self.goes_separately()
            return None
        if not isinstance(reply, Written):
            return self._in_vain()
        return Failed(ApprovalNeeded(user=self._user)) if is_scheduled(reply.object) else Renamed(reply.object)

    def refused(self, refusal: Refusal, now_s: float) -> Renamed | Failed | None:
        return Failed(as_problem(refusal, "write the cluster's name", self._user))

    def doubtful(self, now_s: float) -> Renamed | Failed | None:
        return self._in_vain()

    def unknown(self, now_s: float) -> Renamed | Failed | None:
        if self.is_sent_separately:
            # Else the address's next owner might get the name (rule S).
            self._references.doubt(self.subject, now_s)
            self.goes_separately()
        return self._in_vain()

    def _in_vain(self) -> Failed | None:
        self._vain += 1
        is_over = self._vain >= WRITES_MAX
        return Failed(OutcomeUnknown(action="write the cluster's name")) if is_over else None
