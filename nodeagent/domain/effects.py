"""What the agent wants done; whoever does it reports back with events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodeagent.domain.attachment import Namespace
from nodeagent.domain.events import Event
from nodeagent.domain.outcomes import Outcome
from protocol.wire.messages import ToCoordinator


@dataclass(frozen=True)
class Effect:
    """Anything to be done."""


@dataclass(frozen=True)
class Reply(Effect):
    """Answer this caller, who is served once."""

    caller: int
    outcome: Outcome


@dataclass(frozen=True)
class OnceCommitted(Effect):
    """Answer this caller when the rows of this turn are in the journal.

    `otherwise`: the answer when they cannot be written; None for the error that says so.
    """

    caller: int
    outcome: Outcome
    otherwise: Outcome | None = None


@dataclass(frozen=True)
class Transmit(Effect):
    """Send this message to the coordinator."""

    message: ToCoordinator


@dataclass(frozen=True)
class ReadMac(Effect):
    """Read the MAC in the namespace that came with this caller; ends in MacRead or MacUnread."""

    caller: int
    ifname: str
    master: str | None = None
    shares_mac: bool = False


@dataclass(frozen=True)
class LookAtNamespaces(Effect):
    """See whether these are still where they were; ends in NamespacesSeen with the same `look`."""

    look: int
    namespaces: tuple[Namespace, ...]


@dataclass(frozen=True)
class LookAtInterfaces(Effect):
    """See what interfaces the namespaces of the node hold; ends in InterfacesSeen with the same `request_id`."""

    request_id: str


@dataclass(frozen=True)
class LookUpEndpoint(Effect):
    """Find the addresses of the endpoint of this index; ends in EndpointLookedUp."""

    endpoint: int


@dataclass(frozen=True)
class RenewSocket(Effect):
    """Throw the socket away; connect a fresh one to this address of the endpoint of this index."""

    endpoint: int
    address: str


@dataclass(frozen=True)
class AskForTicket(Effect):
    """Read the token, send it to the coordinator as `enrol`; ends in TokenMissing where there is none."""

    id: str
    node: str


@dataclass(frozen=True)
class KeepTicket(Effect):
    """Make this ticket durable in place of the one before."""

    ticket: str


@dataclass(frozen=True)
class Tell(Effect):
    """Let the other rooms hear of this event."""

    event: Event


@dataclass(frozen=True)
class Note(Effect):
    """One line for the log."""

    event: str
    level: str = "info"
    fields: Mapping[str, object] = field(default_factory=dict)
