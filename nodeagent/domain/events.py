"""What can happen to the agent. No event carries a time: whoever hands it on says when it came.

A *caller* is the number of one request of the plugin, or of one pending file.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from nodeagent.domain.attachment import AttachmentId, Namespace, Pod, Want
from nodeagent.domain.outcomes import Failure
from nodeagent.domain.presence import Sight
from protocol.wire.messages import ToAgent
from protocol.wire.values import Interface


@dataclass(frozen=True)
class Event:
    """Anything that happens."""


@dataclass(frozen=True)
class AddAsked(Event):
    """The plugin asks for addresses: one of each family that `wants` has, in this order.

    `master`, `shares_mac`: what decides whether the interface has a MAC of its own.
    """

    caller: int
    request_id: str
    attachment: AttachmentId
    wants: tuple[Want, ...]
    namespace: Namespace
    pod: Pod = field(default_factory=Pod)
    master: str | None = None
    shares_mac: bool = False


@dataclass(frozen=True)
class DelAsked(Event):
    """The plugin, or a pending file, says that an attachment is gone."""

    caller: int
    attachment: AttachmentId
    request_id: str = ""


@dataclass(frozen=True)
class CheckAsked(Event):
    """The plugin asks whether an attachment is as it should be.

    `previous`: its addresses by the runtime's account, None where that says nothing.
    """

    caller: int
    attachment: AttachmentId
    network_name: str
    previous: tuple[str, ...] | None = None


@dataclass(frozen=True)
class StatusAsked(Event):
    """The plugin asks whether this node can give addresses."""

    caller: int


@dataclass(frozen=True)
class JournalAsked(Event):
    """A person asks what the journal holds."""

    caller: int


@dataclass(frozen=True)
class GcAsked(Event):
    """The plugin says what the runtime still knows of a network; `valid` is None where it has no list."""

    caller: int
    network_name: str
    valid: frozenset[AttachmentId] | None = None


@dataclass(frozen=True)
class MacRead(Event):
    """The namespace of an ADD was read; None where the interface has no MAC of its own."""

    caller: int
    mac: str | None


@dataclass(frozen=True)
class MacUnread(Event):
    """The namespace of an ADD could not be entered."""

    caller: int
    failure: Failure


@dataclass(frozen=True)
class NamespacesSeen(Event):
    """The namespaces of this look were looked at."""

    look: int
    sights: tuple[Sight, ...]


@dataclass(frozen=True)
class InterfacesSeen(Event):
    """What the coordinator has asked for; `unreadable` namespaces could not be looked into."""

    request_id: str
    interfaces: tuple[Interface, ...]
    unreadable: int


@dataclass(frozen=True)
class HungUp(Event):
    """The plugin went away before it had its whole answer."""

    caller: int


@dataclass(frozen=True)
class GivenUp(Event):
    """The agent has failed at something of this caller, who hears so if it is still waiting for its answer."""

    caller: int


@dataclass(frozen=True)
class Delivered(Event):
    """The plugin has its whole answer."""

    caller: int


@dataclass(frozen=True)
class EndpointLookedUp(Event):
    """The endpoint of this index has these addresses now; `why` it has none."""

    endpoint: int
    addresses: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True)
class Connected(Event):
    """The socket is connected."""


@dataclass(frozen=True)
class ConnectionLost(Event):
    """The socket is not connected, for this reason, and never will be again."""

    why: str


@dataclass(frozen=True)
class TokenMissing(Event):
    """There is no token to enrol with, for this reason."""

    why: str


@dataclass(frozen=True)
class ConnectionUnfit(Event):
    """The connection is to be thrown away, for this reason: its keys have changed, a message could not be read."""

    why: str


@dataclass(frozen=True)
class Received(Event):
    """A message of the coordinator."""

    message: ToAgent


@dataclass(frozen=True)
class SessionBegan(Event):
    """The coordinator has welcomed this node.

    `reserve`: how many ready allocations each network shall have. `allocations_max`: how many claims the node may
    have. `clusters`: the ids that this cluster has, and had.
    """

    reserve: int
    allocations_max: int
    clusters: frozenset[str]


@dataclass(frozen=True)
class SessionEnded(Event):
    """The coordinator cannot be asked, for this reason; also said when only the reason changes."""

    why: str


@dataclass(frozen=True)
class ReserveClosed(Event):
    """Nothing is to be kept ready any more: the agent is about to be removed from this node."""


@dataclass(frozen=True)
class ReserveOpened(Event):
    """The agent stays on this node after all."""


@dataclass(frozen=True)
class Ticked(Event):
    """Time has passed."""
