"""Tells people what the coordinator's machines know, as one status."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from ipaddress import IPv4Network

from coordinator.allocations import Record
from coordinator.assignment import Policy
from coordinator.lane.lane import Lane
from coordinator.registrar import Registrar
from coordinator.sessions import Session, Sessions
from coordinator.sweeper import Sweeper
from protocol.status import (
    CoordinatorStatus,
    GridStatus,
    KubernetesStatus,
    LaneStatus,
    NetworkStatus,
    NodeStatus,
)


@dataclass(frozen=True)
class Reporter:
    """Reads the machines, changes nothing."""

    release: str
    policy: Policy
    lane: Lane
    registrar: Registrar
    sessions: Sessions
    sweeper: Sweeper

    def status(
        self, missing_definitions: tuple[str, ...], kubernetes: KubernetesStatus | None, now_s: float
    ) -> CoordinatorStatus:
        """All of it, at this moment."""
        records = list(self.registrar.allocations)
        return CoordinatorStatus(
            cluster=self.policy.owner.cluster_name,
            release=self.release,
            allocations=len(records),
            listed=self.registrar.is_listed,
            releases_waiting=sum(1 for record in records if record.removal),
            lane=LaneStatus(waiting=self.lane.waiting, operations_max=self.lane.operations_max),
            grid=self._grid(missing_definitions, now_s),
            nodes=self._nodes(records, now_s),
            networks=self._networks(records),
            sweep=self.sweeper.status(now_s),
            kubernetes=kubernetes,
        )

    def _grid(self, missing_definitions: tuple[str, ...], now_s: float) -> GridStatus:
        outage, form = self.lane.outage, self.lane.form
        return GridStatus(
            state="unavailable" if outage else "ok" if form else "not reached yet",
            reason=f"{outage.problem.msg}: {outage.problem.details}" if outage else "",
            since_s=round(now_s - outage.since_s, 1) if outage else 0,
            calls=self.lane.calls,
            mode=form.name.lower() if form else "unknown",
            missing_definitions=missing_definitions,
        )

    def _nodes(self, records: list[Record], now_s: float) -> tuple[NodeStatus, ...]:
        held = Counter(record.identity.node for record in records if record.holding)
        return tuple(
            NodeStatus(
                node=node,
                release=session.release,
                connected_s=_connected_s(session, now_s),
                heard_s_ago=round(now_s - session.heard_at_s, 1),
                attachments=held[node],
            )
            for node, session in sorted(self.sessions.all().items())
        )

    def _networks(self, records: list[Record]) -> tuple[NetworkStatus, ...]:
        held = [record for record in records if record.holding]
        places = [(record.holding.view, record.holding.subnet) for record in held if record.holding]
        delayed = Counter(place for place, record in zip(places, held, strict=True) if record.removal)
        return tuple(
            self._network(view, subnet, count, delayed[view, subnet])
            for (view, subnet), count in sorted(Counter(places).items())
        )

    def _network(self, view: str, subnet: str, allocations: int, delayed: int) -> NetworkStatus:
        use = self.sweeper.usage(view, subnet)
        return NetworkStatus(
            view=view,
            subnet=subnet,
            allocations=allocations,
            delayed=delayed,
            size=max(1, IPv4Network(subnet).num_addresses - 2),
            listed=use.pods,
            reserved=use.others,
        )


def _connected_s(session: Session, now_s: float) -> float | None:
    return round(now_s - session.since_s, 1) if session.speaks(now_s) else None
