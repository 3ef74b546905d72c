"""Tells people what the coordinator knows at this moment, as one status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from coordinator import restart
from coordinator.allocation.deletions import Deletions
from coordinator.allocation.grants import Grants
from coordinator.allocation.labels import Labels
from coordinator.allocation.parts import Parts
from coordinator.allocation.repairs import Repairs
from coordinator.core.alarms import Alarm
from coordinator.core.recent import Event, Failure
from coordinator.lane.lane import Lane
from coordinator.nodes.sessions import Session
from coordinator.sweep.fullness import Fullness
from coordinator.sweep.gone_nodes import GoneNodes
from coordinator.sweep.sweeper import Sweeper
from protocol.wire.status import (
    AlarmStatus,
    CoordinatorStatus,
    EventStatus,
    FailureStatus,
    GridStatus,
    KubernetesStatus,
    LaneStatus,
    LeaseStatus,
    NetworkStatus,
    NodeStatus,
)

FAILURES_SHOWN_MAX: Final = 50
"""So many of the failures that are remembered stand in a status; people's commands find the others."""


@dataclass(frozen=True)
class Overview:
    """Reads the rooms, changes nothing."""

    parts: Parts
    lane: Lane
    deletions: Deletions
    grants: Grants
    labels: Labels
    repairs: Repairs
    sweeper: Sweeper
    gone_nodes: GoneNodes
    fullness: Fullness

    def status(
        self,
        why_not_leading: str | None,
        kubernetes: KubernetesStatus | None,
        lease: LeaseStatus | None,
        now_s: float,
    ) -> CoordinatorStatus:
        """All of it."""
        policy, index, recent = self.parts.policy, self.parts.index, self.parts.recent
        return CoordinatorStatus(
            cluster=policy.cluster_name,
            cluster_id=policy.cluster_id,
            release=policy.release,
            why_not_leading=why_not_leading,
            allocations=len(index),
            listed=index.is_complete,
            deletions_waiting=len(self.deletions),
            repairs_waiting=len(self.repairs),
            labels_waiting=len(self.labels),
            oldest_label_s=round(self.labels.oldest_s(now_s), 1),
            lane=LaneStatus(waiting=self.lane.waiting, operations_max=self.lane.operations_max),
            grid=self._grid(now_s),
            nodes=tuple(_node(each, now_s) for each in sorted(self.parts.sessions, key=lambda each: each.key)),
            networks=tuple(self._network(view, subnet, now_s) for view, subnet in index.networks()),
            sweep=self.sweeper.status(self.gone_nodes.stopped, now_s),
            alarms=tuple(_alarm(each, now_s) for each in self.parts.alarms),
            events=tuple(_event(each) for each in recent.events()),
            failures=tuple(_failure(each) for each in recent.failures(FAILURES_SHOWN_MAX)),
            kubernetes=kubernetes,
            lease=lease,
            restart_costs=tuple(restart.costs(self.parts, self.lane, self.deletions, now_s)),
        )

    def _grid(self, now_s: float) -> GridStatus:
        outage, form = self.lane.outage, self.lane.request.known
        return GridStatus(
            state="unavailable" if outage else "ok" if form else "not reached yet",
            reason=f"{outage.problem.msg}: {outage.problem.details}" if outage else "",
            problem=type(outage.problem).__name__ if outage else "",
            since_s=round(now_s - outage.since_s, 1) if outage else 0,
            calls=self.lane.calls,
            mode=form.name.lower() if form else "unknown",
            missing_definitions=self.parts.definitions.missing,
            call_median_s=self.lane.call_took_s(0.5),
            call_p95_s=self.lane.call_took_s(0.95),
        )

    def _network(self, view: str, subnet: str, now_s: float) -> NetworkStatus:
        ready = self.parts.sessions.ready_by_agent(view, subnet)
        use = self.fullness.of(view, subnet)
        return NetworkStatus(
            view=view,
            subnet=subnet,
            allocations=self.parts.index.count(view, subnet),
            ready=sum(ready.values()),
            ready_wanted=self.grants.wanted(view, subnet, now_s),
            resting=self.deletions.count_resting(view, subnet),
            size=use.size,
            others=use.others,
            in_ranges=use.in_ranges,
            free=use.free,
            read_s_ago=None if use.read_at_s is None else round(now_s - use.read_at_s, 1),
            days_left=None if use.days_left is None else round(use.days_left, 1),
        )


def _alarm(alarm: Alarm, now_s: float) -> AlarmStatus:
    return AlarmStatus(kind=alarm.kind, node=alarm.node, since_s=round(now_s - alarm.since_s, 1), text=alarm.text)


def _event(event: Event) -> EventStatus:
    at, alarm = _time(event.at_s), event.is_alarm
    return EventStatus(at=at, event=event.name, is_alarm=alarm, fields=event.fields, times=event.times)


def _failure(failure: Failure) -> FailureStatus:
    return FailureStatus(
        at=_time(failure.at_s),
        first_at=_time(failure.first_at_s),
        times=failure.times,
        pod=failure.pod,
        node=failure.node,
        network=failure.network,
        code=failure.code,
        error=failure.error,
        reason=failure.reason,
        remedy=failure.remedy,
        request=failure.request,
    )


def _time(at_s: float) -> str:
    return datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _node(session: Session, now_s: float) -> NodeStatus:
    ready = sum(claim.is_ready for claim in session.claims.values())
    return NodeStatus(
        node=session.node,
        driver=session.driver,
        boot=session.owner.boot,
        release=session.release,
        connected_s=None if session.is_silent(now_s) else round(now_s - session.since_s, 1),
        heard_s_ago=round(now_s - session.heard_at_s, 1),
        held=len(session.claims) - ready,
        ready=ready,
    )
