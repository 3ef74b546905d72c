"""The object that an allocation is in the grid (WAPI: `fixedaddress`, `ipv6fixedaddress`), as a value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coordinator.core.attributes import AttributeNames
from coordinator.core.changes import Change, ChangeKind
from coordinator.core.recent import RESERVE
from protocol.family import Family
from protocol.wire.values import Label

ORIGINAL_NAMES: Final = AttributeNames()
"""What the original plugin called its attributes: it knew no other names."""
NAME_BYTES_MAX: Final = 253
LABEL_PARTS: Final = 7


@dataclass(frozen=True, slots=True)
class AllocationObject:
    """A fixed address or reservation with an id, as the grid has it.

    `allocation` is empty where the object bears no id. `mac` is None on a reservation, and in IPv6. A coordinator
    keeps a hundred thousand of these, so the label is kept as one text.
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
    def family(self) -> Family:
        """The family of its address."""
        return Family.of(self.address)

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
    return pod_of(label) if label else RESERVE


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


def pod_of(label: Label) -> str:
    """NAMESPACE/NAME of the pod that a label names, as far as the runtime told it."""
    return "/".join(part for part in (label.pod_namespace, label.pod) if part)
