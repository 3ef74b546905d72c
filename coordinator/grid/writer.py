"""Every operation on the objects that allocations are in the grid, and how what it answers is read.

An object is found by its id alone, in the very call that changes it; never by a reference from an earlier call,
an address or a label. What differs between IPv4 and IPv6 is said by the family's `Kind`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from coordinator.core import attributes
from coordinator.core.attributes import CLOUD_API_OWNED_VALUE, CMP_TYPE_VALUE, AttributeNames
from coordinator.core.networks import Network
from coordinator.core.recent import RESERVE
from coordinator.grid import comment
from coordinator.grid.allocation_object import (
    LABEL_PARTS,
    NAME_BYTES_MAX,
    ORIGINAL_NAMES,
    AllocationObject,
    BareAddress,
    NewLabel,
    pack,
    pod_of,
)
from coordinator.grid.comment import MachinePart
from coordinator.grid.kinds import KINDS, RESERVED, Kind
from coordinator.grid.operations import Create, DeleteFound, Object, ReadPage, Search, Unreadable, UpdateFound
from protocol.family import Family, address_of, subnet_of
from protocol.wire.values import Address, Cidr, Label, Text


@dataclass(frozen=True)
class Writer:
    """Makes the operations of one cluster: `cluster_id` stands in ids, `cluster_name` is for people."""

    cluster_id: str
    cluster_name: str
    names: AttributeNames = field(default_factory=AttributeNames)
    family: Family = Family.IPV4
    """Of the objects that it writes; it reads those of both."""

    @cached_property
    def kind(self) -> Kind:
        """How the grid keeps the objects that it writes."""
        return KINDS[self.family]

    @cached_property
    def _of_family(self) -> Mapping[Family, Writer]:
        return {family: replace(self, family=family) for family in Family}

    def of(self, family: Family) -> Writer:
        """The same for objects of a family."""
        return self if family is self.family else self._of_family[family]

    def create(self, allocation: str, node: str, network: Network, label: Label | None, mac: str | None) -> Create:
        """The next available address of `network`; without a MAC a reservation, of which there may be many."""
        return self._create(allocation, node, network, self._next_available(network), label, mac)

    def recreate(self, allocation: str, node: str, network: Network, address: str) -> Create:
        """The object of a claim that the grid has lost, at its very address; its label follows later."""
        return self._create(allocation, node, network, address, None, None)

    def label(self, allocation: str, node: str, label: Label, mac: str | None) -> UpdateFound:
        """Writes what people read. The id is never written by a label."""
        data = {
            **self.kind.client_of_mac(mac),
            "name": _plain(label.pod, NAME_BYTES_MAX),
            "comment": self._comment(allocation, node, label),
            "extattrs+": attributes.write(self._label_values(label)),
        }
        return UpdateFound(
            self.kind.fixed, self.by_id(allocation), self.kind.fields, {k: v for k, v in data.items() if v}
        )

    def delete(self, allocation: str) -> DeleteFound:
        """Deletes the object of this id, wherever it is."""
        return DeleteFound(self.kind.fixed, self.by_id(allocation), self.kind.fields)

    def rename(self, allocation: str) -> UpdateFound:
        """Writes the cluster's name of today."""
        written = attributes.write({self.names.tenant_id: self.cluster_name})
        return UpdateFound(self.kind.fixed, self.by_id(allocation), self.kind.fields, {"extattrs+": written})

    def find(self, allocation: str) -> Search:
        """Every object of this id, in any view."""
        return Search(self.kind.fixed, self.by_id(allocation), self.kind.fields)

    def find_at(self, view: str, address: str) -> Search:
        """Whatever fixed address or reservation is there, of anybody."""
        return Search(self.kind.fixed, {self.kind.address_field: address, "network_view": view}, self.kind.fields)

    def give_id_back(self, allocation: str, view: str, address: str, edited_comment: str) -> UpdateFound:
        """Writes the id on an object that has lost it, as its comment still says; only while it still says so."""
        criteria = {self.kind.address_field: address, "network_view": view, "comment:": edited_comment}
        written = attributes.write({self.names.allocation_id: allocation, **self._cluster_values()})
        return UpdateFound(self.kind.fixed, criteria, self.kind.fields, {"extattrs+": written})

    def mark(self, bare: BareAddress, mark: str) -> UpdateFound:
        """Writes a comment on an object without one, on condition of which its id can be written then."""
        return UpdateFound(self.kind.fixed, self._by_old_identity(bare), self.kind.fields, {"comment": mark})

    def give_id(self, allocation: str, bare: BareAddress, old_comment: str, label: NewLabel) -> UpdateFound:
        """Writes an id on an object that never had one, while it has this comment; the same write changes it."""
        part = MachinePart(allocation, label.namespace, label.inode)
        values = {
            self.names.allocation_id: allocation,
            **self._cluster_values(),
            self.names.location: label.node,
            self.names.interface_name: label.ifname,
            self.names.vm_id: bare.container_id,
            self.names.vm_name: _plain(bare.name, NAME_BYTES_MAX),
        }
        criteria = {**self._by_old_identity(bare), "comment:": old_comment}
        text = _plain(label.people, NAME_BYTES_MAX)
        data = {"comment": comment.write(text, part), "extattrs+": attributes.write(values)}
        return UpdateFound(self.kind.fixed, criteria, self.kind.fields, data)

    def _by_old_identity(self, bare: BareAddress) -> dict[str, str]:
        return {
            self.kind.address_field: bare.address,
            "network_view": bare.view,
            f"*{bare.names.vm_id}": bare.container_id,
            f"*{bare.names.tenant_id}": self.cluster_name,
        }

    def list_page(self, cluster_id: str, page_id: str | None) -> ReadPage:
        """A page of all objects whose ids begin with this cluster's id, or with one that it had before."""
        return ReadPage(
            self.kind.fixed, {f"*{self.names.allocation_id}~": f"^{cluster_id}-"}, self.kind.fields, page_id
        )

    def list_tenant_page(self, page_id: str | None) -> ReadPage:
        """A page of all objects that bear this cluster's name, another cluster's too."""
        return self._tenant_page(self.names, page_id)

    def list_original_page(self, page_id: str | None) -> ReadPage:
        """A page of all objects that bear this cluster's name where the original plugin wrote it."""
        return self._tenant_page(ORIGINAL_NAMES, page_id)

    def by_id(self, allocation: str) -> dict[str, str]:
        """Search arguments that only the object of this id matches."""
        return {f"*{self.names.allocation_id}": allocation}

    def read(self, found: Object) -> AllocationObject:
        """Raises `Unreadable` when the object is no fixed address with the fields that were asked for."""
        try:
            reply = (_Reply6 if "ipv6addr" in found else _Reply4).model_validate(found)
        except ValidationError as error:
            raise Unreadable(f"a fixed address without {error.errors()[0]['loc'][0]}") from None
        values = attributes.read_first(reply.extattrs)
        allocation = values.get(self.names.allocation_id, "")
        # A reservation's MAC may come as zeros or not at all; `match_client` decides.
        mac = reply.mac if reply.match_client != RESERVED else None
        return AllocationObject(
            allocation=allocation,
            view=reply.network_view,
            subnet=reply.network,
            address=reply.address,
            # Somebody may have made it longer than nodes can be told.
            network_name=values.get(self.names.network_name, "")[:NAME_BYTES_MAX],
            node=values.get(self.names.location, ""),
            tenant=values.get(self.names.tenant_id, ""),
            mac=mac,
            label_text=self._read_label(allocation, values, reply, mac),
            comment=reply.comment,
        )

    def _next_available(self, network: Network) -> str | dict[str, Any]:
        if not network.excluded:
            return f"func:nextavailableip:{network.subnet},{network.view}"
        return {
            "_object_function": "next_available_ip",
            "_result_field": "ips",
            "_object": self.kind.network,
            "_object_parameters": {"network": network.subnet, "network_view": network.view},
            "_parameters": {"num": 1, "exclude": list(network.excluded)},
        }

    def _tenant_page(self, names: AttributeNames, page_id: str | None) -> ReadPage:
        criteria = {f"*{names.tenant_id}": self.cluster_name, f"*{names.cmp_type}": CMP_TYPE_VALUE}
        return ReadPage(self.kind.fixed, criteria, self.kind.fields, page_id)

    def _create(
        self,
        allocation: str,
        node: str,
        network: Network,
        address: str | dict[str, Any],
        label: Label | None,
        mac: str | None,
    ) -> Create:
        values = {
            self.names.allocation_id: allocation,
            **self._cluster_values(),
            self.names.location: node,
            self.names.network_name: _plain(network.name, NAME_BYTES_MAX),
            **(self._label_values(label) if label else {}),
        }
        name = _plain(label.pod, NAME_BYTES_MAX) if label else RESERVE
        data = {
            "network_view": network.view,
            "network": network.subnet,
            self.kind.address_field: address,
            **self.kind.new_client(allocation, mac),
            **({"name": name} if name else {}),
            "comment": self._comment(allocation, node, label),
            "extattrs": attributes.write(values),
        }
        return Create(self.kind.fixed, data, self.kind.fields)

    def _cluster_values(self) -> dict[str, str]:
        return {
            self.names.tenant_id: self.cluster_name,
            self.names.cmp_type: CMP_TYPE_VALUE,
            self.names.cloud_api_owned: CLOUD_API_OWNED_VALUE,
        }

    def _label_values(self, label: Label) -> dict[str, str]:
        return {
            self.names.vm_id: label.container_id,
            self.names.vm_name: _plain(pod_of(label), NAME_BYTES_MAX),
            self.names.interface_name: label.ifname,
        }

    def _comment(self, allocation: str, node: str, label: Label | None) -> str:
        who = (pod_of(label) or f"container {label.container_id}") if label else RESERVE
        part = MachinePart(allocation, label.namespace, label.inode) if label else MachinePart(allocation)
        return comment.write(_plain(f"{who} on {node}, cluster {self.cluster_name}", NAME_BYTES_MAX), part)

    def _read_label(
        self, allocation: str, values: Mapping[str, str], reply: _Reply4 | _Reply6, mac: str | None
    ) -> str:
        container_id, ifname = values.get(self.names.vm_id, ""), values.get(self.names.interface_name, "")
        if not (container_id and ifname):
            return ""
        part = comment.read(reply.comment)
        place = part if part and part.allocation == allocation else MachinePart(allocation)
        pod_namespace, _, pod = values.get(self.names.vm_name, "").rpartition("/")
        try:
            label = Label(
                container_id=container_id,
                ifname=ifname,
                pod=pod,
                pod_namespace=pod_namespace,
                mac=mac.lower() if mac else None,
                namespace=place.namespace,
                inode=place.inode,
            )
        except ValidationError:
            # Somebody edited it: what cannot be a label names no attachment.
            return ""
        text = pack(label)
        return text if text.count("\0") == LABEL_PARTS - 1 else ""


GridAddress = Annotated[str, Field(max_length=64), AfterValidator(lambda text: str(address_of(text)))]
GridCidr = Annotated[str, Field(max_length=64), AfterValidator(lambda text: str(subnet_of(text)))]
"""As the grid spells them, which may be otherwise than we do."""


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    network_view: Text
    mac: str | None = None
    match_client: str | None = None
    name: str = ""
    comment: str = ""
    extattrs: dict[str, Any] = {}


class _Reply4(_Reply):
    address: Annotated[Address, Field(alias="ipv4addr")]
    network: Cidr


class _Reply6(_Reply):
    address: Annotated[GridAddress, Field(alias="ipv6addr")]
    network: GridCidr


def _plain(text: str, bytes_max: int) -> str:
    """Text as the grid takes it: without blanks at its ends, without state variables to substitute."""
    return re.sub("##+", "#", text).encode()[:bytes_max].decode(errors="ignore").strip()
