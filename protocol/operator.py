"""What a person's command asks the coordinator through its Unix socket, with what it is answered.

One request for each connection, then one or more answers, of which the last says so. Every message travels as its
length (4 bytes, big endian) with the message as `protocol.codec` writes it; an answer repeats the request's `id`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter

from protocol.messages import Ipv4, Message, Model, Text, Token
from protocol.texts import Scrubbed

OPERATOR_SOCKET: Final = Path("/run/cni-infoblox/coordinator.sock")
PAGE_ITEMS_MAX: Final = 500

SENTENCE_LENGTH_MAX: Final = 1000

Count = Annotated[int, Field(ge=0)]
Sentence = Annotated[Scrubbed, Field(max_length=SENTENCE_LENGTH_MAX)]


class ListUnadopted(Message):
    """Which addresses did the original plugin leave, and where do they live?"""

    type: Literal["list_unadopted"] = "list_unadopted"


class Adopt(Message):
    """Adopt what an earlier answer proposed."""

    type: Literal["adopt"] = "adopt"
    proposal: Token


class Finding(StrEnum):
    """What is to be done about an address of the original."""

    ADOPT = "adopt"
    GATEWAY = "gateway"
    LEAVE = "leave"


class LegacyAddress(Model):
    """One address of the original. `node` and `ifname` say where it lives, `why` says why it is left alone."""

    view: Text
    address: Ipv4
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
    addresses: Annotated[list[LegacyAddress], Field(max_length=PAGE_ITEMS_MAX)]
    remarks: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class AdoptionResult(Model):
    """What became of one address; `why` is empty where it was adopted."""

    view: Text
    address: Ipv4
    why: Sentence = ""


class Adopted(Message):
    """Answers `adopt`, as it goes on."""

    type: Literal["adopted"] = "adopted"
    results: Annotated[list[AdoptionResult], Field(max_length=PAGE_ITEMS_MAX)]
    last: bool


class Repair(StrEnum):
    """What `verify` may change: nothing, what is certain, or also what is stopped for being too much at once."""

    NOTHING = "nothing"
    CERTAIN = "certain"
    FORCED = "forced"


class Verify(Message):
    """Do the grid and the cluster agree?"""

    type: Literal["verify"] = "verify"
    repair: Annotated[Repair, Field(strict=False)] = Repair.NOTHING


class DifferenceKind(StrEnum):
    """How the grid and the cluster differ about an address."""

    GRID_ONLY = "grid_only"
    CLUSTER_ONLY = "cluster_only"
    TWICE = "twice"


class Difference(Model):
    """One address about which they differ. `outcome` says what was done, `is_settled` that it is mended."""

    kind: Annotated[DifferenceKind, Field(strict=False)]
    view: Text
    address: Ipv4
    container_id: Text = ""
    ifname: Text = ""
    node: Text = ""
    name: Text = ""
    why: Sentence = ""
    outcome: Sentence = ""
    is_settled: bool = False


class Verified(Message):
    """Answers `verify`, in pages. `stopped` says why nothing is released, `remarks` what could not be compared.

    Of the addresses that the grid lists, `compared` were; not so `uncompared` ones, whose `nodes_away` are not
    connected, and `unreadable` objects.
    """

    type: Literal["verified"] = "verified"
    cluster: Text
    compared: Count
    uncompared: Count = 0
    nodes_away: Count = 0
    unreadable: Count = 0
    differences: Annotated[list[Difference], Field(max_length=PAGE_ITEMS_MAX)]
    stopped: Sentence = ""
    remarks: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)] = Field(default_factory=list)
    last: bool


class Explain(Message):
    """Tell what is known of an address, a pod (NAME or NAMESPACE/NAME), or a container (the start of its ID)."""

    type: Literal["explain"] = "explain"
    what: Annotated[Scrubbed, Field(min_length=1, max_length=253)]


class Story(Model):
    """What is known of one object of the grid, or of an attachment that has none there."""

    title: Sentence
    lines: Annotated[list[Sentence], Field(max_length=PAGE_ITEMS_MAX)]


class Explained(Message):
    """Answers `explain`."""

    type: Literal["explained"] = "explained"
    stories: Annotated[list[Story], Field(max_length=PAGE_ITEMS_MAX)]
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


OperatorRequest = ListUnadopted | Adopt | Verify | Explain
OperatorAnswer = Unadopted | Adopted | Verified | Explained | TurnedDown

operator_request: TypeAdapter[OperatorRequest] = TypeAdapter(
    Annotated[OperatorRequest, Field(discriminator="type")]
)
operator_answer: TypeAdapter[OperatorAnswer] = TypeAdapter(Annotated[OperatorAnswer, Field(discriminator="type")])
