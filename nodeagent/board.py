"""Holds what the status port shows, from the first moment of the process on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from protocol import status
from protocol.wire import status as wire_status

S = TypeVar("S", status.AgentStatus, wire_status.AgentStatus)


@dataclass
class Board(Generic[S]):
    """`status` is written by the front thread. `trouble` tells why a plugin would not reach this process."""

    status: S
    trouble: Callable[[], str | None]

    def wait_for(self, what: str) -> None:
        """The process cannot begin yet; `what` says why."""
        self.status = self.status.model_copy(update={"unready": what})

    def read(self) -> S:
        """What was written last, with what a plugin would meet at this moment. Any thread may ask."""
        written = self.status
        return written if written.unready else written.model_copy(update={"unready": self.trouble()})
