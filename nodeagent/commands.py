"""What the machines want done; drivers do it, and report back with events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nodeagent.domain.attachment import AttachmentId, Namespace
from nodeagent.domain.outcomes import Outcome
from nodeagent.events import Event
from nodeagent.journal_records import Record
from protocol.messages import Allocated, Declined, Released, ToCoordinator


@dataclass(frozen=True)
class Command:
    """Anything to be done."""


@dataclass(frozen=True)
class ReadMac(Command):
    """Read the MAC in the namespace that came with this caller; ends in MacRead or MacUnread."""

    caller: int
    ifname: str
    master: str | None
    shares_mac: bool


@dataclass(frozen=True)
class LookAtNamespaces(Command):
    """See whether these are still where they were; ends in NamespacesSeen with the same `look`."""

    look: int
    namespaces: tuple[Namespace, ...]


@dataclass(frozen=True)
class Persist(Command):
    """Make this record durable; ends in Persisted or PersistFailed."""

    ticket: int
    record: Record


@dataclass(frozen=True)
class Forget(Command):
    """Remove the record of this attachment, whenever convenient."""

    attachment: AttachmentId


@dataclass(frozen=True)
class RememberReached(Command):
    """Note that the coordinator was reached in this boot, whenever convenient."""


@dataclass(frozen=True)
class Reply(Command):
    """Answer this caller, who is served once."""

    caller: int
    outcome: Outcome


@dataclass(frozen=True)
class Transmit(Command):
    """Send this message to the coordinator now."""

    message: ToCoordinator


@dataclass(frozen=True)
class AskForTicket(Command):
    """Read the token, send it to the coordinator as `enrol`; ends in TokenMissing where there is none."""

    id: str
    node: str
    boot_id: str


@dataclass(frozen=True)
class KeepTicket(Command):
    """Make this ticket durable in place of the one before."""

    ticket: str


@dataclass(frozen=True)
class StartRelease(Command):
    """Hand this record, which is durable, to whoever sends releases."""

    record: Record


@dataclass(frozen=True)
class DropRelease(Command):
    """Stop sending the release of this attachment."""

    attachment: AttachmentId


@dataclass(frozen=True)
class ConfirmRelease(Command):
    """Tell the attachments that the grid holds nothing of this one."""

    attachment: AttachmentId
    seq: int


@dataclass(frozen=True)
class RaiseLink(Command):
    """Tell all that requests may be sent."""


@dataclass(frozen=True)
class LowerLink(Command):
    """Tell all that requests cannot be sent, for this reason."""

    why: str


@dataclass(frozen=True)
class Survey(Command):
    """See which interfaces the node's network namespaces hold; ends in Surveyed."""

    request_id: str


@dataclass(frozen=True)
class Deliver(Command):
    """Hand the coordinator's answer to whoever asked."""

    message: Allocated | Released | Declined


@dataclass(frozen=True)
class RenewSocket(Command):
    """Throw the socket away; connect a fresh one to the endpoint of this index."""

    endpoint: int


@dataclass(frozen=True)
class Note(Command):
    """One line for the log."""

    event: str
    level: str = "info"
    fields: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Mishap(Command):
    """A machine has raised what nobody expects when it heard of this event; it may have done half of its work."""

    event: Event
    error: Exception


@dataclass(frozen=True)
class Die(Command):
    """End the process after what was said so far is delivered."""

    reason: str
