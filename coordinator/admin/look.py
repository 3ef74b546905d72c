"""Compares what the index knows of the grid with what the sessions claim, for people: nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.grid.allocation_object import AllocationObject
from coordinator.nodes.sessions import Claim, Session
from coordinator.sweep.verdict import Verdict, judge
from protocol.admin.messages import DifferenceKind
from protocol.wire.allocation_id import AllocationId, hash_node

SAID: Final = {
    Verdict.ASK: "its journal has not named it: that is asked whether it is its own",
    Verdict.OFFER: "a journal that was lost has drawn it: its node's agent is told of it",
}
ABSENT: Final = "the grid does not show it: it is put back"


@dataclass(frozen=True)
class Found:
    """One address about which grid and journals differ."""

    kind: DifferenceKind
    allocation: str
    view: str
    address: str
    node: str
    name: str
    why: str


@dataclass
class Group:
    """Objects that have something in common, by what people call them."""

    count: int = 0
    names: dict[str, None] = field(default_factory=dict)

    def add(self, name: str) -> None:
        """One more."""
        self.count += 1
        self.names[name] = None


@dataclass
class Look:
    """What one look has found. Groups are of objects about which nobody could be asked, or that stand out."""

    compared: int = 0
    differences: list[Found] = field(default_factory=list)
    away: Group = field(default_factory=Group)
    """By node."""
    other_boot: Group = field(default_factory=Group)
    """By node."""
    other_driver: Group = field(default_factory=Group)
    """By node."""
    nobodys: Group = field(default_factory=Group)
    """Adopted without a label, by address."""
    misplaced: Group = field(default_factory=Group)
    """`Location` does not fit the id, by address."""


def look(parts: Parts, deletions: Deletions, now_s: float) -> Look:
    """Compare every object that the index knows with every claim."""
    found = Look()
    sessions: dict[str, list[Session]] = {}
    hashes: dict[str, str] = {}
    for session in parts.sessions:
        sessions.setdefault(session.owner.node, []).append(session)
    for seen in parts.index:
        owner = AllocationId.parse(seen.allocation).owner
        if seen.node not in hashes:
            hashes[seen.node] = hash_node(seen.node)
        if hashes[seen.node] != owner.node:
            found.misplaced.add(seen.address)
        if seen.allocation in deletions:
            found.compared += 1
        else:
            _look_at(found, seen, sessions.get(owner.node, []), now_s)
    found.differences += _missing(parts, now_s)
    found.differences += _twice(parts)
    return found


def outcome_of(parts: Parts, deletions: Deletions, found: Found) -> str:
    """What has become of a difference by now; empty while nothing has."""
    claim = _claim(parts, found.allocation)
    is_there = found.allocation in parts.index
    if found.kind is DifferenceKind.TWICE:
        return "" if len(parts.sessions.claims_at(found.view, found.address)) > 1 else "one of them is left"
    if claim is not None:
        return ("its journal has it" if found.kind is DifferenceKind.GRID_ONLY else "put back") if is_there else ""
    if found.kind is DifferenceKind.CLUSTER_ONLY:
        return "not claimed any more"
    return "" if is_there or found.allocation in deletions else "deleted"


def _look_at(found: Look, seen: AllocationObject, sessions: list[Session], now_s: float) -> None:
    verdict = judge(seen, [session for session in sessions if not session.is_silent(now_s)])
    node = seen.node or "a node that it does not name"
    if verdict is Verdict.OTHER_BOOT:
        found.other_boot.add(node)
    elif verdict is Verdict.NOT_CONNECTED:
        (found.other_driver if sessions and not _all_silent(sessions, now_s) else found.away).add(node)
    else:
        found.compared += 1
        if verdict in SAID:
            found.differences.append(_difference(DifferenceKind.GRID_ONLY, seen, SAID[verdict]))
        elif not seen.is_labelled and _is_adopted(seen, sessions):
            found.nobodys.add(seen.address)


def _missing(parts: Parts, now_s: float) -> Iterator[Found]:
    for session, claim in _claims(parts):
        # Of a silent session nobody knows whether it has let go, at another coordinator, what it claims here.
        if claim.allocation not in parts.index and not session.is_silent(now_s):
            kind = DifferenceKind.CLUSTER_ONLY
            yield Found(kind, claim.allocation, claim.view, claim.address, session.node, "", ABSENT)


def _twice(parts: Parts) -> Iterator[Found]:
    for session, claim in _claims(parts):
        rivals = parts.sessions.claims_at(claim.view, claim.address).keys() - {claim.allocation}
        if rivals:
            why = f"{', '.join(sorted(rivals))[:400]} claims it, too"
            kind = DifferenceKind.TWICE
            yield Found(kind, claim.allocation, claim.view, claim.address, session.node, "", why)


def _claims(parts: Parts) -> Iterator[tuple[Session, Claim]]:
    for session in parts.sessions:
        for claim in list(session.claims.values()):
            yield session, claim


def _claim(parts: Parts, allocation: str) -> Claim | None:
    session = parts.sessions.of_owner(AllocationId.parse(allocation).owner)
    return session.claims.get(allocation) if session else None


def _is_adopted(seen: AllocationObject, sessions: Iterable[Session]) -> bool:
    owner = AllocationId.parse(seen.allocation).owner
    return any(each.owner != owner and seen.allocation in each.claims for each in sessions)


def _all_silent(sessions: Iterable[Session], now_s: float) -> bool:
    return all(session.is_silent(now_s) for session in sessions)


def _difference(kind: DifferenceKind, seen: AllocationObject, why: str) -> Found:
    name = "/".join(part for part in (seen.label.pod_namespace, seen.label.pod) if part) if seen.label else ""
    return Found(kind, seen.allocation, seen.view, seen.address, seen.node, name, why)
