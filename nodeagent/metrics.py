"""The agent's numbers for Prometheus."""

from __future__ import annotations

from typing import Final

from daemon.metrics.described import (
    LOG_LINES_LOST,
    Described,
    Kind,
    bounded,
    counter,
    gauge,
    histogram,
    info,
    internal_errors,
)
from daemon.metrics.registry import MetricRegistry
from protocol.wire.status import AgentStatus

PREFIX: Final = "cni_infoblox_agent_"

BOUNDS: Final = ("descriptors", "status_requests")
"""The limits by name, which docs/security.md lists."""

PLACES: Final = ("machine", "plugin's connection", "server", "session", "status")
"""Where an internal error is most likely to be met; others appear with their first one."""

LET_GO_REASONS: Final = (
    "another_namespace",
    "answer_unread",
    "deleted_before",
    "gc",
    "lost",
    "namespace_gone",
    "sandbox_recreated",
    "surplus",
)
STATES: Final = ("adopted", "asked", "held", "let_go", "lost", "ready")

_ANSWERS: Final = {
    "ADD": ("0", "7", "11"),
    "CHECK": ("0", "11", "121", "122"),
    "DEL": ("0", "11"),
    "GC": ("0", "11"),
    "STATUS": ("0", "50"),
}
_REQUESTS: Final = tuple((verb, code) for verb, codes in _ANSWERS.items() for code in codes)
_BUCKETS_S: Final = (0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 60)
_LOAD: Final = "Nothing: it is the load."

METERS: Final[tuple[Described, ...]] = (
    info("build", "The running release, and the node's name.", "Compare the releases of both daemons."),
    Described(
        Kind.COUNTER,
        "requests",
        "Requests of the plugin, by verb and CNI code; 0 is success.",
        "`docs/errors.md` has the codes. 11 heals by itself, or may; see the agent's log for whose pod it was.",
        ("verb", "code"),
        _REQUESTS,
    ),
    histogram(
        "request_seconds",
        "From the arrival of a request to its answer, in seconds.",
        "Slow ADDs wait for the coordinator or the grid: compare them with `allocate_seconds` of the coordinator.",
        _BUCKETS_S,
        "verb",
    ),
    counter(
        "let_go_without_del",
        "Allocations that were let go although no DEL came, by reason.",
        "Nothing: that is how nothing leaks. Many of one reason say that the runtime does not call DEL.",
        why=LET_GO_REASONS,
    ),
    internal_errors(PLACES),
    LOG_LINES_LOST,
    bounded(BOUNDS),
    gauge(
        "namespaces",
        "Network namespaces of attachments, by what was seen of them at the last look.",
        "Where many are `unknown`, the agent does not see the runtime's namespaces: see its mounts.",
        "sight",
    ),
    gauge(
        "pending_files",
        "Deletes that the plugin wrote down while no agent answered.",
        "See `pending_oldest_seconds`.",
    ),
    gauge(
        "pending_oldest_seconds",
        "How long the oldest of these files has waited; 0 where there is none.",
        "See the agent's log: it cannot carry these deletes out, so their addresses stay taken.",
    ),
    gauge(
        "coordinator_silent_seconds",
        "Time since the coordinator was last heard; -1 before the first time.",
        "See `coordinator_connected`.",
    ),
    gauge(
        "coordinator_connected",
        "Whether requests can be sent to the coordinator.",
        "`cni-infoblox status` says why not. Meanwhile the node gives what it keeps ready.",
    ),
    gauge(
        "journal_damaged",
        "Whether a damaged journal is kept, which somebody should look at and remove.",
        "`cni-infoblox status` names the file. Keep a copy for a report, then remove it.",
    ),
    gauge(
        "journal_writable",
        "Whether the last change could be written to the journal.",
        "See whether the disk or tmpfs of `--run-dir` is full. Meanwhile no ADD or DEL succeeds.",
    ),
    gauge(
        "allocations",
        "Allocations of this node, by state.",
        "`lost` ones are addresses that somebody else has by now: recreate these pods.",
        "state",
        starts=STATES,
    ),
    gauge(
        "let_go_oldest_seconds",
        "How long the oldest allocation that was let go has waited to be gone from the grid; 0 where none does.",
        "See whether the grid and the coordinator are up: until then the address is taken.",
    ),
    gauge(
        "labels_unconfirmed",
        "Labels that the grid is not known to show yet.",
        "Nothing, unless it grows: see `labels_oldest_seconds` of the coordinator.",
    ),
    gauge("reserve_wanted", "Allocations that shall be ready, of all networks.", "Compare it with those `ready`."),
)


class Metrics:
    """Counters and gauges in a registry of their own."""

    def __init__(self, release: str, node: str) -> None:
        registry = self._registry = MetricRegistry(PREFIX, METERS)
        self.requests = registry.counter("requests")
        self.request_seconds = registry.histogram("request_seconds")
        self.let_go_without_del = registry.counter("let_go_without_del")
        self.internal_errors = registry.counter("internal_errors")
        self.log_lines_lost = registry.counter("log_lines_lost")
        self.bounded = registry.counter("bounded")
        registry.tell("build", {"release": release, "node": node})

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return self._registry.text()

    def show(self, status: AgentStatus) -> None:
        """Take over what the status says."""
        for state, count in status.allocations.model_dump().items():
            self._registry.gauge("allocations").labels(state).set(count)
        for sight, count in status.namespaces.items():
            self._registry.gauge("namespaces").labels(sight).set(count)
        for name, value in _values(status).items():
            self._registry.gauge(name).set(value)


def _values(status: AgentStatus) -> dict[str, float]:
    return {
        "pending_files": status.pending_files,
        "pending_oldest_seconds": status.oldest_pending_s,
        "let_go_oldest_seconds": status.oldest_let_go_s,
        "labels_unconfirmed": status.unlabelled,
        "reserve_wanted": sum(each.wanted for each in status.reserve),
        "coordinator_silent_seconds": -1 if status.heard_s_ago is None else status.heard_s_ago,
        "coordinator_connected": status.connected,
        "journal_damaged": status.damaged_journal is not None,
        "journal_writable": status.journal_trouble is None,
    }
