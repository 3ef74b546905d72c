"""Holds what the status port shows, from the first moment of the process on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from protocol.wire.status import AgentStatus


@dataclass
class Board:
    """`status` is written by the front thread. `trouble` tells why a plugin would not reach this process."""

    status: AgentStatus
    trouble: Callable[[], str | None]

    def wait_for(self, what: str) -> None:
        """The process cannot begin yet; `what` says why."""
        self.status = self.status.model_copy(update={"unready": what})

    def read(self) -> AgentStatus:
        """What was written last, with what a plugin would meet at this moment. Any thread may ask."""
        written = self.status
        return written if written.unready else written.model_copy(update={"unready": self.trouble()})
