"""Tells a person in words what is known of one address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from coordinator.allocations import Allocations, Record
from coordinator.objects import FixedAddress, read_origin
from coordinator.ownership import Identity, Owner
from coordinator.sessions import Session
from coordinator.sweeper import Sweeper
from protocol.operator import Story


@dataclass(frozen=True)
class Witness:
    """What there is to ask besides the grid."""

    owner: Owner
    allocations: Allocations
    sessions: Mapping[str, Session]
    sweeper: Sweeper
    now_s: float


def story_of_object(witness: Witness, fixed: FixedAddress) -> Story:
    """An object of the grid, with what is known of whose it is."""
    kind = f"fixed address with MAC {fixed.mac}" if fixed.mac else "reservation"
    origin, identity = read_origin(fixed.comment), witness.owner.identity_of(fixed.eas)
    lines = [f"grid: {kind} in network {fixed.subnet}, name {fixed.name or 'none'}"]
    lines += [f"grid: {name} = {value}" for name, value in fixed.eas.texts()]
    lines += [f"grid: of pod UID {origin.pod_uid}"] if origin.pod_uid else []
    lines += [f"grid: made in the node's boot {origin.boot_id}"] if origin.boot_id else []
    if identity:
        lines += _attachment_lines(witness, identity, fixed)
    elif witness.owner.is_owner(fixed.eas):
        lines.append("holder: nobody: it names no attachment, so nothing here ever releases it")
    else:
        lines.append(f"holder: somebody outside of cluster {witness.owner.cluster_name}")
    return _story(f"{fixed.address} in view {fixed.view}", lines)


def story_of_attachment(witness: Witness, identity: Identity) -> Story:
    """An attachment of which the grid shows no object."""
    lines = ["grid: no object of it was found", *_attachment_lines(witness, identity, None)]
    return _story(f"attachment {identity} of {identity.node}", lines)


def _attachment_lines(witness: Witness, identity: Identity, fixed: FixedAddress | None) -> list[str]:
    record = witness.allocations.find(identity.container_id, identity.ifname)
    if record and record.identity != identity:
        record = None
    return [
        f"holder: attachment {identity} of node {identity.node}",
        _node_line(witness, identity.node, fixed),
        _journal_line(witness, identity.node, record),
        *_work_lines(record, witness.now_s),
        *([_sweep_line(witness, fixed)] if fixed else []),
    ]


def _node_line(witness: Witness, node: str, fixed: FixedAddress | None) -> str:
    session = witness.sessions.get(node)
    if session is None or not session.welcomed:
        return f"node: the agent of {node} has not connected since the coordinator's start"
    heard_s = witness.now_s - session.heard_at_s
    if not session.is_alive(witness.now_s):
        return f"node: the agent of {node} is not connected, last heard {heard_s:.0f} s ago"
    boot_id = read_origin(fixed.comment).boot_id if fixed else ""
    earlier = "; the object is of an earlier boot" if boot_id and boot_id != session.boot_id else ""
    since_s = witness.now_s - session.since_s
    return f"node: the agent of {node} is connected since {since_s:.0f} s, boot {session.boot_id}{earlier}"


def _journal_line(witness: Witness, node: str, record: Record | None) -> str:
    session = witness.sessions.get(node)
    if session is None or not session.speaks(witness.now_s):
        return "journal: not known at the moment"
    if record is None or record.named_by != session.journal_id:
        return "journal: does not name it"
    if record.displaced:
        return f"journal: holds {record.displaced.address}, which is another attachment's too"
    if record.holding is None:
        return "journal: has asked for an address"
    return f"journal: holds {record.holding.address} in view {record.holding.view}"


def _work_lines(record: Record | None, now_s: float) -> list[str]:
    if record is None:
        return []
    lines = []
    if record.asked_at_s > 0:
        lines.append(f"request: its node asked last {now_s - record.asked_at_s:.0f} s ago")
    if removal := record.removal:
        lines.append(f"release: waits, due in {max(0.0, removal.due_s - now_s):.0f} s")
    elif record.work:
        lines.append("work: under way for it")
    return lines


def _sweep_line(witness: Witness, fixed: FixedAddress) -> str:
    looked_s_ago = witness.sweeper.looked_s_ago(witness.now_s)
    if looked_s_ago is None:
        return "sweep: has not looked yet"
    suspect = witness.sweeper.suspicion((fixed.view, fixed.address))
    if suspect is None:
        return f"sweep: looked {looked_s_ago:.0f} s ago, holds nothing against it"
    since_s = witness.now_s - suspect.since_s
    return f"sweep: looked {looked_s_ago:.0f} s ago, thinks for {since_s:.0f} s that {suspect.orphan.why.value}"


def _story(title: str, lines: list[str]) -> Story:
    return Story(title=title[:1000], lines=[line[:1000] for line in lines[:500]])
