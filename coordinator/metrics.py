"""The coordinator's numbers for Prometheus, counted from notes and read from its status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Final

from coordinator.core.outbox import Note
from coordinator.meters import GRID_TROUBLES, METERS, NETWORK_GAUGES, OPEN_ALARMS, PREFIX
from daemon.metrics.registry import MetricRegistry
from protocol.wire.status import CoordinatorStatus, NetworkStatus

_COUNTED_NOTES: Final = ("allocated", "gone", "repaired")


class Metrics:
    """Counters and gauges in a registry of their own. Any thread may use them."""

    def __init__(self, release: str, cluster: str) -> None:
        self._registry = MetricRegistry(PREFIX, METERS)
        self.bounded = self._registry.counter("bounded")
        self.internal_errors = self._registry.counter("internal_errors")
        self.history_lost = self._registry.counter("history_lost")
        self.log_lines_lost = self._registry.counter("log_lines_lost")
        self._registry.tell("build", {"release": release, "cluster": cluster})

    def count(self, note: Note) -> None:
        """Count what a machine noted."""
        registry, fields = self._registry, note.fields
        if note.event in _COUNTED_NOTES:
            registry.counter(note.event).inc()
        if note.event == "wapi_call":
            registry.counter("wapi_calls").labels(fields["outcome"]).inc()
            registry.histogram("wapi_call_seconds").observe(fields["took_ms"] / 1000)
            registry.histogram("wapi_call_operations").observe(fields["operations"])
        elif note.event == "allocated":
            registry.histogram("allocate_seconds").observe(fields["took_ms"] / 1000)
        elif note.event == "declined":
            registry.counter("declined").labels(fields["error"]).inc()
        elif note.is_alarm:
            registry.counter("alarms").labels(note.event).inc()

    def text(self, status: CoordinatorStatus, connections: Mapping[str, int]) -> bytes:
        """All of them, as Prometheus reads them, with the gauges of this moment; `connections` by standing."""
        for name, value in _values(status).items():
            self._registry.gauge(name).set(value)
        self._show_by_label("alarms_open", OPEN_ALARMS, Counter(alarm.kind for alarm in status.alarms))
        self._show_by_label("grid_trouble", GRID_TROUBLES, Counter(filter(None, [status.grid.problem])))
        self._show_by_label("connections", connections, connections)
        self._show_networks(status)
        self._show_kubernetes(status)
        return self._registry.text()

    def _show_by_label(self, name: str, known: Iterable[str], values: Mapping[str, int]) -> None:
        gauge = self._registry.gauge(name)
        for label in {*known, *values}:
            gauge.labels(label).set(values.get(label, 0))

    def _show_networks(self, status: CoordinatorStatus) -> None:
        for each in NETWORK_GAUGES:
            self._registry.gauge(each.name).clear()
        for network in status.networks if status.why_not_leading is None else ():
            for name, value in _network_values(network).items():
                if value is not None:
                    self._registry.gauge(name).labels(network.view, network.subnet).set(value)

    def _show_kubernetes(self, status: CoordinatorStatus) -> None:
        if kubernetes := status.kubernetes:
            self._registry.gauge("cluster_fresh").set(kubernetes.fresh)
            self._registry.gauge("cluster_nodes").set(kubernetes.nodes)
        leader = self._registry.gauge("leader")
        leader.clear()
        if lease := status.lease:
            self._registry.gauge("lease_valid").set(lease.valid)
            if lease.holder:
                leader.labels(lease.holder).set(_seconds(lease.since))


def _values(status: CoordinatorStatus) -> dict[str, float]:
    silent = sum(1 for node in status.nodes if node.connected_s is None)
    age_s = status.sweep.listed_s_ago
    return {
        "leading": status.why_not_leading is None,
        "allocations": status.allocations,
        "allocations_listed": status.listed,
        "deletions_waiting": status.deletions_waiting,
        "repairs_waiting": status.repairs_waiting,
        "labels_waiting": status.labels_waiting,
        "labels_oldest_seconds": status.oldest_label_s,
        "lane_waiting": status.lane.waiting,
        "wapi_call_operations_max": status.lane.operations_max,
        "nodes_connected": len(status.nodes) - silent,
        "nodes_silent": silent,
        "claims": sum(node.held + node.ready for node in status.nodes),
        "grid_available": status.grid.state == "ok",
        "grid_certificate_end_seconds": _seconds(status.grid.certificate_ends),
        "sweep_interval_seconds": status.sweep.interval_s,
        "sweep_age_seconds": -1 if age_s is None else age_s,
        "sweep_stopped": bool(status.sweep.stopped),
        "sweep_unreadable": status.sweep.unreadable,
    }


def _network_values(network: NetworkStatus) -> dict[str, float | None]:
    return {
        "network_size": network.size,
        "network_allocations": network.allocations,
        "network_ready": network.ready,
        "network_ready_wanted": network.ready_wanted,
        "network_resting": network.resting,
        "network_others": network.others,
        "network_in_ranges": network.in_ranges,
        "network_free": network.free,
        "network_read_age_seconds": network.read_s_ago,
    }


def _seconds(stamp: str) -> float:
    """A time of day that another program has written; 0 where it is none."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
