"""Verbs that wait for an ADD of their own attachment, in order of arrival."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.events import AddAsked, CheckAsked


@dataclass(frozen=True)
class Waiting:
    """A verb that waits for its turn."""

    event: AddAsked | CheckAsked
    arrived_s: float


class Order:
    """One queue for each attachment that somebody works at."""

    def __init__(self) -> None:
        self._queues: dict[AttachmentId, deque[Waiting]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._queues.values()))

    def attachments(self) -> list[AttachmentId]:
        """All attachments at which something waits."""
        return list(self._queues)

    def has(self, attachment: AttachmentId) -> bool:
        """Whether something waits for its turn at this attachment."""
        return attachment in self._queues

    def wait(self, event: AddAsked | CheckAsked, now_s: float) -> None:
        """Let this come after all that came before it."""
        self._queues.setdefault(event.attachment, deque()).append(Waiting(event, now_s))

    def take(self, attachment: AttachmentId) -> Waiting | None:
        """The next that waits at this attachment, None where none does."""
        queue = self._queues.get(attachment)
        if not queue:
            return None
        waiting = queue.popleft()
        if not queue:
            del self._queues[attachment]
        return waiting

    def take_if(self, unwanted: Callable[[Waiting], bool]) -> list[Waiting]:
        """Take out all for which `unwanted` holds."""
        taken = []
        for attachment, queue in list(self._queues.items()):
            gone = [each for each in queue if unwanted(each)]
            if not gone:
                continue
            taken += gone
            kept = deque(each for each in queue if each not in gone)
            if kept:
                self._queues[attachment] = kept
            else:
                del self._queues[attachment]
        return taken
