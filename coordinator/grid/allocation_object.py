"""The object that an allocation is in the grid (WAPI: `fixedaddress`), and every operation on it.

An object is found by its id alone, in the very call that changes it; never by a reference from an earlier call,
an address or a label.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, ValidationError

from coordinator.core import attributes
from coordinator.core.attributes import CLOUD_API_OWNED_VALUE, CMP_TYPE_VALUE, AttributeNames
from coordinator.core.changes import Change, ChangeKind
from coordinator.core.networks import Network
from coordinator.core.recent import RESERVE
from coordinator.grid import comment
from coordinator.grid.comment import MachinePart
from coordinator.grid.operations import Create, DeleteFound, Object, ReadPage, Search, Unreadable, UpdateFound
from protocol.wire.values import Address, Cidr, Label, Text

OBJECT_TYPE: Final = "fixedaddress"
FIELDS: Final = ("ipv4addr", "mac", "match_client", "name", "comment", "network", "network_view", "extattrs")
RESERVED: Final = "RESERVED"
BY_MAC: Final = "MAC_ADDRESS"
ORIGINAL_NAMES: Final = AttributeNames()
"""What the original plugin called its attributes: it knew no other names."""
NAME_BYTES_MAX: Final = 253
LABEL_PARTS: Final = 7


@dataclass(frozen=True, slots=True)
class AllocationObject:
    """A fixed address or reservation with an id, as the grid has it.

    `allocation` is empty where the object bears no id. `mac` is None on a reservation. A coordinator keeps a
    hundred thousand of these, so the label is kept as one text.
    """

    allocation: str
    view: str
    subnet: str
    address: str
    network_name: str = ""
    node: str = ""
    tenant: str = ""
    mac: str | None = None
    label_text: str = ""
    """The label as `pack` makes it; empty on an object that nobody holds yet, or whose label was lost."""
    comment: str = ""

    @property
    def is_labelled(self) -> bool:
        """Whether it says which attachment has it."""
        return bool(self.label_text)

    @property
    def label(self) -> Label | None:
        """Which attachment has it, as it says."""
        return unpack(self.label_text) if self.label_text else None

    @property
    def place(self) -> tuple[str, str]:
        """Its network view and its address."""
        return self.view, self.address

    def change(self, kind: ChangeKind, at_s: float, why: str = "") -> Change:
        """What has become of it, for the history."""
        return Change(
            kind=kind,
            at_s=at_s,
            allocation=self.allocation,
            view=self.view,
            subnet=self.subnet,
            address=self.address,
            network_name=self.network_name,
            node=self.node,
            label_text=self.label_text,
            why=why,
        )

    def log_facts(self, request: str = "") -> dict[str, Any]:
        """What a line of the log says of it; `request` is the one that led to the line, where one did."""
        return {
            "allocation": self.allocation,
            "address": self.address,
            "network": self.subnet,
            "node": self.node,
            "pod": pod_in_words(self.label),
            "request": request,
        }


def pod_in_words(label: Label | None) -> str:
    """Who has an address, for people: NAMESPACE/NAME, as far as the runtime told it; `reserve` without a label."""
    return _pod(label) if label else RESERVE


def pack(label: Label) -> str:
    """A label as one text, without the UID of its pod, which the grid is not told."""
    parts = (label.container_id, label.ifname, label.pod, label.pod_namespace, label.mac or "", str(label.inode))
    return "\0".join((*parts, label.namespace))


def unpack(text: str) -> Label:
    """The label that `pack` has made a text of."""
    container_id, ifname, pod, pod_namespace, mac, inode, namespace = text.split("\0")
    return Label(
        container_id=container_id,
        ifname=ifname,
        pod=pod,
        pod_namespace=pod_namespace,
        mac=mac or None,
        namespace=namespace,
        inode=int(inode),
    )


@dataclass(frozen=True, slots=True)
class BareAddress:
    """An object without an id, by what tells it from others. `name` is the pod's, where somebody wrote it.

    `names` are those of the attributes that it bears.
    """

    view: str
    address: str
    container_id: str
    name: str = ""
    names: AttributeNames = ORIGINAL_NAMES


@dataclass(frozen=True, slots=True)
class NewLabel:
    """What an object without an id is told with its id: where it lives, and the people's part of its comment."""

    node: str
    ifname: str
    people: str
    namespace: str = ""
    inode: int = 0


@dataclass(frozen=True)
class Writer:
    """Makes the operations of one cluster: `cluster_id` stands in ids, `cluster_name` is for people."""

    cluster_id: str
    cluster_name: str
    names: AttributeNames = field(default_factory=AttributeNames)

    def create(self, allocation: str, node: str, network: Network, label: Label | None, mac: str | None) -> Create:
        """The next available address of `network`; without a MAC a reservation, of which there may be many."""
        address = f"func:nextavailableip:{network.subnet},{network.view}"
        return self._create(allocation, node, network, address, label, mac)

    def recreate(self, allocation: str, node: str, network: Network, address: str) -> Create:
        """The object of a claim that the grid has lost, at its very address; its label follows later."""
        return self._create(allocation, node, network, address, None, None)

    def label(self, allocation: str, node: str, label: Label, mac: str | None) -> UpdateFound:
        """Writes what people read. The id is never written by a label."""
        # Without a MAC the object stays what it is: DHCP would have to learn that an earlier one has gone, too.
        client = {} if mac is None else {"mac": mac, "match_client": BY_MAC}
        data = {
            **client,
            "name": _plain(label.pod, NAME_BYTES_MAX),
            "comment": self._comment(allocation, node, label),
            "extattrs+": attributes.write(self._label_values(label)),
        }
        return UpdateFound(OBJECT_TYPE, self.by_id(allocation), FIELDS, {k: v for k, v in data.items() if v})

    def delete(self, allocation: str) -> DeleteFound:
        """Deletes the object of this id, wherever it is."""
        return DeleteFound(OBJECT_TYPE, self.by_id(allocation), FIELDS)

    def rename(self, allocation: str) -> UpdateFound:
        """Writes the cluster's name of today."""
        written = attributes.write({self.names.tenant_id: self.cluster_name})
        return UpdateFound(OBJECT_TYPE, self.by_id(allocation), FIELDS, {"extattrs+": written})

    def find(self, allocation: str) -> Search:
        """Every object of this id, in any view."""
        return Search(OBJECT_TYPE, self.by_id(allocation), FIELDS)

    def find_at(self, view: str, address: str) -> Search:
        """Whatever fixed address or reservation is there, of anybody."""
        return Search(OBJECT_TYPE, {"ipv4addr": address, "network_view": view}, FIELDS)

    def give_id_back(self, allocation: str, view: str, address: str, edited_comment: str) -> UpdateFound:
        """Writes the id on an object that has lost it, as its comment still says; only while it still says so."""
        criteria = {"ipv4addr": address, "network_view": view, "comment:": edited_comment}
        written = attributes.write({self.names.allocation_id: allocation, **self._cluster_values()})
        return UpdateFound(OBJECT_TYPE, criteria, FIELDS, {"extattrs+": written})

    def mark(self, bare: BareAddress, mark: str) -> UpdateFound:
        """Writes a comment on an object without one, on condition of which its id can be written then."""
        return UpdateFound(OBJECT_TYPE, self._by_old_identity(bare), FIELDS, {"comment": mark})

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
        return UpdateFound(OBJECT_TYPE, criteria, FIELDS, data)

    def _by_old_identity(self, bare: BareAddress) -> dict[str, str]:
        return {
            "ipv4addr": bare.address,
            "network_view": bare.view,
            f"*{bare.names.vm_id}": bare.container_id,
            f"*{bare.names.tenant_id}": self.cluster_name,
        }

    def list_page(self, cluster_id: str, page_id: str | None) -> ReadPage:
        """A page of all objects whose ids begin with this cluster's id, or with one that it had before."""
        return ReadPage(OBJECT_TYPE, {f"*{self.names.allocation_id}~": f"^{cluster_id}-"}, FIELDS, page_id)

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
            reply = _Reply.model_validate(found)
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
            address=reply.ipv4addr,
            # Somebody may have made it longer than nodes can be told.
            network_name=values.get(self.names.network_name, "")[:NAME_BYTES_MAX],
            node=values.get(self.names.location, ""),
            tenant=values.get(self.names.tenant_id, ""),
            mac=mac,
            label_text=self._read_label(allocation, values, reply, mac),
            comment=reply.comment,
        )

    def _tenant_page(self, names: AttributeNames, page_id: str | None) -> ReadPage:
        criteria = {f"*{names.tenant_id}": self.cluster_name, f"*{names.cmp_type}": CMP_TYPE_VALUE}
        return ReadPage(OBJECT_TYPE, criteria, FIELDS, page_id)

    def _create(
        self, allocation: str, node: str, network: Network, address: str, label: Label | None, mac: str | None
    ) -> Create:
        client: dict[str, Any] = {"match_client": RESERVED} if mac is None else {"mac": mac}
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
            "ipv4addr": address,
            **client,
            **({"name": name} if name else {}),
            "comment": self._comment(allocation, node, label),
            "extattrs": attributes.write(values),
        }
        return Create(OBJECT_TYPE, data, FIELDS)

    def _cluster_values(self) -> dict[str, str]:
        return {
            self.names.tenant_id: self.cluster_name,
            self.names.cmp_type: CMP_TYPE_VALUE,
            self.names.cloud_api_owned: CLOUD_API_OWNED_VALUE,
        }

    def _label_values(self, label: Label) -> dict[str, str]:
        return {
            self.names.vm_id: label.container_id,
            self.names.vm_name: _plain(_pod(label), NAME_BYTES_MAX),
            self.names.interface_name: label.ifname,
        }

    def _comment(self, allocation: str, node: str, label: Label | None) -> str:
        who = (_pod(label) or f"container {label.container_id}") if label else RESERVE
        part = MachinePart(allocation, label.namespace, label.inode) if label else MachinePart(allocation)
        return comment.write(_plain(f"{who} on {node}, cluster {self.cluster_name}", NAME_BYTES_MAX), part)

    def _read_label(self, allocation: str, values: Mapping[str, str], reply: _Reply, mac: str | None) -> str:
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


class _Reply(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    ipv4addr: Address
    network_view: Text
    network: Cidr
    mac: str | None = None
    match_client: str | None = None
    name: str = ""
    comment: str = ""
    extattrs: dict[str, Any] = {}


def _pod(label: Label) -> str:
    return "/".join(part for part in (label.pod_namespace, label.pod) if part)


def _plain(text: str, bytes_max: int) -> str:
    """Text as the grid takes it: without blanks at its ends, without state variables to substitute."""
    return re.sub("##+", "#", text).encode()[:bytes_max].decode(errors="ignore").strip()
