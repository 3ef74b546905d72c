"""Rows of the journal as SQLite has them, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from ipaddress import ip_address, ip_interface
from typing import Any, Final

from nodeagent.domain import wire
from nodeagent.domain.allocation import Allocation, Attachment, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from protocol.ipam.ranges import Range
from protocol.wire.allocation_id import AllocationId

ALLOCATION_COLUMNS: Final = (
    "id",
    "state",
    "address",
    "view",
    "subnet",
    "gateway",
    "seal",
    "network",
    "label",
    "is_labelled",
    "was_held",
    "let_go_s",
    "lost_to",
)
NETWORKS_REMEMBERED_MAX: Final = 64
"""How many networks are remembered as texts."""
ATTACHMENT_COLUMNS: Final = ("container_id", "ifname", "allocations", "path", "inode")

Row = Sequence[Any]


def encode_allocation(row: Allocation) -> Row:
    """The values of `ALLOCATION_COLUMNS`."""
    label = None if row.label is None else json.dumps(_label_fields(row.label))
    return (
        row.id,
        row.state.value,
        row.address,
        row.view,
        row.subnet,
        row.gateway,
        row.seal,
        _network_text(row.network),
        label,
        int(row.is_labelled),
        int(row.was_held),
        row.let_go_s,
        row.lost_to,
    )


@lru_cache(NETWORKS_REMEMBERED_MAX)
def _network_text(network: Network) -> str:
    """Each ADD waits for this, mostly of the same network."""
    return json.dumps(_fields(network) | {"further": [_fields(each) for each in network.further]})


def _label_fields(label: Label) -> dict[str, Any]:
    namespace = label.namespace and _fields(label.namespace)
    return _fields(label) | {
        "attachment": _fields(label.attachment),
        "pod": _fields(label.pod),
        "namespace": namespace,
    }


def _fields(value: Label | AttachmentId | Pod | Namespace | Network | Range) -> dict[str, Any]:
    """Not `asdict`, which copies deeply: each ADD waits for this."""
    return {name: getattr(value, name) for name in value.__slots__}


def decode_allocation(row: Row) -> Allocation:
    """The allocation of these values. Raises ValueError, TypeError or KeyError for what is none."""
    named = dict(zip(ALLOCATION_COLUMNS, row, strict=True))
    known = Allocation(
        id=named["id"],
        network=_network(json.loads(named["network"])),
        view=named["view"],
        subnet=named["subnet"],
        address=named["address"],
        seal=named["seal"],
        state=State(named["state"]),
        gateway=named["gateway"],
        label=None if named["label"] is None else _label(json.loads(named["label"])),
        is_labelled=bool(named["is_labelled"]),
        was_held=bool(named["was_held"]),
        let_go_s=float(named["let_go_s"]),
        lost_to=named["lost_to"],
    )
    _check(known)
    return known


def _check(row: Allocation) -> None:
    """Whatever is read can be told to the coordinator and to the plugin: SQLite promises no types."""
    AllocationId.parse(row.id)
    wire.claim_row(replace(row, state=State.HELD))
    interface = ip_interface(row.cidr)
    if row.gateway is not None and ip_address(row.gateway).version != interface.version:
        raise ValueError(f"gateway {row.gateway} beside {row.cidr}")
    wire.let_go_row(row, 0.0)
    wire.network_ask(row.network)
    if row.label:
        wire.wire_label(row.label)
        _check_namespace(row.label.namespace)
    if not isinstance(row.lost_to, str):
        raise TypeError(f"lost_to is {row.lost_to!r}")


def _check_namespace(namespace: Namespace | None) -> None:
    if namespace and not (isinstance(namespace.path, str) and type(namespace.inode) is int):
        raise TypeError(f"no namespace: {namespace}")


def encode_attachment(row: Attachment) -> Row:
    """The values of `ATTACHMENT_COLUMNS`."""
    path, inode = (row.namespace.path, row.namespace.inode) if row.namespace else (None, None)
    return (row.id.container_id, row.id.ifname, " ".join(row.allocations), path, inode)


def decode_attachment(row: Row) -> Attachment:
    """The attachment of these values. Raises ValueError or TypeError for what is none."""
    container_id, ifname, allocations, path, inode = row
    if not isinstance(allocations, str):
        raise TypeError(f"allocations are {allocations!r}")
    namespace = None if path is None else Namespace(path, inode)
    _check_namespace(namespace)
    for text in (container_id, ifname):
        if not isinstance(text, str):
            raise TypeError(f"no attachment: {text!r}")
    return Attachment(AttachmentId(container_id, ifname), tuple(allocations.split(" ")), namespace)


def _network(fields: Mapping[str, Any]) -> Network:
    # A journal of an earlier release has neither.
    further = tuple(Range(**each) for each in fields.get("further", ()))
    return Network(**{**fields, "further": further, "exclude": tuple(fields.get("exclude", ()))})


def _label(fields: Mapping[str, Any]) -> Label:
    return Label(
        attachment=AttachmentId(**fields["attachment"]),
        pod=Pod(**fields["pod"]),
        mac=fields["mac"],
        namespace=None if fields["namespace"] is None else Namespace(**fields["namespace"]),
        # A journal of an earlier release has none.
        request=fields.get("request", ""),
    )
