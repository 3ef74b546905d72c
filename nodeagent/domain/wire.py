"""The domain's values as the wire has them, and back."""

from __future__ import annotations

from nodeagent.domain.allocation import Allocation, Label, State
from nodeagent.domain.attachment import AttachmentId, Namespace, Network, Pod
from protocol.family import Family
from protocol.ipam.ranges import Range
from protocol.texts import is_fit
from protocol.wire import values
from protocol.wire.messages import Allocated
from protocol.wire.values import NAMESPACE_PATH_LENGTH_MAX, ClaimRow, LetGoRow, NetworkAsk, OrphanRow, RangeAsk


def network_ask(network: Network) -> NetworkAsk:
    """Where an address shall come from."""
    return NetworkAsk(
        name=network.name,
        view=network.view,
        subnet=network.subnet,
        gateway=network.gateway,
        is_gateway=network.is_gateway,
        exclude=network.exclude,
        further=tuple(map(_range_ask, network.further)),
    )


def _range_ask(further: Range) -> RangeAsk:
    return RangeAsk(subnet=further.subnet or "", gateway=further.gateway)


def wire_label(label: Label) -> values.Label:
    """A label; a path that the grid's comment cannot have as it is, is left out, with its inode."""
    namespace = label.namespace
    if namespace and (len(namespace.path) > NAMESPACE_PATH_LENGTH_MAX or not is_fit(namespace.path)):
        namespace = None
    return values.Label(
        container_id=label.attachment.container_id,
        ifname=label.attachment.ifname,
        pod=label.pod.name or "",
        pod_namespace=label.pod.namespace or "",
        pod_uid=label.pod.uid or "",
        mac=label.mac,
        namespace=namespace.path if namespace else "",
        inode=namespace.inode if namespace else 0,
    )


def claim_row(row: Allocation) -> ClaimRow:
    """An allocation that a hello claims."""
    return ClaimRow(
        allocation=row.id,
        view=row.view,
        subnet=row.subnet,
        network_name=row.network.name,
        address=row.address,
        state=values.State(row.state.value),
        seal=row.seal,
    )


def let_go_row(row: Allocation, now_s: float) -> LetGoRow:
    """An allocation that was let go."""
    age_ms = max(0, int((now_s - row.let_go_s) * 1000))
    request = row.label.request if row.label else ""
    family = Family.of(row.address)
    return LetGoRow(allocation=row.id, family=family, age_ms=age_ms, was_held=row.was_held, request=request)


def never_used_row(allocation: str, family: Family) -> LetGoRow:
    """An id of an address that no pod has ever heard of, and none ever will."""
    return LetGoRow(allocation=allocation, family=family, age_ms=0, was_held=False)


def allocation_of(message: Allocated, network: Network) -> Allocation:
    """What the coordinator tells of an allocation that was asked for `network`."""
    return Allocation(
        id=message.allocation,
        network=network,
        view=message.view,
        subnet=message.subnet,
        address=message.address,
        seal=message.seal,
        state=State.READY,
        gateway=message.gateway,
    )


def orphan_of(row: OrphanRow) -> Allocation:
    """What the coordinator tells of an allocation that another journal of this boot has left."""
    label = None if row.label is None else _label(row.label)
    return Allocation(
        id=row.allocation,
        network=Network(row.network_name, row.view, row.subnet),
        view=row.view,
        subnet=row.subnet,
        address=row.address,
        seal=row.seal,
        state=State.ADOPTED,
        label=label,
        is_labelled=label is not None,
    )


def _label(label: values.Label) -> Label:
    return Label(
        attachment=AttachmentId(label.container_id, label.ifname),
        pod=Pod(label.pod or None, label.pod_namespace or None, label.pod_uid or None),
        mac=label.mac,
        namespace=Namespace(label.namespace, label.inode) if label.namespace else None,
    )
