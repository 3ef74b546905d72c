"""The values that messages of protocol 2 are made of, each validated where it is read."""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from protocol.family import Family, address_of, subnet_of
from protocol.subnets import canonical_exclusion
from protocol.texts import Scrubbed
from protocol.wire import allocation_id

PAGE_ROWS_MAX: Final = 100
"""No page of any message has more rows; one whose rows are long is cut earlier, at `PAGE_BYTES_MAX`."""
PAGE_BYTES_MAX: Final = 60 * 1024
MESSAGE_BYTES_MAX: Final = 64 * 1024
REMEMBERED_CIDRS_MAX: Final = 4096
"""How many subnets are remembered as they were checked."""
CONTAINER_ID_LENGTH_MAX: Final = 200
IFNAME_LENGTH_MAX: Final = 15
ADDRESS_LENGTH_MAX: Final = 39
EXCLUDED_MAX: Final = 64
"""So many addresses, ranges and subnets may be excluded of one network."""
FURTHER_RANGES_MAX: Final = 15
"""So many ranges may follow the first one of a set."""
TOKEN_LENGTH_MAX: Final = 12_000
TICKET_LENGTH_MAX: Final = 1_000
_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])"
_IPV4: Final = re.compile(rf"{_OCTET}(?:\.{_OCTET}){{3}}")


def _address(text: str) -> str:
    # Nearly all are of IPv4, and a listing reads a hundred thousand of them: the pattern is the fastest way.
    if _IPV4.fullmatch(text):
        return text
    if Family.of(text) is Family.IPV4:
        raise ValueError("must be an IPv4 or IPv6 address")
    return _canonical(text, str(address_of(text)))


@lru_cache(REMEMBERED_CIDRS_MAX)
def _cidr(text: str) -> str:
    if "/" not in text:
        raise ValueError("must be a subnet with its prefix length")
    return _canonical(text, str(subnet_of(text)))


def _excluded(text: str) -> str:
    return _canonical(text, canonical_exclusion(text))


def _canonical(text: str, canonical: str) -> str:
    if text != canonical:
        raise ValueError(f"must be spelt {canonical}")
    return text


Id = Annotated[
    str, Field(min_length=allocation_id.LENGTH, max_length=allocation_id.LENGTH, pattern=allocation_id.PATTERN)
]
Token = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_.\-]+$")]
Text = Annotated[Scrubbed, Field(max_length=253)]
Name = Annotated[Scrubbed, Field(min_length=1, max_length=253)]
Hex = Annotated[str, Field(min_length=8, max_length=8, pattern=r"^[0-9a-f]{8}$")]
ClusterId = Annotated[str, Field(min_length=12, max_length=12, pattern=r"^[0-9a-f]{12}$")]
Seal = Annotated[str, Field(min_length=32, max_length=32, pattern=r"^[0-9a-f]{32}$")]
ContainerId = Annotated[str, Field(max_length=CONTAINER_ID_LENGTH_MAX, pattern=r"^[a-zA-Z0-9][a-zA-Z0-9_.\-]*$")]
Ifname = Annotated[str, Field(min_length=1, max_length=IFNAME_LENGTH_MAX, pattern=r"^[^/:\s\x00-\x1f\x7f-\x9f]+$")]
Mac = Annotated[str, Field(pattern=r"^[0-9a-f]{2}(:[0-9a-f]{2}){5}$")]
Address = Annotated[str, Field(max_length=ADDRESS_LENGTH_MAX), AfterValidator(_address)]
"""An address of either family, as RFC 5952 spells it, so that equal texts are equal addresses."""
Cidr = Annotated[str, Field(max_length=ADDRESS_LENGTH_MAX + len("/128")), AfterValidator(_cidr)]
"""A subnet of either family, spelt likewise, without host bits."""
Excluded = Annotated[str, Field(max_length=2 * ADDRESS_LENGTH_MAX + 1), AfterValidator(_excluded)]
"""An address, a range `FIRST-LAST` or a subnet that is not to be given."""
FamilyNumber = Annotated[Family, Field(strict=False)]
Number = Annotated[int, Field(ge=1, le=2**53)]
Milliseconds = Annotated[int, Field(ge=0, le=2**53)]
NAMESPACE_PATH_LENGTH_MAX: Final = 110
"""A longer path of a network namespace is not written into the grid's comment."""


class Model(BaseModel):
    """A value on the wire: immutable, tolerant of fields that a later release adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class RangeAsk(Model):
    """A further range of a set: where an address shall come from when those before it have none left."""

    subnet: Cidr
    gateway: Address | None = None


class NetworkAsk(Model):
    """Where an address shall come from, as a network configuration says it: one family.

    A field that the configuration leaves out is absent: the coordinator has the defaults. `gateway` may be of the
    form 0.0.0.x, 0.0.y.x or ::x, which the coordinator completes from the subnet. Nothing that `exclude` names is
    given. `further` ranges are tried in their order. Two asks that are equal are one *network*, for the reserve
    too.
    """

    name: Name
    view: Text | None = None
    subnet: Cidr | None = None
    gateway: Address | None = None
    is_gateway: bool = False
    exclude: Annotated[tuple[Excluded, ...], Field(strict=False, max_length=EXCLUDED_MAX)] = ()
    further: Annotated[tuple[RangeAsk, ...], Field(strict=False, max_length=FURTHER_RANGES_MAX)] = ()

    @property
    def family(self) -> Family:
        """The family of its addresses. The default subnet is of IPv4."""
        return Family.of(self.subnet) if self.subnet else Family.IPV4


class Want(Model):
    """One address that is asked for, under an id that was drawn for this ask and is never asked again.

    `address`: which one it shall be, where somebody named it; else the next one that is available.
    """

    allocation: Id
    network: NetworkAsk
    address: Address | None = None


class Label(Model):
    """What people read on an object in the grid; never evidence of whose it is.

    `namespace` and `inode` name the network namespace of the attachment; they are believed beside the very id
    alone.
    """

    container_id: ContainerId
    ifname: Ifname
    pod: Text = ""
    pod_namespace: Text = ""
    pod_uid: Text = ""
    mac: Mac | None = None
    namespace: Annotated[str, Field(max_length=NAMESPACE_PATH_LENGTH_MAX, pattern=r"^[^\x00]*$")] = ""
    inode: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0


class State(StrEnum):
    """The states of a claim."""

    READY = "ready"
    HELD = "held"
    ADOPTED = "adopted"


class ClaimRow(Model):
    """An allocation that a journal claims, as the coordinator told it: `seal` proves that it did."""

    allocation: Id
    view: Text
    subnet: Cidr
    network_name: Text
    address: Address
    state: Annotated[State, Field(strict=False)]
    seal: Seal


class LetGoRow(Model):
    """An allocation that its journal, or the one that adopted it, lets go.

    `family`: of its address. `age_ms`: since when. `was_held`: whether a pod ever had its address, so that it must
    rest. `request`: the request of the plugin that led to it, for the log; empty where none did.
    """

    allocation: Id
    family: FamilyNumber
    age_ms: Milliseconds
    was_held: bool
    request: Text = ""


class Interface(Model):
    """An interface inside a network namespace of the node, of which `namespace` is the path."""

    namespace: Text
    inode: Annotated[int, Field(ge=0, le=2**63 - 1)] = 0
    ifname: Ifname
    mac: Mac | None = None
    addresses: Annotated[list[Address], Field(max_length=32)] = Field(default_factory=list)


class LabelRow(Model):
    """What shall be written on the object of an id."""

    allocation: Id
    label: Label


class OrphanRow(Model):
    """An object of another journal of this node, machine, boot and driver; one of a reserve has no label."""

    allocation: Id
    view: Text
    subnet: Cidr
    network_name: Text
    address: Address
    seal: Seal
    label: Label | None = None
