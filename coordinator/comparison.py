"""Compares what the grid lists with journals and cluster: which objects are orphans, are missing, or clash.

Whatever is not certain counts as alive. A journal that its connected agent has told decides about its node; of a
node without one nothing is known, unless the cluster says that the node itself is gone for long enough.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from coordinator.allocations import Allocations, Holding, Record
from coordinator.attachment_work import Place
from coordinator.cluster.liveness import Liveness
from coordinator.objects import FixedAddress, read_origin
from coordinator.ownership import VM_NAME, Identity, Owner

MASS_ADDRESSES: Final = 10
MASS_SHARE: Final = 0.10
MASS_NODES_SHARE: Final = 0.25
"""What differs on a larger scale is taken for an error of who compares, not for orphans."""

NODES_GONE_AT_ONCE: Final = 1
"""So many are no mass in a cluster of any size: machines are lost one by one."""


@dataclass(frozen=True)
class SweepRules:
    """`interval_s` 0: no sweep of its own accord. `apart_s` lies between the two looks that must agree."""

    interval_s: float = 0.0
    apart_s: float = 300.0
    node_gone_s: float = 600.0


class Why(Enum):
    """Why an object is an orphan."""

    BOOT = "its node has been started anew since"
    POD_GONE = "its pod is gone"
    NODE_GONE = "its node is gone"
    SECOND = "its attachment has another address"


@dataclass(frozen=True)
class Orphan:
    """An object of the grid that nobody needs."""

    fixed: FixedAddress
    identity: Identity
    why: Why

    @property
    def key(self) -> tuple[Identity, Place]:
        """Which object of whose it is."""
        return self.identity, (self.fixed.view, self.fixed.address)


@dataclass(frozen=True)
class Missing:
    """An address of a journal that the grid does not hold for it; `holder` is who has it there instead."""

    identity: Identity
    holding: Holding
    holder: Identity | None = None


@dataclass(frozen=True)
class Picture:
    """What the coordinator knows besides the listing.

    `journals`, `boots`: of the nodes that are connected now. `heard_at_s`: of every node that ever was.
    """

    allocations: Allocations
    journals: Mapping[str, str]
    boots: Mapping[str, str]
    heard_at_s: Mapping[str, float]
    liveness: Liveness
    now_s: float

    def is_named(self, record: Record) -> bool:
        """Whether the journal of the record's node holds the attachment."""
        return bool(record.named_by) and self.journals.get(record.identity.node) == record.named_by


@dataclass(frozen=True)
class Comparison:
    """What one look found among the `listed` addresses of attachments.

    `twice` names the two that have one address; `unclaimed` are in no journal, but of the running boot; `unknown`
    counts addresses by node whose journal is not known; `stale` are attachments that the grid does not have any
    more, of nodes that are gone or long silent; `why_not_nodes` says why the cluster's list of nodes was not
    believed, and its list of pods neither.
    """

    listed: int = 0
    claimed: int = 0
    orphans: tuple[Orphan, ...] = ()
    missing: tuple[Missing, ...] = ()
    unclaimed: tuple[FixedAddress, ...] = ()
    unknown: Mapping[str, int] = field(default_factory=dict)
    stale: tuple[Record, ...] = ()
    why_not_nodes: str = ""

    @property
    def compared(self) -> int:
        """How many of the listed addresses a journal, or the cluster, has decided about."""
        return self.listed - self.uncompared

    @property
    def uncompared(self) -> int:
        """How many of the listed addresses belong to nodes that are away."""
        return sum(self.unknown.values())

    @property
    def twice(self) -> tuple[Missing, ...]:
        """Attachments whose address the grid, or another journal, says to be another's."""
        return tuple(each for each in self.missing if each.holder)

    @property
    def lost(self) -> tuple[Missing, ...]:
        """Attachments whose address nobody has in the grid."""
        return tuple(each for each in self.missing if not each.holder)


def compare(
    owner: Owner, listed: Iterable[FixedAddress], picture: Picture, began_at_s: float, rules: SweepRules
) -> Comparison:
    """What differs between the listing, begun at that time, and the picture, which must be the younger one.

    Attachments that somebody asked about meanwhile are left out: either side may be older.
    """
    objects = {(each.view, each.address): each for each in listed}
    owned = {place: its for place, each in objects.items() if (its := owner.identity_of(each.eas))}
    orphans: list[Orphan] = []
    unclaimed: list[FixedAddress] = []
    unknown: Counter[str] = Counter()
    why_not_nodes = _why_not_nodes(picture, {its.node for its in owned.values()})
    judge = _Judge(picture, began_at_s, rules, trusts_cluster=not why_not_nodes)
    for place, identity in owned.items():
        fixed = objects[place]
        verdict = judge.verdict(fixed, identity)
        if isinstance(verdict, Why):
            orphans.append(Orphan(fixed, identity, verdict))
        elif verdict is _Alive.UNCLAIMED:
            unclaimed.append(fixed)
        elif verdict is _Alive.UNKNOWN:
            unknown[identity.node] += 1
    claims = [each for each in picture.allocations if picture.is_named(each) and not _moves(each, began_at_s)]
    missing = _missing(claims, owned, picture)
    return Comparison(
        listed=len(owned),
        claimed=len(claims),
        orphans=tuple(orphans),
        missing=tuple(missing),
        unclaimed=tuple(unclaimed),
        unknown=dict(unknown),
        stale=tuple(each for each in picture.allocations if judge.is_stale(each, owned)),
        why_not_nodes=why_not_nodes,
    )


def reason_to_stop(comparison: Comparison, picture: Picture) -> str:
    """Why nothing may be released though the look found orphans; empty when they may."""
    if not comparison.listed:
        return "the grid lists no address of this cluster"
    gone = [each for each in comparison.orphans if each.why is Why.NODE_GONE]
    others = len(comparison.orphans) - len(gone)
    if others > MASS_ADDRESSES and others > MASS_SHARE * comparison.listed:
        return f"{others} of {comparison.listed} addresses look orphaned"
    lost = len(comparison.missing)
    if lost > MASS_ADDRESSES and lost > MASS_SHARE * comparison.claimed:
        return f"the grid lacks {lost} of the {comparison.claimed} addresses in journals"
    gone_nodes = {each.identity.node for each in gone}
    nodes = gone_nodes | (picture.liveness.nodes.present if picture.liveness.nodes else frozenset())
    are_many = len(gone_nodes) > max(NODES_GONE_AT_ONCE, MASS_NODES_SHARE * len(nodes))
    if are_many and len(gone) > MASS_ADDRESSES:
        return f"{len(gone_nodes)} of {len(nodes)} nodes look gone, with {len(gone)} addresses"
    return ""


def _why_not_nodes(picture: Picture, holders: Set[str]) -> str:
    """Why the cluster's list of nodes is not believed; empty when it is. `holders` are nodes with addresses.

    Agents may bear other names than the list has: then every node looks gone.
    """
    nodes = picture.liveness.nodes
    if nodes is None:
        return ""
    if strangers := sorted(picture.boots.keys() - nodes.present):
        return f"{strangers[0]} is connected, but not in the cluster's list of nodes: does --node-name differ?"
    if not nodes.present & (holders | picture.heard_at_s.keys()):
        return "no node of the cluster's list has an address: does --node-name differ?"
    return ""


class _Alive(Enum):
    CLAIMED = "a journal names it, or somebody asks about it"
    UNCLAIMED = "no journal names it, but it may live"
    UNKNOWN = "its node's journal is not known"


@dataclass(frozen=True)
class _Judge:
    picture: Picture
    began_at_s: float
    rules: SweepRules
    trusts_cluster: bool

    def verdict(self, fixed: FixedAddress, identity: Identity) -> Why | _Alive:
        """What is to be thought of an object that names its attachment."""
        record = self.picture.allocations.find(identity.container_id, identity.ifname)
        if record and record.identity == identity:
            if _moves(record, self.began_at_s):
                return _Alive.CLAIMED
            if self.picture.is_named(record):
                is_second = record.holding and record.holding.place != (fixed.view, fixed.address)
                return Why.SECOND if is_second else _Alive.CLAIMED
        if record and self._lives_elsewhere(record, fixed, identity):
            return _Alive.UNKNOWN
        return self._unnamed(fixed, identity.node)

    def is_stale(self, record: Record, owned: Mapping[Place, Identity]) -> bool:
        """Whether an attachment is remembered that grid, journals and cluster know no more."""
        holding, node = record.holding, record.identity.node
        if holding is None or _moves(record, self.began_at_s) or self.picture.is_named(record) or record.elsewhere:
            return False
        if owned.get(holding.place) == record.identity:
            return False
        return self._is_node_gone(node) or self._was_given_back_in_vain(record)

    def _was_given_back_in_vain(self, record: Record) -> bool:
        """Whether its object has vanished a second time, while its node spoke to another coordinator or to none.

        Once it may have been a person's doing. Twice it is another coordinator that frees it, and knows why.
        """
        node, given_s = record.identity.node, record.given_back_at_s
        if given_s is None or given_s >= self.began_at_s or node in self.picture.journals:
            return False
        silent_since_s = max(given_s, self.picture.heard_at_s.get(node, given_s))
        return self.picture.now_s - silent_since_s >= self.rules.node_gone_s

    def _lives_elsewhere(self, record: Record, fixed: FixedAddress, identity: Identity) -> bool:
        """Whether a node of another name has it in its journal, as after a node's renaming."""
        node = record.elsewhere
        if record.identity != identity:
            is_same = record.holding and record.holding.place == (fixed.view, fixed.address)
            node = record.identity.node if record.named_by and is_same else ""
        return bool(node) and not self._is_node_gone(node)

    def _unnamed(self, fixed: FixedAddress, node: str) -> Why | _Alive:
        origin = read_origin(fixed.comment)
        pods = self.picture.liveness.pods if self.trusts_cluster else None
        pod_name = fixed.eas.get(VM_NAME, "")
        has_pod = bool(origin.pod_uid or pod_name)
        # An empty list of pods is no list: the daemons themselves are pods.
        pod_lives = pods.has(origin.pod_uid, pod_name) if pods and pods.uids and has_pod else None
        boot_id = self.picture.boots.get(node)
        if boot_id is None:
            return Why.NODE_GONE if self._is_node_gone(node) and not pod_lives else _Alive.UNKNOWN
        if origin.boot_id and origin.boot_id != boot_id:
            return Why.BOOT
        return Why.POD_GONE if pod_lives is False else _Alive.UNCLAIMED

    def _is_node_gone(self, node: str) -> bool:
        nodes, now_s = self.picture.liveness.nodes, self.picture.now_s
        since_s = nodes.absent_since_s(node) if nodes and self.trusts_cluster else None
        if since_s is None:
            return False
        return now_s - max(since_s, self.picture.heard_at_s.get(node, since_s)) >= self.rules.node_gone_s


def _moves(record: Record, began_at_s: float) -> bool:
    is_busy = record.work is not None or record.next is not None or record.asked is not None
    return is_busy or record.asked_at_s >= began_at_s


def _missing(claims: Sequence[Record], owned: Mapping[Place, Identity], picture: Picture) -> list[Missing]:
    missing: list[Missing] = []
    for record in claims:
        if record.displaced:
            other = picture.allocations.holder(*record.displaced.place)
            missing.append(Missing(record.identity, record.displaced, other.identity if other else None))
        elif record.holding and (holder := owned.get(record.holding.place)) != record.identity:
            missing.append(Missing(record.identity, record.holding, holder))
    pairs = {(each.identity, each.holder) for each in missing}
    # Where each of two has the other's address, one line says it.
    mirrored = [each for each in missing if each.holder and (each.holder, each.identity) in pairs]
    redundant = [each for each in mirrored if each.holder and each.holder < each.identity]
    return [each for each in missing if each not in redundant]
