"""CHECK and STATUS: answered from the journal alone."""

from __future__ import annotations

from nodeagent import errors
from nodeagent.attachments.node import Node
from nodeagent.domain.allocation import State
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.effects import Reply
from nodeagent.domain.events import CheckAsked, StatusAsked
from nodeagent.domain.outcomes import Done, Failure
from protocol.errors import Problem


class Checks:
    """What only looks.

    `was_served`: an agent has served this node in this boot, whatever became of its journal.
    """

    def __init__(self, node: Node, *, was_served: bool) -> None:
        self._node = node
        self._was_served = was_served

    def check_asked(self, event: CheckAsked) -> None:
        """Has the attachment what the runtime believes?"""
        problem = self._problem(event)
        self._node.do(Reply(event.caller, Failure.of(problem) if problem else Done()))

    def status_asked(self, event: StatusAsked) -> None:
        """Could this node give addresses at any time in this boot?

        An outage is no reason to take a node out of service.
        """
        if self._was_served or self._node.rows.owner is not None:
            self._node.do(Reply(event.caller, Done()))
            return
        problem = errors.CoordinatorNeverReached(cause=self._node.trouble)
        self._node.do(Reply(event.caller, Failure.of(problem)))

    def _problem(self, event: CheckAsked) -> Problem | None:
        rows = self._node.rows
        own = rows.of(event.attachment)
        known = own or rows.naming(event.attachment, State.ADOPTED, State.LOST)
        if not known:
            return errors.AttachmentUnknown()
        for row in known:
            if row.network.name != event.network_name:
                return errors.AttachmentUnknown(cause=f"It belongs to network {row.network.name}")
            if row.state is State.LOST:
                return errors.AddressLost(address=row.address, holder=row.lost_to)
        if event.previous is None or self._is_answer(event.attachment, event.previous):
            return None
        return errors.CheckDiffers(address=next(row.cidr for row in known if row.cidr not in event.previous))

    def _is_answer(self, attachment: AttachmentId, previous: tuple[str, ...]) -> bool:
        """Whether `previous` is what this journal has answered, or an earlier one whose rows it has adopted.

        After a journal was lost, a repeated ADD has an answer of its own, which no runtime may have read.
        """
        own = self._node.rows.of(attachment)
        if own and all(row.cidr in previous for row in own):
            return True
        adopted = self._node.rows.naming(attachment, State.ADOPTED)
        families = {row.family for row in adopted}
        answered = {row.family for row in adopted if row.cidr in previous}
        return bool(adopted) and answered == families
