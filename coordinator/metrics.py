"""The coordinator's numbers for Prometheus, counted from notes and read from its status."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from coordinator.core.outbox import Note
from protocol.wire.status import CoordinatorStatus, NetworkStatus

PREFIX: Final = "cni_infoblox_coordinator_"
_SECONDS: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45)
_OPERATIONS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)

_GAUGES: Final = {
    "leading": "Whether this coordinator leads; 1 also where none is elected",
    "allocations": "Objects of this cluster in the grid, as far as is known",
    "allocations_listed": "Whether the grid's objects were read to the end once since the start",
    "deletions_waiting": "Allocations that were let go and wait for their time, or for the grid",
    "repairs_waiting": "Claims that the grid lacks and that wait for their repair",
    "lane_waiting": "Tasks in the lane",
    "wapi_call_operations_max": "Operations that a call may have by now, as the grid's times allow",
    "nodes_connected": "Agents that are connected, heard within half a minute",
    "nodes_silent": "Agents that were connected, and are silent now",
    "claims": "Allocations that the agents claim",
    "alarms_open": "What a person should look at and is not over",
    "grid_available": "Whether the last WAPI call got through",
    "sweep_age_seconds": "Time since the last complete listing of the grid; -1 before the first",
    "sweep_stopped": "Whether the addresses of nodes that are gone are kept for a reason",
    "sweep_unreadable": "Objects of the last listing that could not be read",
}
_NETWORK_GAUGES: Final = {
    "allocations": "Objects of this cluster, by network",
    "ready": "Allocations that connected nodes keep ready, by network",
    "ready_wanted": "Allocations that nodes would keep ready, by network",
    "resting": "Allocations on their way out of the grid, by network",
    "size": "Addresses that a network can give",
}


class Metrics:
    """Counters and gauges in a registry of their own. Any thread may use them."""

    def __init__(self, release: str, cluster: str) -> None:
        registry = self._registry = CollectorRegistry()

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(PREFIX + name, text, labels, registry=registry)

        self._allocated = counter("allocated", "Allocations answered with an address")
        self._gone = counter("gone", "Allocations deleted")
        self._declined = counter("declined", "Requests declined", "code")
        self._repaired = counter("repaired", "Allocations that the grid had lost and has again")
        self._alarms = counter("alarms", "What a person should look at", "event")
        self._calls = counter("wapi_calls", "WAPI calls", "outcome")
        self.bounded = counter("bounded", "What a limit has kept out, by the name of the limit", "bound")
        self.internal_errors = counter("internal_errors", "What no code expected, by place", "place")
        self.history_lost = counter("history_lost", "Changes that the history lost, by where they went", "place")
        self.log_lines_lost = counter("log_lines_lost", "Lines that standard error did not take")
        self._allocate_s = Histogram(
            PREFIX + "allocate_seconds", "From request to answer", buckets=_SECONDS, registry=registry
        )
        self._call_s = Histogram(PREFIX + "wapi_call_seconds", "Grid time", buckets=_SECONDS, registry=registry)
        self._batch = Histogram(
            PREFIX + "wapi_call_operations", "Operations of a call", buckets=_OPERATIONS, registry=registry
        )

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(PREFIX + name, text, labels, registry=registry)

        self._gauges = {name: gauge(name, text) for name, text in _GAUGES.items()}
        self._networks = {
            name: gauge(f"network_{name}", text, "view", "subnet") for name, text in _NETWORK_GAUGES.items()
        }
        self._fresh = gauge("cluster_fresh", "Whether the watch of Kubernetes is up to date; 0 also where none is")
        self._leader = gauge(
            "leader", "When the coordinator that leads began to, by its Lease, in seconds since 1970", "holder"
        )
        self._lease_valid = gauge(
            "lease_valid", "Whether nobody else can have begun to lead; 0 also where none is elected"
        )
        self._nodes = gauge("cluster_nodes", "Nodes that Kubernetes knows")
        self._connections = gauge(
            "connections",
            "Connections: keyless before their handshake, unknown while their key speaks for no node, known",
            "standing",
        )
        build = Info(PREFIX + "build", "The running release", registry=registry)
        build.info({"release": release, "cluster": cluster})

    def count(self, note: Note) -> None:
        """Count what a machine noted."""
        fields = note.fields
        if note.event == "wapi_call":
            self._calls.labels(fields["outcome"]).inc()
            self._call_s.observe(fields["took_ms"] / 1000)
            self._batch.observe(fields["operations"])
        elif note.event == "allocated":
            self._allocated.inc()
            self._allocate_s.observe(fields["took_ms"] / 1000)
        elif note.event == "gone":
            self._gone.inc()
        elif note.event == "repaired":
            self._repaired.inc()
        elif note.event == "declined":
            self._declined.labels(str(fields["code"])).inc()
        elif note.is_alarm:
            self._alarms.labels(note.event).inc()

    def text(self, status: CoordinatorStatus, connections: Mapping[str, int]) -> bytes:
        """All of them, as Prometheus reads them, with the gauges of this moment; `connections` by standing."""
        for name, value in _values(status).items():
            self._gauges[name].set(value)
        for name, gauge in self._networks.items():
            gauge.clear()
            for network in status.networks:
                gauge.labels(network.view, network.subnet).set(_network_values(network)[name])
        if kubernetes := status.kubernetes:
            self._fresh.set(kubernetes.fresh)
            self._nodes.set(kubernetes.nodes)
        self._leader.clear()
        if lease := status.lease:
            self._lease_valid.set(lease.valid)
            if lease.holder:
                self._leader.labels(lease.holder).set(_seconds(lease.since))
        for standing, count in connections.items():
            self._connections.labels(standing).set(count)
        return generate_latest(self._registry)


def _values(status: CoordinatorStatus) -> dict[str, float]:
    silent = sum(1 for node in status.nodes if node.connected_s is None)
    age_s = status.sweep.listed_s_ago
    return {
        "leading": status.why_not_leading is None,
        "allocations": status.allocations,
        "allocations_listed": status.listed,
        "deletions_waiting": status.deletions_waiting,
        "repairs_waiting": status.repairs_waiting,
        "lane_waiting": status.lane.waiting,
        "wapi_call_operations_max": status.lane.operations_max,
        "nodes_connected": len(status.nodes) - silent,
        "nodes_silent": silent,
        "claims": sum(node.held + node.ready for node in status.nodes),
        "alarms_open": len(status.alarms),
        "grid_available": status.grid.state == "ok",
        "sweep_age_seconds": -1 if age_s is None else age_s,
        "sweep_stopped": bool(status.sweep.stopped),
        "sweep_unreadable": status.sweep.unreadable,
    }


def _network_values(network: NetworkStatus) -> dict[str, float]:
    return {
        "allocations": network.allocations,
        "ready": network.ready,
        "ready_wanted": network.ready_wanted,
        "resting": network.resting,
        "size": network.size,
    }


def _seconds(stamp: str) -> float:
    """A time of day of Kubernetes, which whoever may write the Lease may have written otherwise."""
    try:
        return datetime.fromisoformat(stamp).timestamp()
    except (ValueError, OverflowError, OSError):
        return 0.0
