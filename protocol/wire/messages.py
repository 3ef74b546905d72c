"""The messages of protocol 2.

Every message is validated by its model when it arrives. Unknown fields are ignored, so that a field can be added
without a new version. Durations are milliseconds; no message carries a time of day, because the clocks of nodes
differ. Everything that an agent sends, except `allocate`, may be sent again.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, TypeAdapter, field_serializer

from protocol.family import Family
from protocol.texts import Scrubbed
from protocol.wire.values import (
    PAGE_ROWS_MAX,
    TICKET_LENGTH_MAX,
    TOKEN_LENGTH_MAX,
    Address,
    Cidr,
    ClaimRow,
    ClusterId,
    FamilyNumber,
    Hex,
    Id,
    Interface,
    Label,
    LabelRow,
    LetGoRow,
    Milliseconds,
    Model,
    Name,
    Number,
    OrphanRow,
    Seal,
    Text,
    Token,
    Want,
)


class Message(Model):
    """Any message. `id` names one request in all logs and in the CNI error's details."""

    v: Literal[2] = 2
    id: Token


# What an agent sends


class Hello(Message):
    """First on each connection: whose journal speaks. `welcome` answers it, and `claims` answers that."""

    type: Literal["hello"] = "hello"
    node: Name
    machine: Hex
    boot: Hex
    driver: Name
    journal: Hex
    release: Text = ""


class Claims(Message):
    """Answers the welcome of this number: what the journal claims and lets go, in pages, before anything else.

    The session begins with the last page. It replaces that of the same node, boot and driver, if that has answered
    an earlier welcome: a page of a connection that is dead by now may be read after those of the next.
    """

    type: Literal["claims"] = "claims"
    welcome: Number
    page: Annotated[int, Field(ge=0, le=1_000)]
    last: bool
    claims: Annotated[list[ClaimRow], Field(max_length=PAGE_ROWS_MAX)] = Field(default_factory=list)
    let_go: Annotated[list[LetGoRow], Field(max_length=PAGE_ROWS_MAX)] = Field(default_factory=list)


def _of_different_families(wants: list[Want]) -> list[Want]:
    if len({want.network.family for want in wants}) < len(wants):
        raise ValueError("two wants of one family")
    return wants


class Allocate(Message):
    """Asks for the addresses of one attachment, one of each family at most; each want is answered by itself.

    `label` is absent where the allocation is for the reserve. The ask ends with its connection. `ready`: how many
    of this network the node has ready as it asks for the reserve; labels of those that it just gave may follow.
    """

    type: Literal["allocate"] = "allocate"
    wants: Annotated[
        list[Want], Field(min_length=1, max_length=len(Family)), AfterValidator(_of_different_families)
    ]
    budget_ms: Milliseconds
    label: Label | None = None
    for_reserve: bool = False
    ready: Annotated[int, Field(ge=0, le=65_536)] | None = None


class SetLabels(Message):
    """Writes labels; each is confirmed by `labelled`."""

    type: Literal["label"] = "label"
    labels: Annotated[list[LabelRow], Field(min_length=1, max_length=PAGE_ROWS_MAX)]


class LetGo(Message):
    """Lets allocations go; each is confirmed by `gone`. Answers `please_let_go` too, empty or not."""

    type: Literal["let_go"] = "let_go"
    allocations: Annotated[list[LetGoRow], Field(max_length=PAGE_ROWS_MAX)]


class Answer(Message):
    """Answers `whose`, from journal and memory in one step. What is disowned is never used again."""

    type: Literal["answer"] = "answer"
    mine: Annotated[list[Id], Field(max_length=PAGE_ROWS_MAX)] = Field(default_factory=list)
    disowned: Annotated[list[Id], Field(max_length=PAGE_ROWS_MAX)] = Field(default_factory=list)


class ProbeAnswer(Message):
    """Proves that this boot is alive now."""

    type: Literal["probe_answer"] = "probe_answer"
    nonce: Token


class WrongCluster(Message):
    """Declines a welcome: living pods have addresses of another cluster, whose id this is."""

    type: Literal["wrong_cluster"] = "wrong_cluster"
    cluster: ClusterId


class Ping(Message):
    """Asks whether the coordinator still hears this connection."""

    type: Literal["ping"] = "ping"


class Interfaces(Message):
    """Answers `list_interfaces`, in pages. `unreadable` namespaces could not be looked into."""

    type: Literal["interfaces"] = "interfaces"
    page: Annotated[int, Field(ge=0, le=100_000)]
    last: bool
    interfaces: Annotated[list[Interface], Field(max_length=PAGE_ROWS_MAX)]
    unreadable: Annotated[int, Field(ge=0)] = 0


class Proof(Message):
    """What enrol and show_ticket have in common: which node the sender says it is; believed is token or ticket."""

    node: Name


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
    ticket: Annotated[str, Field(min_length=1, max_length=TICKET_LENGTH_MAX, pattern=r"^[A-Za-z0-9_.\-]+$")]


# What the coordinator sends


class Welcome(Message):
    """Answers the hello of the same id: claims follow, then requests.

    `number`: later welcomes of a coordinator have greater ones. `reserve`: how many ready allocations each network
    shall have on the node. `allocations_max`: how many claims the node may have. `former`: ids that this
    cluster had before.
    """

    type: Literal["welcome"] = "welcome"
    number: Number
    cluster: ClusterId
    former: Annotated[list[ClusterId], Field(max_length=16)] = Field(default_factory=list)
    reserve: Annotated[int, Field(ge=0, le=1_000)] = 0
    allocations_max: Annotated[int, Field(ge=1, le=65_536)] = 1_024
    release: Text = ""


class NotLeader(Message):
    """Answers a hello, or ends a session: another coordinator leads."""

    type: Literal["not_leader"] = "not_leader"


class HelloFirst(Message):
    """Answers a request on a connection that has not said hello: nothing was done."""

    type: Literal["hello_first"] = "hello_first"


class Enrolled(Message):
    """This connection's key now speaks for `node`, for `valid_ms` from now (absent: for good)."""

    type: Literal["enrolled"] = "enrolled"
    node: Name
    ticket: (
        Annotated[str, Field(min_length=1, max_length=TICKET_LENGTH_MAX, pattern=r"^[A-Za-z0-9_.\-]+$")] | None
    ) = None
    valid_ms: Milliseconds | None = None


class EnrolFirst(Message):
    """Answers a request of a key that the coordinator does not know: nothing was done."""

    type: Literal["enrol_first"] = "enrol_first"


class Allocated(Message):
    """The grid holds this address under the id that was asked for, with the label that the ask had."""

    type: Literal["allocated"] = "allocated"
    allocation: Id
    view: Text
    subnet: Cidr
    address: Address
    seal: Seal
    gateway: Address | None = None
    wapi_calls: Annotated[int, Field(ge=0)] = 0
    lane_ms: Annotated[float, Field(ge=0)] = 0.0
    grid_ms: Annotated[float, Field(ge=0)] = 0.0


class Unknown(Message):
    """Whether the grid holds something under this id cannot be known: let it go, ask anew.

    `family`: of the address that was asked for, which a row that lets the id go must say.
    """

    type: Literal["unknown"] = "unknown"
    allocation: Id
    family: FamilyNumber


class DeclineKind(StrEnum):
    """What the agent does about a declined request."""

    TRY_AGAIN = "try_again"
    REFUSED = "refused"
    NO_RESERVE = "no_reserve"


class Declined(Message):
    """A request failed, surely without an object. Code and texts are the CNI error for the runtime."""

    type: Literal["declined"] = "declined"
    allocation: Id | None = None
    kind: Annotated[DeclineKind, Field(strict=False)]
    code: Annotated[int, Field(ge=1)]
    msg: Annotated[Scrubbed, Field(max_length=1000)]
    details: Annotated[Scrubbed, Field(max_length=4000)]


class Labelled(Message):
    """The grid has these labels."""

    type: Literal["labelled"] = "labelled"
    allocations: Annotated[list[Id], Field(min_length=1, max_length=PAGE_ROWS_MAX)]


class Gone(Message):
    """The grid holds nothing under these ids, by its own word; told only for what this session lets go."""

    type: Literal["gone"] = "gone"
    allocations: Annotated[list[Id], Field(min_length=1, max_length=PAGE_ROWS_MAX)]


class Whose(Message):
    """The grid has these ids of the asked journal, which this session has neither named nor asked for."""

    type: Literal["whose"] = "whose"
    allocations: Annotated[list[Id], Field(min_length=1, max_length=PAGE_ROWS_MAX)]


class Orphans(Message):
    """What the grid has of other journals of this boot; `last` ends the complete set that follows a hello."""

    type: Literal["orphans"] = "orphans"
    rows: Annotated[list[OrphanRow], Field(max_length=PAGE_ROWS_MAX)]
    last: bool


class PleaseLetGo(Message):
    """A network needs addresses: let so many ready allocations go."""

    type: Literal["please_let_go"] = "please_let_go"
    view: Text
    subnet: Cidr
    count: Annotated[int, Field(ge=1)]


class Probe(Message):
    """Answer at once with the nonce."""

    type: Literal["probe"] = "probe"
    nonce: Token


class ListInterfaces(Message):
    """Asks which interfaces the network namespaces of the node hold, for `cni-infoblox adopt`."""

    type: Literal["list_interfaces"] = "list_interfaces"


class NoticeKind(StrEnum):
    """What a node shall tell its people."""

    TWO_MACHINES = "two_machines"
    TWO_AGENTS = "two_agents"


class Notice(Message):
    """For the node's log and `status`."""

    type: Literal["notice"] = "notice"
    kind: Annotated[NoticeKind, Field(strict=False)]
    text: Annotated[Scrubbed, Field(max_length=1000)]


class PleaseLabel(Message):
    """These are held or adopted, and their objects bear no label."""

    type: Literal["please_label"] = "please_label"
    allocations: Annotated[list[Id], Field(min_length=1, max_length=PAGE_ROWS_MAX)]


class Lost(Message):
    """The grid has given the address of this allocation to somebody else. `holder` says to whom, for people."""

    type: Literal["lost"] = "lost"
    allocation: Id
    holder: Annotated[Scrubbed, Field(max_length=1000)]


class Pong(Message):
    """Answers a ping."""

    type: Literal["pong"] = "pong"


ToCoordinator = (
    Hello
    | Claims
    | Allocate
    | SetLabels
    | LetGo
    | Answer
    | ProbeAnswer
    | WrongCluster
    | Interfaces
    | Ping
    | Enrol
    | ShowTicket
)
ToAgent = (
    Welcome
    | NotLeader
    | HelloFirst
    | Enrolled
    | EnrolFirst
    | Allocated
    | Unknown
    | Declined
    | Labelled
    | Gone
    | Whose
    | Orphans
    | PleaseLetGo
    | Probe
    | ListInterfaces
    | Notice
    | PleaseLabel
    | Lost
    | Pong
)

request_token: TypeAdapter[str] = TypeAdapter(Token)
to_coordinator: TypeAdapter[ToCoordinator] = TypeAdapter(Annotated[ToCoordinator, Field(discriminator="type")])
to_agent: TypeAdapter[ToAgent] = TypeAdapter(Annotated[ToAgent, Field(discriminator="type")])
