"""What the coordinator's machines ask to be done."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any, Final

from coordinator.operations import Operation
from coordinator.work import Work
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


class Form(Enum):
    """How a call carries its operations."""

    REQUEST = auto()
    SEPARATE = auto()


@dataclass(frozen=True)
class Call:
    """Make this call; exactly one of `Answered`, `Refused`, `Lost`, `NotSent` answers it."""

    id: int
    operations: tuple[Operation, ...]
    form: Form
    read_timeout_s: float


@dataclass(frozen=True)
class Finished:
    """The work has ended."""

    work: Work
    outcome: object


@dataclass(frozen=True)
class WakeAt:
    """Send `Ticked` at this time, unless something else happens before."""

    at_s: float


@dataclass(frozen=True)
class Note:
    """For log and counters."""

    event: str
    fields: Mapping[str, Any]

    @property
    def is_alarm(self) -> bool:
        """Whether a person should look at it."""
        return self.event in ALARMS

    @property
    def is_detail(self) -> bool:
        """Whether it is of interest only to who follows one request."""
        return self.event == "wapi_call" and self.fields.get("outcome") != "refused"


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


@dataclass(frozen=True)
class Mishap:
    """Something was raised that nobody expects while `place` worked; `about` names in the log what it was at."""

    place: str
    error: Exception
    about: Mapping[str, str] = field(default_factory=dict)


LaneCommand = Call | Finished | WakeAt | Note | Mishap
Command = LaneCommand | Reply | Send | AnswerOperator
Effect = Call | WakeAt | Note | Mishap | Send | AnswerOperator
"""What is left for the driver when the machines have settled everything among themselves."""
