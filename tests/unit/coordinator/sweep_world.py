"""A coordinator that sweeps every ten minutes, in a cluster whose nodes and pods a test decides upon."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from desk_world import DeskWorld, Setup

from coordinator.cluster.liveness import Liveness, LiveNodes, LivePods
from coordinator.comparison import SweepRules
from coordinator.events import OperatorAsked
from coordinator.grid.operations import ReadPage
from coordinator.sweeper import Sweeping
from protocol.operator import (
    Difference,
    DifferenceKind,
    Explain,
    Explained,
    OperatorRequest,
    Repair,
    Verified,
    Verify,
)

INTERVAL_S = 600.0
RULES = SweepRules(INTERVAL_S, apart_s=300.0, node_gone_s=600.0)
BOOT = "boot-n1"


@dataclass
class FakeCluster:
    """What the source of liveness says."""

    is_fresh: bool = True
    nodes: set[str] | None = None
    gone_since_s: dict[str, float] = field(default_factory=dict)
    complete_since_s: float = 0.0
    pods: dict[str, str] | None = None

    def look(self, now_s: float) -> Liveness:
        nodes = self.nodes
        live = None if nodes is None else LiveNodes(frozenset(nodes), self.complete_since_s, self.gone_since_s)
        pods = None if self.pods is None else LivePods(frozenset(self.pods), frozenset(self.pods.values()))
        return Liveness(self.is_fresh, live, pods)


class SweepWorld(DeskWorld):
    """Nodes, a grid, a source of liveness, a person with commands."""

    def __init__(self, cluster: str = "blue", page_objects: int | None = None) -> None:
        self.live = FakeCluster()
        super().__init__(Setup(cluster=cluster, release_delay_s=0, sweeping=Sweeping(RULES, self.live)))
        self._tickets = 0

    def orphan(self, address: str, container: str, node: str = "n1", comment: str = "boot earlier") -> None:
        self.plant(address, container, node, comment=comment)

    def keep_alive(self, *nodes: str) -> None:
        """The agents of these nodes ping, so that their connections live."""
        for node in nodes:
            holdings = [
                self.holding(record.identity.container_id, record.holding.address, record.seq or 1)
                for record in self.desk._registrar.allocations
                if record.holding and record.identity.node == node and record.named_by
            ]
            self.connect(node, holdings)

    def sweep(self, *nodes: str, after_s: float = INTERVAL_S) -> None:
        """Let the time of one sweep pass; the agents of `nodes` are connected when it looks."""
        self.advance(after_s - 10)
        self.keep_alive(*(nodes or ("n1",)))
        self.advance(10)

    def command(self, request: OperatorRequest) -> list[Any]:
        self._tickets += 1
        self.handle([OperatorAsked(self._tickets, request, self.now_s)])
        self.settle()
        return [each.message for each in self.told if each.ticket == self._tickets]

    def verify(self, repair: Repair = Repair.NOTHING) -> Verified:
        (answer,) = self.command(Verify(id="verify", repair=repair))
        assert isinstance(answer, Verified), answer
        return answer

    def differences(self, kind: DifferenceKind, repair: Repair = Repair.NOTHING) -> list[Difference]:
        return [each for each in self.verify(repair).differences if each.kind is kind]

    def explain(self, what: str) -> str:
        (answer,) = self.command(Explain(id="explain", what=what))
        assert isinstance(answer, Explained), answer
        return "\n".join(line for story in answer.stories for line in (story.title, *story.lines))

    def listings(self) -> int:
        return sum(1 for call in self.calls if isinstance(call.operations[0], ReadPage))
