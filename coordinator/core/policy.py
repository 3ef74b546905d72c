"""How this coordinator was configured, as far as decisions depend on it."""

from __future__ import annotations

from dataclasses import dataclass, field

from coordinator.core.attributes import AttributeNames
from coordinator.core.networks import NetworkRules


@dataclass(frozen=True)
class Policy:
    """`user` is the WAPI user, for messages to people; `former` are cluster ids that this cluster had before.

    `reserve` is how many ready allocations each network shall have on a node; `allocations_max` bounds the claims
    of a node's agent, and twice that the node's objects in the grid (`allocation/creations.py`).
    `may_create_networks` says whether networks and views that are missing are made.
    """

    cluster_id: str
    cluster_name: str
    user: str
    rules: NetworkRules
    may_create_networks: bool = True
    former: tuple[str, ...] = ()
    reserve: int = 2
    allocations_max: int = 1_024
    release_delay_s: float = 30.0
    lookup_ttl_s: float = 300.0
    node_gone_after_s: float = 600.0
    """So long must the cluster have said that a node does not exist before what it has left is deleted."""

    release: str = ""
    names: AttributeNames = field(default_factory=AttributeNames)
    several: bool = False
    """Whether other coordinators serve nodes of this cluster at the same time: nobody hears all of them."""

    reservations_only: bool = False
    """Whether objects bear no MAC, so that the grid's DHCP has nothing to learn."""

    has_one_leader: bool = True
    """Whether a Lease, or who runs it, sees to it that no other coordinator of this cluster writes meanwhile."""

    is_elected: bool = False
    """Whether it leads only when it is told so."""

    @property
    def may_call_singly(self) -> bool:
        """Whether it may serve a grid whose user may not use `request`, so that writes go to references."""
        return self.has_one_leader and not self.several

    @property
    def cluster_ids(self) -> frozenset[str]:
        """The ids that objects of this cluster may bear."""
        return frozenset((self.cluster_id, *self.former))
