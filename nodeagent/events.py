"""What can happen to the machines; each event carries the time, since no machine has a clock.

`now_s` is CLOCK_BOOTTIME in seconds. A *caller* is the number of one request of the plugin, or of one
pending file.
"""

from __future__ import annotations

from dataclasses import dataclass

from nodeagent.cni.request import AddRequest, CheckRequest, GcRequest
from nodeagent.domain.attachment import AttachmentId
from nodeagent.domain.outcomes import Failure
from nodeagent.domain.presence import Sight
from nodeagent.journal_records import Record
from protocol.messages import Allocated, Declined, Interface, Released, ToAgent


@dataclass(frozen=True)
class Event:
    """Anything that happens."""

    now_s: float


@dataclass(frozen=True)
class Started(Event):
    """The journal was read: its records, the highest `seq` it ever used.

    `reached`: it knows that a coordinator was reached in this boot. `served`: an agent was well here in this boot;
    where the journal knows nothing of that, or took the place of a `damaged` one, the one before is lost.
    """

    records: tuple[Record, ...]
    last_seq: int
    reached: bool
    served: bool
    damaged: bool = False


@dataclass(frozen=True)
class Added(Event):
    """The plugin asks for an address."""

    caller: int
    request_id: str
    request: AddRequest


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
class Deleted(Event):
    """The plugin, or a pending file, says that an attachment is gone."""

    caller: int
    request_id: str
    attachment: AttachmentId


@dataclass(frozen=True)
class Checked(Event):
    """The plugin asks whether an attachment is as it should be."""

    caller: int
    request: CheckRequest


@dataclass(frozen=True)
class StatusAsked(Event):
    """The plugin asks whether this node can give addresses."""

    caller: int


@dataclass(frozen=True)
class GcAsked(Event):
    """The plugin says what the runtime still knows."""

    caller: int
    request: GcRequest


@dataclass(frozen=True)
class NamespacesSeen(Event):
    """The namespaces of this look were looked at."""

    look: int
    sights: tuple[Sight, ...]


@dataclass(frozen=True)
class HungUp(Event):
    """The plugin went away before it had its whole answer."""

    caller: int


@dataclass(frozen=True)
class Delivered(Event):
    """The plugin has its whole answer."""

    caller: int


@dataclass(frozen=True)
class Persisted(Event):
    """A write, with all earlier ones, is durable."""

    ticket: int


@dataclass(frozen=True)
class PersistFailed(Event):
    """The journal cannot be written any more."""

    path: str
    cause: str


@dataclass(frozen=True)
class LinkRaised(Event):
    """The coordinator knows this node's journal: requests may be sent."""


@dataclass(frozen=True)
class LinkLost(Event):
    """Requests cannot be sent, for this reason; also said when only the reason changes."""

    why: str


@dataclass(frozen=True)
class Answered(Event):
    """The coordinator answered an allocate or a release."""

    message: Allocated | Released | Declined


@dataclass(frozen=True)
class ReleaseStarted(Event):
    """A release is durable in the journal: it may be sent until it is answered."""

    record: Record


@dataclass(frozen=True)
class ReleaseDropped(Event):
    """A new ADD of the attachment supersedes its release."""

    attachment: AttachmentId


@dataclass(frozen=True)
class ReleaseConfirmed(Event):
    """The grid holds nothing of an attachment."""

    attachment: AttachmentId
    seq: int


@dataclass(frozen=True)
class Handshaken(Event):
    """The socket is connected. The hello is due after `spread_s`, so that not all nodes speak at once."""

    spread_s: float


@dataclass(frozen=True)
class ConnectionLost(Event):
    """The socket is not connected, for this reason.

    `is_final` where trying again takes a fresh socket; `was_answered` where somebody was there.
    """

    why: str
    is_final: bool = False
    was_answered: bool = False


@dataclass(frozen=True)
class TokenMissing(Event):
    """There is no token to enrol with, for this reason."""

    why: str


@dataclass(frozen=True)
class KeysChanged(Event):
    """This node's key pair, or the coordinator's key, is another one than the connection was made with."""

    why: str = "the keys of this node or of the coordinator have changed"


@dataclass(frozen=True)
class Received(Event):
    """A message of the coordinator."""

    message: ToAgent


@dataclass(frozen=True)
class Surveyed(Event):
    """The node's network namespaces were looked into; `unreadable` of them in vain."""

    request_id: str
    interfaces: tuple[Interface, ...]
    unreadable: int


@dataclass(frozen=True)
class Distrusted(Event):
    """What dealt with this attachment has failed half-way: its record alone counts, who waits hears `failure`."""

    attachment: AttachmentId
    failure: Failure


@dataclass(frozen=True)
class LinkDistrusted(Event):
    """What dealt with the coordinator's messages has failed half-way, for this reason."""

    why: str


@dataclass(frozen=True)
class Ticked(Event):
    """Time has passed."""
