"""What a runtime attaches: one interface of one container, in one network namespace."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.family import Family
from protocol.ipam.ranges import Range


@dataclass(frozen=True, order=True, slots=True)
class AttachmentId:
    """One interface of one container (CNI: container ID, ifname)."""

    container_id: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.container_id}/{self.ifname}"


@dataclass(frozen=True, slots=True)
class Namespace:
    """The network namespace of an attachment: the path that the runtime gave, the inode that lay there."""

    path: str
    inode: int


@dataclass(frozen=True, slots=True)
class Pod:
    """Who an address is for, in words for people."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None

    def __str__(self) -> str:
        return f"{self.namespace or '-'}/{self.name or '-'}"


@dataclass(frozen=True, slots=True)
class Network:
    """Where a network configuration wants an address of one family from; None where it says nothing.

    `further`: ranges that are tried in this order when the subnet has no address left. `exclude`: addresses,
    ranges and subnets of which none is given that was not asked for.
    """

    name: str
    view: str | None = None
    subnet: str | None = None
    gateway: str | None = None
    is_gateway: bool = False
    further: tuple[Range, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def family(self) -> Family:
        """That of its subnets; the subnet by default is of IPv4."""
        return Family.of(self.subnet or "")

    def agrees_with(self, other: Network) -> bool:
        """Whether an address given for `other` also answers a request for this network."""
        return (self.name, self.view, self.subnet) == (other.name, other.view, other.subnet)

    def __str__(self) -> str:
        return f"network {self.name}, view {self.view or 'by default'}, subnet {self.subnet or 'by default'}"


@dataclass(frozen=True, slots=True)
class Want:
    """One address that an ADD wants: of this network, and this very one where people have named it."""

    network: Network
    address: str | None = None

    def __str__(self) -> str:
        return f"{self.network}, address {self.address}" if self.address else str(self.network)

    def agrees_with(self, other: Want) -> bool:
        """Whether an address that is given for `other` also answers this."""
        return self.network.agrees_with(other.network) and self.address in (None, other.address)


def agree(wants: Sequence[Want], others: Sequence[Want]) -> bool:
    """Whether the addresses that are given for `others` also answer an ADD with these wants."""
    return len(wants) == len(others) and all(map(Want.agrees_with, wants, others))


def described(wants: Sequence[Want]) -> str:
    """For people, in a sentence."""
    return " and ".join(map(str, wants))
