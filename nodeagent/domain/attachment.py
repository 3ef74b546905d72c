"""What a runtime attaches: one interface of one container, in one network namespace."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.family import Family


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
    """Where a network configuration wants an address from; None where it says nothing."""

    name: str
    view: str | None = None
    subnet: str | None = None
    gateway: str | None = None
    is_gateway: bool = False

    @property
    def family(self) -> Family:
        """The family of its addresses. The default subnet is of IPv4."""
        return Family.of(self.subnet) if self.subnet else Family.IPV4

    def agrees_with(self, other: Network) -> bool:
        """Whether an address given for `other` also answers a request for this network."""
        return (self.name, self.view, self.subnet) == (other.name, other.view, other.subnet)

    def __str__(self) -> str:
        return f"network {self.name}, view {self.view or 'by default'}, subnet {self.subnet or 'by default'}"
