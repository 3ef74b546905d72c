"""Tells a person in words what is known of one address: who has it, since when, what would free it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from coordinator.admin.bare_object import BareObject
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Claim, Session
from protocol.admin.messages import PAGE_ITEMS_MAX, SENTENCE_LENGTH_MAX, Story
from protocol.wire.allocation_id import ADOPTED_JOURNAL, AllocationId, hash_node


@dataclass(frozen=True)
class Witness:
    """What there is to ask besides the grid."""

    parts: Parts
    boots: Boots
    deletions: Deletions
    now_s: float


def story_of_object(witness: Witness, found: BareObject, attributes: Mapping[str, Iterable[str]]) -> Story:
    """An object of the grid, with what is known of whose it is. `attributes`: all that it bears."""
    kind = f"fixed address with MAC {found.mac}" if found.mac else "reservation"
    lines = [f"grid: {kind} in network {found.subnet}, name {found.name or 'none'}"]
    lines += [f"grid: {name} = {', '.join(values)}" for name, values in sorted(attributes.items())]
    lines += [f"grid: comment {found.comment}"] if found.comment else []
    lines += _holder_lines(witness, found)
    return _story(f"{found.address} in view {found.view}", lines)


def story_of_known(witness: Witness, known: AllocationObject) -> Story:
    """An object as the grid showed it last, while the grid cannot be asked."""
    kind = f"fixed address with MAC {known.mac}" if known.mac else "reservation"
    label = known.label
    pod = "/".join(part for part in (label.pod_namespace, label.pod) if part) if label else ""
    lines = [f"index: {kind} in network {known.subnet}, as the grid has shown it last"]
    lines += [f"index: pod {pod}"] if pod else []
    found = BareObject(
        allocation=known.allocation,
        view=known.view,
        subnet=known.subnet,
        address=known.address,
        mac=known.mac,
        name=label.pod if label else "",
        comment="",
        container_id=label.container_id if label else "",
        ifname=label.ifname if label else "",
        location=known.node,
        names=witness.parts.writer.names,
    )
    return _story(f"{known.address} in view {known.view}", [*lines, *_holder_lines(witness, found)])


def story_of_claim(witness: Witness, session: Session, claim: Claim) -> Story:
    """An allocation that a journal claims, and of which the grid shows no object."""
    lines = [
        f"allocation: {claim.allocation}",
        f"holder: a journal of node {session.node}, driver {session.driver}, claims it",
        "grid: no object of it was found: it is put back",
        *_session_lines(session, witness.now_s),
        "freed by: the DEL of its pod",
    ]
    return _story(f"{claim.address} in view {claim.view}, of node {session.node}", lines)


def _holder_lines(witness: Witness, found: BareObject) -> list[str]:
    parts, cluster = witness.parts, witness.parts.policy.cluster_name
    if not found.allocation:
        if found.container_id and not found.location:
            return [
                "holder: the original plugin or a person made it, it bears no id",
                "freed by: nothing here, unless 'cni-infoblox adopt' takes it over",
            ]
        return [f"holder: nobody in cluster {cluster}", "freed by: nothing here"]
    try:
        owner = AllocationId.parse(found.allocation).owner
    except ValueError:
        return ["holder: not known, its id was edited", "freed by: nothing here"]
    if owner.cluster not in parts.policy.cluster_ids:
        return [f"holder: another cluster, whose id is {owner.cluster}", "freed by: nothing here"]
    journal = "'cni-infoblox adopt'" if owner.journal == ADOPTED_JOURNAL else f"journal {owner.journal}"
    lines = [f"allocation: of machine {owner.machine}, boot {owner.boot}, driver {owner.driver}, id by {journal}"]
    if hash_node(found.location) != owner.node:
        says = f"as {parts.writer.names.location} says"
        lines.append(f"allocation: its id is not of node {found.location or 'without a name'}, {says}")
    return [*lines, *_owned_lines(witness, found)]


def _owned_lines(witness: Witness, found: BareObject) -> list[str]:
    parts, owner = witness.parts, AllocationId.parse(found.allocation).owner
    sessions = [each for each in parts.sessions if each.owner.node == owner.node]
    session = parts.sessions.of_owner(owner)
    if found.allocation in witness.deletions:
        return ["holder: nobody any more, it was let go", "freed by: the release delay, which is under way"]
    if session is None:
        return _absent_lines(witness, found, sessions)
    return [*_session_lines(session, witness.now_s), *_claim_lines(session, found)]


def _claim_lines(session: Session, found: BareObject) -> list[str]:
    owner = AllocationId.parse(found.allocation).owner
    claim = session.claims.get(found.allocation)
    if claim is None and session.names(found.allocation):
        return ["holder: an ADD that is under way", "freed by: the DEL of its pod"]
    if claim is None:
        return ["holder: its journal did not name it", "freed by: its journal, which is asked at each sweep"]
    if claim.is_ready:
        return ["holder: nobody, it is ready for the next pod of that node", "freed by: an hour without use"]
    if owner != session.owner and not found.ifname:
        return ["holder: somebody of whom a lost journal knew", "freed by: the end of the node's boot"]
    end = " or the end of the node's boot" if owner != session.owner else ""
    return [_attachment(found), f"freed by: the DEL of its pod{end}"]


def _absent_lines(witness: Witness, found: BareObject, sessions: list[Session]) -> list[str]:
    owner = AllocationId.parse(found.allocation).owner
    lines = [_attachment(found)]
    of_boot = [each for each in sessions if (each.owner.machine, each.owner.boot) == (owner.machine, owner.boot)]
    if of_boot:
        return [
            *lines,
            f"node: no agent of this driver is connected, but that of {of_boot[0].driver}",
            "freed by: the agent of this driver, or the end of the node's boot",
        ]
    if not sessions:
        return [
            *lines,
            "node: its agent is not connected",
            "freed by: its agent, when that is back, or its node's end (it is deleted in Kubernetes, or in the "
            "file of --live-nodes)",
        ]
    node = sessions[0].node
    if witness.boots.is_over(node, Boot(owner.machine, owner.boot)):
        return [*lines, f"node: {node} is of another boot, and this one is over", "freed by: the next sweep"]
    return [
        *lines,
        f"node: {node} is connected with another boot or machine, and it is not known whether this one is over",
        f"freed by: cni-infoblox node replace {node}, once that machine or boot is gone",
    ]


def _session_lines(session: Session, now_s: float) -> list[str]:
    heard_s, since_s = now_s - session.heard_at_s, now_s - session.since_s
    state = "is silent" if session.is_silent(now_s) else f"is connected since {since_s:.0f} s"
    who = f"the agent of {session.node} (driver {session.driver}, boot {session.owner.boot})"
    return [
        f"node: {who} {state}, heard {heard_s:.0f} s ago",
        f"journal: {session.owner.journal}, {len(session.claims)} allocations",
    ]


def _attachment(found: BareObject) -> str:
    if not (found.container_id and found.ifname):
        return "holder: not known, its object bears no label"
    return f"holder: attachment {found.container_id}/{found.ifname} of node {found.location or 'without a name'}"


def _story(title: str, lines: list[str]) -> Story:
    return Story(
        title=title[:SENTENCE_LENGTH_MAX], lines=[line[:SENTENCE_LENGTH_MAX] for line in lines[:PAGE_ITEMS_MAX]]
    )
