"""The values of which an attachment consists."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class AttachmentId:
    """The identity of every request: one interface of one container (CNI: container ID, ifname)."""

    container_id: str
    ifname: str

    def __str__(self) -> str:
        return f"{self.container_id}/{self.ifname}"


@dataclass(frozen=True)
class Network:
    """What the network configuration says about where the address comes from; None where it says nothing."""

    name: str
    view: str | None = None
    subnet: str | None = None
    gateway: str | None = None
    is_gateway: bool = False

    def agrees_with(self, other: Network) -> bool:
        """Whether an address given for `other` also answers a request for this network."""
        return (self.name, self.view, self.subnet) == (other.name, other.view, other.subnet)

    def __str__(self) -> str:
        return f"network {self.name}, view {self.view or 'by default'}, subnet {self.subnet or 'by default'}"


@dataclass(frozen=True)
class Pod:
    """Who the address is for, in words for people."""

    name: str | None = None
    namespace: str | None = None
    uid: str | None = None


@dataclass(frozen=True)
class Address:
    """One address with the prefix length of its network."""

    address: str
    gateway: str | None = None
