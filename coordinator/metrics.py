"""The coordinator's numbers for Prometheus, counted from the notes of its machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from coordinator.core.outbox import Note
from protocol.status import CoordinatorStatus, NetworkStatus, NodeStatus, SweepStatus

_SECONDS = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45)
_OPERATIONS = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters and gauges in a registry of their own."""

    def __init__(self, release: str, cluster: str) -> None:
        registry = self._registry = CollectorRegistry()
        prefix = "cni_infoblox_coordinator_"
        self._allocated = Counter(prefix + "allocated", "Allocations answered with an address", registry=registry)
        self._released = Counter(prefix + "released", "Releases carried out", registry=registry)
        self._declined = Counter(prefix + "declined", "Requests declined", ["code"], registry=registry)
        self.bounded = Counter(
            prefix + "bounded", "What a limit has kept out, by the name of the limit", ["bound"], registry=registry
        )
        self._alarms = Counter(prefix + "alarms", "What a person should look at", ["event"], registry=registry)
        self._allocate_s = Histogram(
            prefix + "allocate_seconds", "From request to answer", buckets=_SECONDS, registry=registry
        )
        self.internal_errors = Counter(
            prefix + "internal_errors", "What no code expected, by place", ["place"], registry=registry
        )
        self.log_lines_lost = Counter(
            prefix + "log_lines_lost", "Lines that standard error did not take", registry=registry
        )
        self._calls = Counter(prefix + "wapi_calls", "WAPI calls", ["outcome"], registry=registry)
        self._call_s = Histogram(prefix + "wapi_call_seconds", "Grid time", buckets=_SECONDS, registry=registry)
        self._batch = Histogram(
            prefix + "wapi_call_operations", "Operations of a call", buckets=_OPERATIONS, registry=registry
        )
        self._gauges = {
            name: Gauge(prefix + name, text, registry=registry)
            for name, text in (
                ("allocations", "Addresses held"),
                ("releases_waiting", "Releases that wait for their time, or for the grid"),
                ("lane_waiting", "Pieces of work in the lane"),
                ("wapi_call_operations_max", "Operations that a call may have by now, as the grid's times allow"),
                ("nodes_connected", "Nodes whose agent is connected, heard within half a minute"),
                ("nodes_silent", "Nodes whose agent was connected, and is silent now"),
                ("grid_available", "Whether the last WAPI call got through"),
                ("sweep_compared", "Addresses that the last sweep compared"),
                ("sweep_grid_only", "Addresses in the grid, not in the cluster"),
                ("sweep_cluster_only", "Addresses in the cluster, not in the grid"),
                ("sweep_twice", "Addresses that two attachments have"),
                ("sweep_unclaimed", "Addresses in no journal, which count as alive"),
                ("sweep_unknown", "Addresses that it could not compare: of nodes whose agent is not connected"),
                ("sweep_stopped", "Whether the last sweep could release nothing"),
                ("sweep_age_seconds", "Time since the last sweep; -1 before the first"),
            )
        }
        self._connections = Gauge(
            prefix + "connections",
            "Connections: keyless before their handshake, unknown while their key speaks for no node, known",
            ["standing"],
            registry=registry,
        )
        self._swept = Counter(prefix + "sweep_repairs", "What sweeps have done", ["outcome"], registry=registry)
        self._networks = {
            name: Gauge(prefix + f"network_{name}", text, ["view", "subnet"], registry=registry)
            for name, text in (
                ("allocations", "Addresses held, by network"),
                ("size", "Addresses that a network can give"),
                ("delayed", "Released addresses that wait for their deletion"),
                ("listed", "Addresses of pods, as the last sweep saw them in the grid"),
                ("reserved", "Other addresses of this cluster, gateways for one"),
            )
        }
        self._cluster = {
            name: Gauge(f"{prefix}cluster_{name}", text, registry=registry)
            for name, text in (
                ("fresh", "Whether the watches of Kubernetes are up to date; 0 also where there are none"),
                ("nodes", "Nodes that Kubernetes knows"),
                ("pods", "Pods that Kubernetes knows"),
            )
        }
        build = Info(prefix + "build", "The running release", registry=registry)
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
        elif note.event == "released":
            self._released.inc()
        elif note.event == "declined":
            self._declined.labels(str(fields["code"])).inc()
        elif note.event in ("sweep_released", "sweep_restored", "sweep_kept", "sweep_failed"):
            self._swept.labels(note.event.removeprefix("sweep_")).inc()
        elif note.is_alarm:
            self._alarms.labels(note.event).inc()

    def text(self, status: CoordinatorStatus, connections: Mapping[str, int]) -> bytes:
        """All of them, as Prometheus reads them, with the gauges of this moment; `connections` by standing."""
        values = {
            "allocations": status.allocations,
            "releases_waiting": status.releases_waiting,
            "lane_waiting": status.lane.waiting,
            "wapi_call_operations_max": status.lane.operations_max,
            **_node_values(status.nodes),
            "grid_available": status.grid.state == "ok",
            **_sweep_values(status.sweep),
        }
        for name, value in values.items():
            self._gauges[name].set(value)
        for name, gauge in self._networks.items():
            gauge.clear()
            for network in status.networks:
                gauge.labels(network.view, network.subnet).set(_network_values(network)[name])
        if kubernetes := status.kubernetes:
            self._cluster["fresh"].set(kubernetes.fresh)
            self._cluster["nodes"].set(kubernetes.nodes)
            self._cluster["pods"].set(kubernetes.pods)
        for standing, count in connections.items():
            self._connections.labels(standing).set(count)
        return generate_latest(self._registry)


def _node_values(nodes: Sequence[NodeStatus]) -> dict[str, float]:
    silent = sum(1 for node in nodes if node.connected_s is None)
    return {"nodes_connected": len(nodes) - silent, "nodes_silent": silent}


def _network_values(network: NetworkStatus) -> dict[str, float]:
    return {
        "allocations": network.allocations,
        "size": network.size,
        "delayed": network.delayed,
        "listed": network.listed,
        "reserved": network.reserved,
    }


def _sweep_values(sweep: SweepStatus) -> dict[str, float]:
    return {
        "sweep_compared": sweep.compared,
        "sweep_grid_only": sweep.grid_only,
        "sweep_cluster_only": sweep.cluster_only,
        "sweep_twice": sweep.twice,
        "sweep_unclaimed": sweep.unclaimed,
        "sweep_unknown": sweep.unknown,
        "sweep_stopped": bool(sweep.stopped),
        "sweep_age_seconds": -1 if sweep.looked_s_ago is None else sweep.looked_s_ago,
    }
