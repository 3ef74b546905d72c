"""The messages between agent and coordinator, as docs/protocol.md specifies them.

Every message is validated by its model when it arrives. Unknown fields are ignored, so that a field can
be added without a new version. Durations are milliseconds; no message carries a time of day, because
the clocks of nodes differ.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, field_serializer

from protocol.texts import Scrubbed

CONTAINER_ID_LENGTH_MAX = 200
IFNAME_LENGTH_MAX = 15
PAGE_ITEMS_MAX = 100
TOKEN_LENGTH_MAX = 12_000
TICKET_LENGTH_MAX = 1_000

ContainerId = Annotated[str, Field(max_length=CONTAINER_ID_LENGTH_MAX, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$")]
Ifname = Annotated[str, Field(min_length=1, max_length=IFNAME_LENGTH_MAX, pattern=r"^[^/:\s\x00-\x1f\x7f-\x9f]+$")]
Token = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]
Text = Annotated[Scrubbed, Field(max_length=253)]
Ticket = Annotated[str, Field(min_length=1, max_length=TICKET_LENGTH_MAX, pattern=r"^[A-Za-z0-9_.\-]+$")]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
Ipv4 = Annotated[str, Field(max_length=15, pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}$")]
Cidr = Annotated[str, Field(max_length=18, pattern=r"^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$")]
Milliseconds = Annotated[int, Field(ge=0, le=2**53)]
Sequence = Annotated[int, Field(ge=1, le=2**63 - 1)]


class Model(BaseModel):
    """A value on the wire: immutable, tolerant of fields that a later release adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class Attachment(Model):
    """The identity of every request: one interface of one container (CNI: container ID and ifname)."""

    container_id: ContainerId
    ifname: Ifname

    def __str__(self) -> str:
        return f"{self.container_id}/{self.ifname}"


class NetworkAsk(Model):
    """What a network configuration says about where the address comes from.

    A field that the configuration leaves out is absent: the coordinator has the defaults. `gateway` may be
    of the form 0.0.0.x or 0.0.y.x, which the coordinator completes from the subnet.
    """

    name: Text
    view: Text | None = None
    subnet: Cidr | None = None
    gateway: Ipv4 | None = None
    is_gateway: bool = False


class Pod(Model):
    """Who the address is for, in words for people; never part of an identity."""

    name: Text | None = None
    namespace: Text | None = None
    uid: Text | None = None


class Address(Model):
    """One address of an attachment, with the prefix length of its network."""

    address: Cidr
    gateway: Ipv4 | None = None


class Holding(Model):
    """An attachment with its addresses, as the agent's journal has it."""

    attachment: Attachment
    seq: Sequence
    network_name: Text
    view: Text
    subnet: Cidr
    addresses: Annotated[list[Address], Field(max_length=8)]


class Message(Model):
    """Any message. `id` names one request in all logs and in the CNI error's details."""

    v: Literal[1] = 1
    id: Token


class Hello(Message):
    """First on each connection: which boot and which journal this is, with what it holds, in pages."""

    type: Literal["hello"] = "hello"
    boot_id: Token
    journal_id: Token
    page: Annotated[int, Field(ge=0)]
    last: bool
    holdings: Annotated[list[Holding], Field(max_length=PAGE_ITEMS_MAX)]
    release: Text = ""


class Proof(Message):
    """What enrol and show_ticket have in common: which node and boot the sender says it is.

    Neither is believed: the node is the one that token or ticket names, and `node` must be the same.
    The key that is bound to the node is the connection's, so no message carries it.
    """

    node: Text
    boot_id: Token


class Enrol(Proof):
    """Asks for a ticket, with this pod's projected ServiceAccount token."""

    type: Literal["enrol"] = "enrol"
    token: Annotated[SecretStr, Field(strict=False, min_length=1, max_length=TOKEN_LENGTH_MAX)]

    @field_serializer("token")
    def _reveal(self, token: SecretStr) -> str:
        return token.get_secret_value()


class ShowTicket(Proof):
    """Shows the ticket of an earlier enrolment."""

    type: Literal["show_ticket"] = "show_ticket"
    ticket: Ticket


class AttachmentRequest(Message):
    """What allocate and release have in common.

    `seq` is one counter of the journal that `journal_id` names; a resend keeps its `seq` and counts
    `attempt` up. `first_sent_ms_ago` and `attempt` come from the journal, so they survive a restart.
    """

    attachment: Attachment
    seq: Sequence
    journal_id: Token
    attempt: Annotated[int, Field(ge=1)]
    first_sent_ms_ago: Milliseconds
    budget_ms: Milliseconds


class Allocate(AttachmentRequest):
    """An attachment needs its address. `mac` is absent where the interface has none of its own.

    `released_ms_ago` is set where the attachment was released so long ago and comes back under its name: another
    coordinator may still be about to delete what it finds of it.
    """

    type: Literal["allocate"] = "allocate"
    network: NetworkAsk
    mac: Mac | None = None
    pod: Pod = Pod()
    released_ms_ago: Milliseconds | None = None


class ReleaseReason(StrEnum):
    """Why an attachment is gone."""

    DEL = "del"
    BOOT = "boot"
    UNCLAIMED = "unclaimed"
    GC = "gc"
    NAMESPACE_GONE = "namespace_gone"
    WITHDRAWN = "withdrawn"


class Release(AttachmentRequest):
    """An attachment is gone. `network` narrows the search where the journal knows it, and never widens it.

    `first_sent_ms_ago` is the time since the release became durable on the node. `unanswered_ask_ms_ago`
    is set when an allocate of this attachment was sent so long ago (or may have been at the latest, where the
    journal before is lost), and it or an earlier one was never answered, so that a coordinator or the grid may
    still be about to carry it out.
    """

    type: Literal["release"] = "release"
    reason: Annotated[ReleaseReason, Field(strict=False)]
    view: Text | None = None
    subnet: Cidr | None = None
    unanswered_ask_ms_ago: Milliseconds | None = None


class Ping(Message):
    """Asks whether the coordinator still hears this connection."""

    type: Literal["ping"] = "ping"


class Interface(Model):
    """An interface inside a network namespace of the node; `namespace` is the name of that namespace's file."""

    namespace: Text
    ifname: Ifname
    mac: Mac | None = None
    addresses: Annotated[list[Ipv4], Field(max_length=32)] = Field(default_factory=list)


class Interfaces(Message):
    """Answers `list_interfaces`, in pages. `unreadable` namespaces could not be looked into."""

    type: Literal["interfaces"] = "interfaces"
    page: Annotated[int, Field(ge=0)]
    last: bool
    interfaces: Annotated[list[Interface], Field(max_length=PAGE_ITEMS_MAX)]
    unreadable: Annotated[int, Field(ge=0)] = 0


class Welcome(Message):
    """Answers the last page of a hello: requests may follow."""

    type: Literal["welcome"] = "welcome"
    release: Text = ""


class HelloFirst(Message):
    """Answers a request on a connection that has not said hello: nothing was done, say hello, ask again."""

    type: Literal["hello_first"] = "hello_first"


class Enrolled(Message):
    """This connection's key now speaks for `node`, for `valid_ms` from now (absent: for good).

    `ticket`, which only the coordinator can read, replaces the one that the agent keeps.
    """

    type: Literal["enrolled"] = "enrolled"
    node: Text
    ticket: Ticket | None = None
    valid_ms: Milliseconds | None = None


class EnrolFirst(Message):
    """Answers a request of a key that the coordinator does not know: nothing was done, enrol, then ask again."""

    type: Literal["enrol_first"] = "enrol_first"


class Allocated(Message):
    """The attachment's addresses, and what they cost."""

    type: Literal["allocated"] = "allocated"
    attachment: Attachment
    seq: Sequence
    view: Text
    subnet: Cidr
    addresses: Annotated[list[Address], Field(min_length=1, max_length=8)]
    wapi_calls: Annotated[int, Field(ge=0)] = 0
    lane_ms: Annotated[float, Field(ge=0)] = 0.0
    grid_ms: Annotated[float, Field(ge=0)] = 0.0


class Released(Message):
    """The grid holds nothing of the attachment any more."""

    type: Literal["released"] = "released"
    attachment: Attachment
    seq: Sequence


class Declined(Message):
    """The request failed. `kind` says what the agent does; code and texts are the CNI error for the runtime.

    `settled`: the grid has decided about all that was sent for the attachment, so nothing of it comes later.
    """

    type: Literal["declined"] = "declined"
    kind: Literal["try_again", "refused", "stale"]
    code: Annotated[int, Field(ge=1)]
    msg: Annotated[Scrubbed, Field(max_length=1000)]
    details: Annotated[Scrubbed, Field(max_length=4000)]
    settled: bool = False


class ListInterfaces(Message):
    """Asks which interfaces the network namespaces of the node hold."""

    type: Literal["list_interfaces"] = "list_interfaces"


class Pong(Message):
    """Answers a ping."""

    type: Literal["pong"] = "pong"


ToCoordinator = Hello | Enrol | ShowTicket | Allocate | Release | Ping | Interfaces
ToAgent = Welcome | HelloFirst | Enrolled | EnrolFirst | Allocated | Released | Declined | Pong | ListInterfaces

to_coordinator: TypeAdapter[ToCoordinator] = TypeAdapter(Annotated[ToCoordinator, Field(discriminator="type")])
request_token: TypeAdapter[str] = TypeAdapter(Token)
to_agent: TypeAdapter[ToAgent] = TypeAdapter(Annotated[ToAgent, Field(discriminator="type")])
