"""The agent's numbers for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

from protocol.wire.status import AgentStatus

_BUCKETS_S = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)


class Metrics:
    """Counters and gauges in a registry of their own."""

    def __init__(self, release: str, node: str) -> None:
        self._registry = CollectorRegistry()
        self._count_events()
        self._gauge_state()
        build = Info("cni_infoblox_agent_build", "The running release", registry=self._registry)
        build.info({"release": release, "node": node})

    def _count_events(self) -> None:
        self.requests = Counter(
            "cni_infoblox_agent_requests",
            "Requests of the plugin by verb and CNI code (0 is success)",
            ["verb", "code"],
            registry=self._registry,
        )
        self.request_seconds = Histogram(
            "cni_infoblox_agent_request_seconds",
            "From the arrival of a request to its answer",
            ["verb"],
            buckets=_BUCKETS_S,
            registry=self._registry,
        )
        self.let_go_without_del = Counter(
            "cni_infoblox_agent_let_go_without_del",
            "Allocations that were let go although no DEL came, by reason",
            ["why"],
            registry=self._registry,
        )
        self.internal_errors = Counter(
            "cni_infoblox_agent_internal_errors",
            "What no code expected, by place",
            ["place"],
            registry=self._registry,
        )
        self.log_lines_lost = Counter(
            "cni_infoblox_agent_log_lines_lost",
            "Lines that standard error did not take",
            registry=self._registry,
        )
        self.bounded = Counter(
            "cni_infoblox_agent_bounded",
            "What a limit has kept out, by the name of the limit",
            ["bound"],
            registry=self._registry,
        )

    def _gauge_state(self) -> None:
        self.namespaces = Gauge(
            "cni_infoblox_agent_namespaces",
            "Network namespaces of attachments by what was seen of them at the last look",
            ["sight"],
            registry=self._registry,
        )
        self.pending_files = Gauge(
            "cni_infoblox_agent_pending_files", "Deletes kept by the plugin", registry=self._registry
        )
        self.silent_seconds = Gauge(
            "cni_infoblox_agent_coordinator_silent_seconds",
            "Since the coordinator was last heard; -1 before the first time",
            registry=self._registry,
        )
        self.connected = Gauge(
            "cni_infoblox_agent_coordinator_connected",
            "Whether requests can be sent to the coordinator",
            registry=self._registry,
        )
        self.journal_damaged = Gauge(
            "cni_infoblox_agent_journal_damaged",
            "Whether a damaged journal is kept, which somebody should look at and remove",
            registry=self._registry,
        )
        self.allocations = Gauge(
            "cni_infoblox_agent_allocations", "Allocations by state", ["state"], registry=self._registry
        )
        self.reserve_wanted = Gauge(
            "cni_infoblox_agent_reserve_wanted",
            "Allocations that shall be ready, of all networks",
            registry=self._registry,
        )
        self.journal_writable = Gauge(
            "cni_infoblox_agent_journal_writable",
            "Whether the last change could be written to the journal",
            registry=self._registry,
        )

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)

    def show(self, status: AgentStatus) -> None:
        """Take over what the status says."""
        for state, count in status.allocations.model_dump().items():
            self.allocations.labels(state).set(count)
        for sight, count in status.namespaces.items():
            self.namespaces.labels(sight).set(count)
        self.reserve_wanted.set(sum(each.wanted for each in status.reserve))
        self.pending_files.set(status.pending_files)
        self.silent_seconds.set(-1 if status.heard_s_ago is None else status.heard_s_ago)
        self.connected.set(int(status.connected))
        self.journal_damaged.set(int(status.damaged_journal is not None))
        self.journal_writable.set(int(status.journal_trouble is None))
