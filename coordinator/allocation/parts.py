"""What every machine of this room works with."""

from __future__ import annotations

from dataclasses import dataclass

from coordinator.allocation.creations import Creations
from coordinator.allocation.index import Index
from coordinator.allocation.seal import Sealer
from coordinator.core.alarms import Alarms
from coordinator.core.outbox import Outbox
from coordinator.core.policy import Policy
from coordinator.grid.allocation_object import Writer
from coordinator.lane.runner import Runner
from coordinator.nodes.sessions import Sessions
from coordinator.provision.definitions import Definitions
from coordinator.provision.readiness import Networks
from coordinator.tasks.references import References


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
