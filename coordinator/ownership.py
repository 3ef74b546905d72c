"""The only place that says which objects of the grid are this cluster's."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

CMP_TYPE_VALUE: Final = "Kubernetes"
CLOUD_API_OWNED_VALUE: Final = "True"
NO_VM_ID: Final = "N/A"
"""What the original plugin wrote as `VM ID` of gateways."""

TENANT_ID: Final = "Tenant ID"
CMP_TYPE: Final = "CMP Type"
CLOUD_API_OWNED: Final = "Cloud API Owned"
NETWORK_NAME: Final = "Network Name"
VM_ID: Final = "VM ID"
VM_NAME: Final = "VM Name"
INTERFACE_NAME: Final = "Interface Name"
LOCATION: Final = "Location"

EA_TYPES: Final[Mapping[str, str]] = {
    TENANT_ID: "STRING",
    CMP_TYPE: "STRING",
    CLOUD_API_OWNED: "ENUM",
    NETWORK_NAME: "STRING",
    VM_ID: "STRING",
    VM_NAME: "STRING",
    INTERFACE_NAME: "STRING",
    LOCATION: "STRING",
}
"""Every extensible attribute that we write, with its type: all predefined on grids with a cloud licence."""

DEFAULT_CLUSTER_NAME: Final = "cluster-1"

Eas = Mapping[str, str]
"""Extensible attributes that we write, by name; only their text matters to us."""


@dataclass(frozen=True)
class Attributes:
    """The extensible attributes of an object as the grid has them. One with several values has any of them."""

    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def has(self, name: str, value: str) -> bool:
        """Whether this is one of the attribute's values."""
        return value in self.values.get(name, ())

    def get(self, name: str, default: str = "") -> str:
        """The attribute's first value."""
        return next(iter(self.values.get(name, ())), default)

    def texts(self) -> list[tuple[str, str]]:
        """Each name with its values, for people."""
        return [(name, ", ".join(values)) for name, values in sorted(self.values.items())]


@dataclass(frozen=True, order=True)
class Identity:
    """Whose address it is: an attachment of a node. Names, MACs and addresses are no identity."""

    container_id: str
    ifname: str
    node: str

    def __str__(self) -> str:
        return f"{self.container_id}/{self.ifname}"


@dataclass(frozen=True)
class Owner:
    """This cluster, as the grid knows it."""

    cluster_name: str

    @property
    def may_release_by_listing(self) -> bool:
        """Whether objects that only a listing shows may be called ours: others may bear the default name too."""
        return self.cluster_name != DEFAULT_CLUSTER_NAME

    def eas(self) -> dict[str, str]:
        """What every object of ours carries."""
        return {
            TENANT_ID: self.cluster_name,
            CMP_TYPE: CMP_TYPE_VALUE,
            CLOUD_API_OWNED: CLOUD_API_OWNED_VALUE,
        }

    def search(self) -> dict[str, str]:
        """Search arguments that only objects of this cluster match."""
        return {f"*{TENANT_ID}": self.cluster_name, f"*{CMP_TYPE}": CMP_TYPE_VALUE}

    def identity_eas(self, identity: Identity) -> dict[str, str]:
        """What makes an object the address of this attachment."""
        return {
            **self.eas(),
            VM_ID: identity.container_id,
            INTERFACE_NAME: identity.ifname,
            LOCATION: identity.node,
        }

    def identity_search(self, identity: Identity) -> dict[str, str]:
        """Search arguments that only this attachment's object matches."""
        return {
            f"*{VM_ID}": identity.container_id,
            f"*{INTERFACE_NAME}": identity.ifname,
            f"*{LOCATION}": identity.node,
            **self.search(),
        }

    def is_of(self, eas: Attributes, identity: Identity) -> bool:
        """Whether an object is the address of this attachment, as a search for it would say."""
        return all(eas.has(name[1:], value) for name, value in self.identity_search(identity).items())

    def identity_of(self, eas: Attributes) -> Identity | None:
        """Whose address an object is, or None when it is not the address of an attachment of this cluster."""
        if not self.is_owner(eas):
            return None
        container_id, ifname, node = (eas.get(name) for name in (VM_ID, INTERFACE_NAME, LOCATION))
        if not (container_id and ifname and node) or container_id == NO_VM_ID:
            return None
        return Identity(container_id, ifname, node)

    def may_use_network(self, eas: Attributes, network_name: str) -> bool:
        """Whether pods may get addresses from a network that carries these attributes.

        Either its name is the network configuration's, which is how the original was told to use an existing
        network, or it is marked as this cluster's.
        """
        return eas.has(NETWORK_NAME, network_name) or self.is_owner(eas)

    def is_owner(self, eas: Attributes) -> bool:
        """Whether an object is marked as this cluster's."""
        return eas.has(TENANT_ID, self.cluster_name) and eas.has(CMP_TYPE, CMP_TYPE_VALUE)

    def network_eas(self, network_name: str) -> dict[str, str]:
        """What a network carries that we create."""
        return {**self.eas(), NETWORK_NAME: network_name}
