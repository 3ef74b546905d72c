"""What a person's command asks the coordinator through its Unix socket, with what it is answered.

One request for each connection, then one or more answers, of which the last says so. Every message travels as its
length (4 bytes, big endian) with the message as msgpack map; an answer repeats the request's `id`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from protocol.admin.history import HistoryTold, TellHistory
from protocol.texts import Scrubbed
from protocol.wire import values
from protocol.wire.messages import Message
from protocol.wire.values import Model, Text, Token

ADMIN_SOCKET: Final = Path("/run/cni-infoblox/coordinator.sock")
PAGE_ITEMS_MAX: Final = 500
EXAMPLES_MAX: Final = 10

SENTENCE_LENGTH_MAX: Final = 1000

Count = Annotated[int, Field(ge=0)]
Sentence = Annotated[Scrubbed, Field(max_length=SENTENCE_LENGTH_MAX)]
Address = Annotated[Scrubbed, Field(max_length=45)]


class ListUnadopted(Message):
    """Which objects of this cluster bear no id, and where do they live?

    `driver` names the agent that shall have them, where a node has more than one.
    """

    type: Literal["list_unadopted"] = "list_unadopted"
    driver: Text = ""


class Adopt(Message):
    """Adopt what an earlier answer proposed."""

    type: Literal["adopt"] = "adopt"
    proposal: Token


class Finding(StrEnum):
    """What is to be done about an object without an id."""

    ADOPT = "adopt"
    GATEWAY = "gateway"
    LEAVE = "leave"


class UnadoptedAddress(Model):
    """One object without an id. `node` and `ifname` say where it lives, `why` says why it is left alone."""

    view: Text
    address: values.Address
    container_id: Text = ""
    name: Text = ""
    finding: Annotated[Finding, Field(strict=False)]
    node: Text = ""
    ifname: Text = ""
    why: Sentence = ""


class Unadopted(Message):
    """Answers `list_unadopted`, in pages. `remarks` say what may be missing from the picture."""

    type: Literal["unadopted"] = "unadopted"
    cluster: Text
    proposal: Token
    addresses: Annotated[list[UnadoptedAddress], Field(max_length=PAGE_ITEMS_MAX)]
    remarks: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class AdoptionResult(Model):
    """What became of one address; `why` is empty where it was adopted."""

    view: Text
    address: values.Address
    why: Sentence = ""


class Adopted(Message):
    """Answers `adopt`, as it goes on."""

    type: Literal["adopted"] = "adopted"
    results: Annotated[list[AdoptionResult], Field(max_length=PAGE_ITEMS_MAX)]
    last: bool


class Verify(Message):
    """List the grid now: does it agree with the journals?

    What differs is mended by every listing; with `repair` the answer waits until that has happened. With `force`
    what nodes have left that are gone is freed, however many they are.
    """

    type: Literal["verify"] = "verify"
    repair: bool = False
    force: bool = False


class DifferenceKind(StrEnum):
    """How the grid and the journals differ about an address."""

    GRID_ONLY = "grid_only"
    CLUSTER_ONLY = "cluster_only"
    TWICE = "twice"


class Difference(Model):
    """One address about which they differ. `outcome` says what was done, `is_settled` that it is mended."""

    kind: Annotated[DifferenceKind, Field(strict=False)]
    view: Text
    address: Address
    allocation: Text
    node: Text = ""
    name: Text = ""
    why: Sentence = ""
    outcome: Sentence = ""
    is_settled: bool = False


class Uncompared(Model):
    """Objects of the grid about which nobody could be asked, or which are no business of this cluster's sweep.

    `why` ends a sentence that begins with their number; `is_ours` where they may be what a pod has. `examples` are
    some of their addresses, `remedy` is what a person can do.
    """

    why: Sentence
    count: Count
    examples: Annotated[list[Text], Field(max_length=EXAMPLES_MAX)]
    is_ours: bool
    remedy: Sentence = ""


class Verified(Message):
    """Answers `verify`, in pages. Of the objects with an id of this cluster, `compared` were compared."""

    type: Literal["verified"] = "verified"
    cluster: Text
    compared: Count
    uncompared: Annotated[list[Uncompared], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    differences: Annotated[list[Difference], Field(max_length=PAGE_ITEMS_MAX)]
    stopped: Sentence = ""
    remarks: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class Explain(Message):
    """Tell what is known of an address, a pod (NAME or NAMESPACE/NAME), a container, or an allocation's id."""

    type: Literal["explain"] = "explain"
    what: Annotated[Scrubbed, Field(min_length=1, max_length=253)]


class Story(Model):
    """What is known of one object of the grid, or of an allocation that has none there."""

    title: Sentence
    lines: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)]


class FailedRequest(Model):
    """A request for an address that was declined, `times` times since `first_at`, last `at` (ISO times, UTC).

    `error` is the class of the failure, `request` the id of the last request, as the logs have it.
    """

    pod: Text
    node: Text
    network: Text
    first_at: Text
    at: Text
    times: Count
    code: int
    error: Text
    reason: Sentence
    remedy: Sentence
    request: Text


class Explained(Message):
    """Answers `explain`. On the last page `failures` are what the pod was declined for, the newest first, and
    `unasked` says whom the coordinator could not ask, and why.
    """

    type: Literal["explained"] = "explained"
    stories: Annotated[list[Story], Field(max_length=PAGE_ITEMS_MAX)]
    failures: Annotated[list[FailedRequest], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    unasked: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class ReplaceNode(Message):
    """All boots of a node are over, but the connected agent's, or the one that is named."""

    type: Literal["replace_node"] = "replace_node"
    node: Annotated[Scrubbed, Field(min_length=1, max_length=253)]
    boot: Annotated[str, Field(pattern=r"^([0-9a-f]{8})?$")] = ""


class EndedBoot(Model):
    """A boot that is over, with how many addresses it had; `machine` and `boot` as ids name them."""

    machine: Text
    boot: Text
    allocations: Count


class NodeReplaced(Message):
    """Answers `replace_node`."""

    type: Literal["node_replaced"] = "node_replaced"
    node: Text
    kept: Text
    over: Annotated[list[EndedBoot], Field(max_length=PAGE_ITEMS_MAX)]
    last: bool = True


class ListedState(StrEnum):
    """How it stands with an allocation, by what the coordinator has heard last."""

    HELD = "held"
    READY = "ready"
    ADOPTED = "adopted"
    ASKED = "asked"
    """An ADD is under way."""
    LET_GO = "let-go"
    """On its way out of the grid."""
    MISSING = "missing"
    """Its journal claims it, and the grid does not show it: it is put back."""
    UNCLAIMED = "unclaimed"
    """Its node is connected, and its journal has not named it: that is asked whether it is its own."""
    AWAY = "away"
    """No agent of its boot is connected: nothing is known, nothing is freed."""


WantedState = Annotated[ListedState, Field(strict=False)]


class ListAllocations(Message):
    """Which addresses has this cluster, by what the coordinator knows? The grid is not asked.

    A filter that is empty lets everything through. `network` is a subnet or a network's name, `pod` is NAME or
    NAMESPACE/NAME.
    """

    type: Literal["list_allocations"] = "list_allocations"
    network: Text = ""
    node: Text = ""
    namespace: Text = ""
    pod: Text = ""
    states: Annotated[list[Annotated[ListedState, Field(strict=False)]], Field(max_length=len(ListedState))] = (
        Field(default_factory=list)
    )


class ListedAllocation(Model):
    """One address. What its label does not say is empty. `network` is a name, the address lies in `subnet`."""

    address: Address
    view: Text
    subnet: Text
    network: Text = ""
    node: Text = ""
    namespace: Text = ""
    pod: Text = ""
    container_id: Text = ""
    ifname: Text = ""
    mac: Text = ""
    state: Annotated[ListedState, Field(strict=False)]
    allocation: Text


class Listed(Message):
    """Answers `list_allocations`, in pages, in no order. `remarks`, on the last one, say what may be missing."""

    type: Literal["listed"] = "listed"
    cluster: Text
    allocations: Annotated[list[ListedAllocation], Field(max_length=PAGE_ITEMS_MAX)]
    remarks: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class TurnedDown(Message):
    """The request cannot be served: `msg` says why, `details` what would help."""

    type: Literal["turned_down"] = "turned_down"
    msg: Sentence
    details: Sentence = ""

    @property
    def last(self) -> bool:
        """Nothing follows."""
        return True


AdminRequest = ListUnadopted | Adopt | Verify | Explain | ReplaceNode | ListAllocations | TellHistory
AdminAnswer = Unadopted | Adopted | Verified | Explained | NodeReplaced | Listed | HistoryTold | TurnedDown

admin_request: TypeAdapter[AdminRequest] = TypeAdapter(Annotated[AdminRequest, Field(discriminator="type")])
admin_answer: TypeAdapter[AdminAnswer] = TypeAdapter(Annotated[AdminAnswer, Field(discriminator="type")])
