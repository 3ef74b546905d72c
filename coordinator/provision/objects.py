"""What views, networks, gateways and attribute definitions look like in the grid, and how ours are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from coordinator.core import attributes
from coordinator.core.attributes import CLOUD_API_OWNED_VALUE, CMP_TYPE_VALUE, AttributeNames
from coordinator.core.networks import Network
from coordinator.grid.kinds import KINDS, Kind
from coordinator.grid.operations import Create, Object, ReadPage, Search, UpdateFound
from protocol.attributes import definition
from protocol.family import Family

NO_VM_ID: Final = "N/A"
"""What the original plugin wrote as `VM ID` of gateways."""

_VIEW_FIELDS: Final = ("name", "extattrs")
_NETWORK_FIELDS: Final = ("network", "network_view", "comment", "members", "extattrs")
_DEFINITION_FIELDS: Final = ("name", "type", "list_values")
MADE_TYPES: Final = ("networkview", "network", "fixedaddress")
"""What may bear the id of the cluster that has made it in its comment; of fixed addresses, gateways."""

_MADE_FIELDS: Final[Mapping[str, tuple[str, ...]]] = {
    "networkview": ("name", "comment", "extattrs"),
    "network": ("network", "network_view", "comment", "extattrs"),
    "fixedaddress": ("ipv4addr", "network", "network_view", "comment", "extattrs"),
}
"""What tells one from others comes first."""

_SPECIAL: Final = re.compile(r"[\\.^$*+?()\[\]{}|]")
"""What means something in the grid's regular expressions."""

_MAKER: Final = re.compile(r"\(cluster=([0-9a-f]{12})\)$")


@dataclass(frozen=True)
class Holder:
    """Who has an address, in words, and under which id; that is empty where the original plugin made it."""

    text: str
    allocation: str


@dataclass(frozen=True)
class Provider:
    """This cluster as the maker of networks. `cluster_ids`: its own id first, then those that it had before."""

    cluster_ids: tuple[str, ...]
    cluster_name: str
    names: AttributeNames = field(default_factory=AttributeNames)

    def find_view(self, view: str) -> Search:
        """The network view by name: a search inside a view that does not exist may be refused."""
        return Search("networkview", {"name": view}, _VIEW_FIELDS)

    def create_view(self, view: str) -> Create:
        """A network view marked as this cluster's (WAPI: `networkview`)."""
        data = {"name": view, "comment": self._comment(), "extattrs": attributes.write(self._eas())}
        return Create("networkview", data, _VIEW_FIELDS)

    def find_network(self, network: Network) -> Search:
        """The network with its attributes (WAPI: `network`, `ipv6network`)."""
        return Search(KINDS[network.family].network, _place(network), _NETWORK_FIELDS)

    def find_container(self, network: Network) -> Search:
        """The network container with exactly the network's addresses: the grid has either one or the other."""
        return Search(KINDS[network.family].container, _place(network), ("network", "network_view"))

    def create_network(self, network: Network) -> Create:
        """A network marked as this cluster's, bearing the network configuration's name."""
        eas = {**self._eas(), self.names.network_name: network.name}
        data = {**_place(network), "comment": self._comment(), "extattrs": attributes.write(eas)}
        return Create(KINDS[network.family].network, data, _NETWORK_FIELDS)

    def find_at(self, view: str, address: str) -> Search:
        """The fixed address or reservation at an address, of anybody."""
        kind = KINDS[Family.of(address)]
        return Search(kind.fixed, {kind.address_field: address, "network_view": view}, _gateway_fields(kind))

    def create_gateway(self, network: Network, gateway: str) -> Create:
        """The reservation of a gateway: an address held by nobody."""
        kind, eas = KINDS[network.family], {**self._eas(), self.names.network_name: network.name}
        data = {
            **_place(network),
            kind.address_field: gateway,
            **kind.new_client(f"gateway {network.subnet}", None),
            "name": "gateway",
            "comment": self._comment(),
            "extattrs": attributes.write(eas),
        }
        return Create(kind.fixed, data, _gateway_fields(kind))

    def find_use(self, view: str, address: str) -> Search:
        """What occupies an address, whatever kind of object it is (WAPI: `ipv4address`, `ipv6address`)."""
        criteria = {"ip_address": address, "network_view": view}
        return Search(
            KINDS[Family.of(address)].use, criteria, ("ip_address", "network_view", "status", "types", "names")
        )

    def list_made(self, kind: str, cluster_id: str, page_id: str | None) -> ReadPage:
        """A page of what a cluster of this id has made, of one of `MADE_TYPES`."""
        return ReadPage(kind, {"comment~": f"cluster={cluster_id}"}, _MADE_FIELDS[kind], page_id)

    def has_made_under_another_name(self, found: Object) -> bool:
        """Whether this cluster has made it, and it bears another name."""
        is_named = self.cluster_name in attributes.read(found.get("extattrs")).get(self.names.tenant_id, ())
        return self._has_made(found) and not is_named

    def rename(self, kind: str, found: Object) -> UpdateFound:
        """Writes the cluster's name of today on what it has made, while the comment still says so."""
        place = [name for name in _MADE_FIELDS[kind] if name not in ("comment", "extattrs")]
        criteria = {**{name: str(found[name]) for name in place}, "comment:": str(found["comment"])}
        written = attributes.write({self.names.tenant_id: self.cluster_name})
        return UpdateFound(kind, criteria, _MADE_FIELDS[kind], {"extattrs+": written})

    def find_definitions(self) -> Search:
        """The definitions of all our attributes (WAPI: `extensibleattributedef`), in one search."""
        names = "|".join(_SPECIAL.sub(r"\\\g<0>", name) for name in self.names.types())
        return Search("extensibleattributedef", {"name~": f"^({names})$"}, _DEFINITION_FIELDS)

    def create_definition(self, name: str) -> Create:
        """The definition of one of our attributes, usable on all kinds of object."""
        body = definition(name, self.names.types()[name])
        return Create("extensibleattributedef", body, _DEFINITION_FIELDS)

    def may_use(self, network: Object, network_name: str) -> bool:
        """Whether pods may get addresses from a network of the grid.

        Either its name is the network configuration's, which is how the original was told to use an existing
        network, or it is marked as this cluster's, or this cluster has made it under another name.
        """
        eas = attributes.read(network.get("extattrs"))
        is_named = network_name in eas.get(self.names.network_name, ())
        return is_named or self._is_ours(eas) or self._has_made(network)

    def holder(self, fixed: Object) -> Holder | None:
        """Who has a fixed address; None where it is no address for pods of this cluster's."""
        eas = attributes.read(fixed.get("extattrs"))
        vm_id, *_ = (*eas.get(self.names.vm_id, ()), NO_VM_ID)
        allocation, *_ = (*eas.get(self.names.allocation_id, ()), "")
        is_labelled = vm_id != NO_VM_ID
        is_allocation = allocation.partition("-")[0] in self.cluster_ids
        if not is_allocation and not (self._is_ours(eas) and is_labelled):
            return None
        pod, *_ = (*eas.get(self.names.vm_name, ()), vm_id)
        node, *_ = (*eas.get(self.names.location, ()), "?")
        return Holder(f"pod {pod} has it" if is_labelled else f"node {node} keeps it ready", allocation)

    def network_name(self, network: Object) -> str:
        """What a network of the grid says it is called."""
        return ", ".join(attributes.read(network.get("extattrs")).get(self.names.network_name, ()))

    def _has_made(self, found: Object) -> bool:
        made = _MAKER.search(str(found.get("comment") or ""))
        return made is not None and made.group(1) in self.cluster_ids

    def _is_ours(self, eas: Mapping[str, tuple[str, ...]]) -> bool:
        is_of_tenant = self.cluster_name in eas.get(self.names.tenant_id, ())
        return is_of_tenant and CMP_TYPE_VALUE in eas.get(self.names.cmp_type, ())

    def _eas(self) -> dict[str, str]:
        return {
            self.names.tenant_id: self.cluster_name,
            self.names.cmp_type: CMP_TYPE_VALUE,
            self.names.cloud_api_owned: CLOUD_API_OWNED_VALUE,
        }

    def _comment(self) -> str:
        return f"made by cni-infoblox for cluster {self.cluster_name[:100]} (cluster={self.cluster_ids[0]})"


def _gateway_fields(kind: Kind) -> tuple[str, ...]:
    return kind.address_field, "network_view", "network", "name", "extattrs"


def _place(network: Network) -> dict[str, str]:
    return {"network": network.subnet, "network_view": network.view}
