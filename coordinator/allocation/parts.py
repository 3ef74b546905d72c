"""What every machine of this room works with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from coordinator.allocation.creations import Creations
from coordinator.allocation.index import Index
from coordinator.allocation.seal import Sealer
from coordinator.core.alarms import Alarms
from coordinator.core.outbox import Outbox
from coordinator.core.policy import Policy
from coordinator.core.recent import Recent
from coordinator.grid.allocation_object import pod_in_words
from coordinator.grid.writer import Writer
from coordinator.lane.runner import Runner
from coordinator.nodes.sessions import Claim, Sessions
from coordinator.provision.definitions import Definitions
from coordinator.provision.readiness import Networks
from coordinator.tasks.references import References
from protocol.wire.values import ClaimRow


@dataclass(frozen=True)
class Parts:
    """State has one owner each: the index knows the grid, the sessions know the journals."""

    policy: Policy
    writer: Writer
    references: References
    sealer: Sealer
    index: Index
    creations: Creations
    sessions: Sessions
    networks: Networks
    definitions: Definitions
    runner: Runner
    outbox: Outbox
    alarms: Alarms
    recent: Recent

    def facts_of(self, node: str, claim: Claim | ClaimRow, request: str = "") -> dict[str, Any]:
        """What a line of the log says of a claim; `request` is the one that led to the line, where one did."""
        known = self.index.get(claim.allocation)
        return {
            "allocation": claim.allocation,
            "address": claim.address,
            "network": claim.subnet,
            "node": node,
            "pod": pod_in_words(known.label) if known else "",
            "request": request,
        }
