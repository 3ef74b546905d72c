"""What the coordinator's machines ask of the thread that drives them, beyond what the lane asks."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.lane import Call, Finished, Note, WakeAt
from coordinator.work import Work
from protocol.messages import Message


@dataclass(frozen=True)
class Reply:
    """Send a message to the newest connection of a node."""

    node: str
    message: Message


@dataclass(frozen=True)
class Send:
    """Send a message on a certain connection."""

    connection: bytes
    message: Message


@dataclass(frozen=True)
class Submit:
    """Hand work to the lane."""

    work: Work


Command = Call | Finished | WakeAt | Note | Reply | Send | Submit
Effect = Call | WakeAt | Note | Send
"""What is left for the driver when the machines have settled everything among themselves."""
