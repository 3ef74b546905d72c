"""Frees what nodes have left that exist no more, as the cluster says: within limits, and looked at once more.

Whatever is not certain counts as alive. Of which node an object is says its `Location`, which the hash in its id
has to prove; ids of former clusters are left alone, since their cluster may live.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from coordinator.allocation.deletions import Deletions
from coordinator.allocation.parts import Parts
from coordinator.cluster.liveness import LivenessSource, LiveNodes
from coordinator.grid.allocation_object import AllocationObject
from protocol.wire.allocation_id import hash_node

MASS_ADDRESSES: Final = 10
MASS_NODES_SHARE: Final = 0.25
"""What is gone on a larger scale is taken for an error of who says so."""

NODES_GONE_AT_ONCE: Final = 1
"""So many are no mass in a cluster of any size: machines are lost one by one."""

LOOK_S: Final = 60.0
"""How often the cluster is asked for nodes that are gone."""

UNREADABLE: Final = "the grid's listing is incomplete"
AWAY: Final = "the cluster's nodes are not known at the moment"
ALARM: Final = "gone_nodes_not_believed"
REMEDY: Final = "see that --node-name is the cluster's name of each; if so: cni-infoblox verify --repair --force"


class GoneNodes:
    """The nodes that exist no more. `end` ends what is left of the sessions of a node, by its name."""

    def __init__(
        self,
        parts: Parts,
        deletions: Deletions,
        source: LivenessSource,
        count_unreadable: Callable[[], int],
        end: Callable[[str], None],
    ) -> None:
        self._parts = parts
        self._deletions = deletions
        self._source = source
        self._count_unreadable = count_unreadable
        self._end = end
        self._look_s: float | None = None
        self.stopped = ""
        """Why nothing is freed, for people; empty where it may be."""

    def look(self, now_s: float) -> None:
        """Delete what nodes have left that are gone."""
        gone = self._left_by_gone_nodes(now_s)
        self.stopped = self._why_unsure(now_s) or _why_many(gone, self._source.look(now_s).nodes)
        if self.stopped and gone:
            self._parts.alarms.open(ALARM, "", REMEDY, now_s, reason=self.stopped)
            return
        self._parts.alarms.close(ALARM)
        self._free(gone, now_s)

    def force(self, now_s: float) -> str:
        """A person wants it done however much it is. Returns why it is not, empty where it is."""
        self.stopped = self._why_unsure(now_s)
        if not self.stopped:
            self._parts.alarms.close(ALARM)
            self._free(self._left_by_gone_nodes(now_s), now_s)
        return self.stopped

    def _free(self, gone: Mapping[str, list[AllocationObject]], now_s: float) -> None:
        for node, objects in sorted(gone.items()):
            self._parts.outbox.note("node_gone", node=node, allocations=len(objects))
            self._end(node)
            for seen in objects:
                self._deletions.node_gone(seen, node, now_s)

    def listed(self, now_s: float) -> None:
        """The grid was listed: from now on nodes are looked for."""
        self._look_s = now_s

    def expire(self, now_s: float) -> None:
        """Look when it is time, and withdraw what is not called yet for nodes that are not gone any more."""
        self._deletions.reconsider(lambda node: self._is_gone(node, now_s))
        if self._look_s is not None and now_s >= self._look_s:
            self._look_s = now_s + LOOK_S if self._source.look(now_s).nodes is not None else None
            self.look(now_s)

    def next_deadline_s(self) -> float | None:
        """When `expire` has something to do."""
        return self._look_s

    def _left_by_gone_nodes(self, now_s: float) -> Mapping[str, list[AllocationObject]]:
        """Objects by the node that they name."""
        nodes = self._source.look(now_s).nodes
        if nodes is None:
            return {}
        speaking = {session.owner.node for session in self._parts.sessions if not session.is_silent(now_s)}
        left: dict[str, list[AllocationObject]] = {}
        for hashed in self._parts.index.nodes() - speaking:
            objects = self._parts.index.of_node(hashed)
            proved = {name for name in {seen.node for seen in objects} if hash_node(name) == hashed}
            for node in proved:
                if self._is_absent(node, nodes, now_s):
                    left[node] = [seen for seen in objects if seen.node == node and self._may_be_freed(seen)]
        return {node: objects for node, objects in left.items() if objects}

    def _may_be_freed(self, seen: AllocationObject) -> bool:
        is_current = seen.allocation.startswith(f"{self._parts.policy.cluster_id}-")
        return is_current and seen.allocation not in self._deletions

    def _is_gone(self, node: str, now_s: float) -> bool:
        """What is asked once more when the call is about to be made."""
        picture = self._source.look(now_s)
        return picture.is_fresh and picture.nodes is not None and self._is_absent(node, picture.nodes, now_s)

    def _is_absent(self, node: str, nodes: LiveNodes, now_s: float) -> bool:
        since_s = nodes.absent_since_s(node)
        if since_s is None:
            return False
        heard_s = self._parts.sessions.node_heard_s(node)
        latest_s = since_s if heard_s is None else max(since_s, heard_s)
        return now_s - latest_s >= self._parts.policy.node_gone_after_s

    def _why_unsure(self, now_s: float) -> str:
        picture = self._source.look(now_s)
        if not picture.is_fresh:
            return AWAY
        if self._count_unreadable():
            return UNREADABLE
        return self._why_other_names(picture.nodes, now_s) if picture.nodes else ""

    def _why_other_names(self, nodes: LiveNodes, now_s: float) -> str:
        """Agents may bear other names than the cluster's list has: then every node looks gone."""
        connected = {session.node for session in self._parts.sessions if not session.is_silent(now_s)}
        if strangers := sorted(connected - nodes.present):
            return f"{strangers[0]} is connected, but not in the cluster's list of nodes: does --node-name differ?"
        if not any(hash_node(node) in self._parts.index.nodes() or node in connected for node in nodes.present):
            return "no node of the cluster's list has an address: does --node-name differ?"
        return ""


def _why_many(gone: Mapping[str, list[AllocationObject]], nodes: LiveNodes | None) -> str:
    addresses = sum(len(objects) for objects in gone.values())
    known = gone.keys() | (nodes.present if nodes else frozenset())
    are_many = len(gone) > max(NODES_GONE_AT_ONCE, MASS_NODES_SHARE * len(known))
    if are_many and addresses > MASS_ADDRESSES:
        return f"{len(gone)} of {len(known)} nodes look gone, with {addresses} addresses"
    return ""
