"""What the coordinator's machines ask to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from coordinator.core import outbox as core
from coordinator.grid.calls import Call
from coordinator.lane.commands import LaneCommand, Mishap, WakeAt
from protocol.messages import Message
from protocol.operator import OperatorAnswer

ALARMS: Final = frozenset(
    {
        "address_twice",
        "definitions_missing",
        "enrolment_postponed",
        "enrolment_refused",
        "grid_forgot_address",
        "grid_lacks_addresses",
        "grid_unavailable",
        "holding_unreadable",
        "identity_not_unique",
        "key_refused",
        "listing_refused",
        "more_nodes_silent",
        "network_exhausted",
        "network_refused",
        "node_goes_apart",
        "node_silent",
        "node_twice",
        "not_yours",
        "request_not_allowed",
        "sweep_stopped",
        "unreadable_message",
    }
)


LIMITED: Final = frozenset(
    {
        "declined",
        "enrolment_postponed",
        "enrolment_refused",
        "key_refused",
        "node_goes_apart",
        "node_twice",
        "not_yours",
        "unreadable_message",
    }
)
"""What others can make happen as often as they like, so that the log has one line of each in 10 s."""


@dataclass(frozen=True)
class Note(core.Note):
    """For log and counters: an alarm where its event is one."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "is_alarm", self.event in ALARMS)


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
class AnswerOperator:
    """Answer a person's command, which waits under this number."""

    ticket: int
    message: OperatorAnswer


Command = LaneCommand | Reply | Send | AnswerOperator
Effect = Call | WakeAt | core.Note | Mishap | Send | AnswerOperator
"""What is left for the driver when the machines have settled everything among themselves."""
