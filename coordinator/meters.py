"""What the coordinator counts and measures: each metric with its meaning, and what a person does about it."""

from __future__ import annotations

from typing import Final

from coordinator.core import errors
from daemon.metrics.described import (
    LOG_LINES_LOST,
    Described,
    bounded,
    counter,
    gauge,
    histogram,
    info,
    internal_errors,
)
from protocol.errors import Problem, leaves

PREFIX: Final = "cni_infoblox_coordinator_"

REASONS: Final = tuple(each.__name__ for each in leaves(Problem) if each.__module__ == errors.__name__)
"""The error classes of the coordinator, which docs/errors.md lists."""

GRID_TROUBLES: Final = (
    "AuthoritiesUnusable",
    "CertificateNotTrusted",
    "CertificateOfAnother",
    "CertificateOutOfDate",
    "GridAddressUnusable",
    "GridAnswersHtml",
    "GridForbids",
    "GridLoginRefused",
    "GridUnavailable",
    "NoWapiThere",
    "PasswordMissing",
)
"""The error classes for which the grid counts as away."""

OPEN_ALARMS: Final = (
    "another_cluster",
    "boot_not_over",
    "definitions_missing",
    "definitions_mistyped",
    "gone_nodes_not_believed",
    "two_agents",
    "two_machines",
    "wrong_cluster",
)
"""Alarms that stay open until their cause is gone."""

ALARMS: Final = (
    *OPEN_ALARMS,
    "begins_anew",
    "claim_ignored",
    "dhcp_members",
    "enrolment_postponed",
    "enrolment_refused",
    "grid_forgot",
    "grid_forgot_gateway",
    "grid_unavailable",
    "identity_not_unique",
    "key_refused",
    "label_failed",
    "leader_lost",
    "listing_refused",
    "lost",
    "more_nodes_silent",
    "network_exhausted",
    "node_goes_apart",
    "node_key_replaced",
    "node_replaced",
    "node_silent",
    "not_yours",
    "rename_failed",
    "repair_failed",
    "repair_not_allowed",
    "request_not_allowed",
    "unreadable_message",
)
"""All alarms, by their event in the log."""

BOUNDS: Final = (
    "bytes_without_key",
    "connections",
    "connections_per_address",
    "connections_per_node",
    "connections_unknown",
    "connections_without_key",
    "descriptors",
    "handshake_time",
    "kubernetes_events",
    "messages_of_unknown_keys",
    "status_requests",
    "unreadable_messages",
)
"""The limits by name, which docs/security.md lists."""

PLACES: Final = ("call", "file", "http", "key", "lease", "machine", "message", "receive", "review")
"""Where an internal error is most likely to be met; others appear with their first one."""

_SECONDS: Final = (0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 45)
_OPERATIONS: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_LOAD: Final = "Nothing: it is the load."

_COUNTERS: Final = (
    counter("allocated", "Allocations answered with an address.", _LOAD),
    counter("gone", "Allocations deleted from the grid.", f"{_LOAD} It follows `allocated` in the long run."),
    counter(
        "declined",
        "Requests for an address that were declined, by error class.",
        "`docs/errors.md` has a line for each reason, with its remedy.",
        reason=REASONS,
    ),
    counter(
        "repaired",
        "Allocations that the grid had lost and has again.",
        "Find out in the grid's audit log who deletes or edits objects, or who restored a backup.",
    ),
    counter(
        "alarms",
        "What a person should look at, by event of the log.",
        "Read the line of that event in the coordinator's log: it names the remedy.",
        event=ALARMS,
    ),
    counter(
        "wapi_calls",
        "WAPI calls, by how they ended: `lost` ones were sent, and their outcome is unknown.",
        "Where `lost` or `notsent` grow: see `grid_trouble`, and the network between coordinator and grid.",
        outcome=("answered", "lost", "notsent", "refused"),
    ),
    bounded(BOUNDS),
    internal_errors(PLACES),
    counter(
        "history_lost",
        "Changes that the history lost, by where they should have gone.",
        "See the volume of `--history-dir`, and who takes `--history-stream`. Nothing else depends on them.",
        place=("files", "stream"),
    ),
    LOG_LINES_LOST,
)

_HISTOGRAMS: Final = (
    histogram(
        "allocate_seconds",
        "From a request for an address to its answer, in seconds.",
        "Compare it with `wapi_call_seconds`: what is beyond the grid's own time was spent waiting for a turn.",
        _SECONDS,
    ),
    histogram(
        "wapi_call_seconds",
        "Duration of the WAPI calls, in seconds.",
        "Where it grows, the grid is slow: see its load, its backups and its replication.",
        _SECONDS,
    ),
    histogram("wapi_call_operations", "Operations that shared a WAPI call.", _LOAD, _OPERATIONS),
)

_GAUGES: Final = (
    gauge(
        "leading",
        "Whether this coordinator leads; 1 also where none is elected.",
        "Exactly one of a cluster's coordinators leads. Where none does, see the Lease and the API server.",
    ),
    gauge("allocations", "Objects of this cluster in the grid, as far as is known.", _LOAD),
    gauge(
        "allocations_listed",
        "Whether the grid's objects were read to the end once since this coordinator began to lead.",
        "Where it stays 0, the listing is refused or the grid is away: see `listing_refused` in the log.",
    ),
    gauge(
        "deletions_waiting",
        "Allocations that were let go and wait for the release delay, or for the grid.",
        "Where it only grows, the grid is away or refuses deletions.",
    ),
    gauge(
        "repairs_waiting",
        "Claims that the grid lacks and that wait for their repair.",
        "Where it stays above 0, read `repair_failed` and `repair_not_allowed` in the log.",
    ),
    gauge("labels_waiting", "Labels that wait for the grid.", "See `labels_oldest_seconds`."),
    gauge(
        "labels_oldest_seconds",
        "How long the oldest of these labels has waited; 0 where none does.",
        "People do not find these pods in the grid yet. The addresses are in use all the same.",
    ),
    gauge(
        "lane_waiting",
        "Tasks that wait for a WAPI call, or are in one; not deletions whose release delay is not over.",
        "Where it stays high, the grid is slow or away.",
    ),
    gauge(
        "wapi_call_operations_max",
        "Operations that a call may have by now, as the grid's times allow.",
        "Where it is far below `--wapi-batch-size`, the grid is slow.",
    ),
    gauge("nodes_connected", "Agents that are connected and were heard within half a minute.", _LOAD),
    gauge(
        "nodes_silent",
        "Agents that were connected and are silent now.",
        "`cni-infoblox status` names them. See the node, its agent, and the network between both.",
    ),
    gauge("claims", "Allocations that the agents claim.", "It follows `allocations` in the long run."),
    gauge(
        "alarms_open",
        "Alarms that are open, by kind.",
        "`cni-infoblox status` shows them with their remedies, `docs/alerts.md` explains them.",
        "kind",
        starts=OPEN_ALARMS,
    ),
    gauge(
        "grid_available",
        "Whether the last WAPI call got through.",
        "See `grid_trouble` for why it did not.",
    ),
    gauge(
        "grid_trouble",
        "Why the grid cannot be used, by error class: 1 for the reason of this moment.",
        "`docs/errors.md` has a line for each reason, with its remedy.",
        "reason",
        starts=GRID_TROUBLES,
    ),
    gauge(
        "grid_certificate_end_seconds",
        "When the grid's certificate ends, in seconds since 1970; 0 where it is not known or not verified.",
        "Renew the certificate in the grid before that.",
    ),
    gauge(
        "sweep_interval_seconds",
        "How often the grid is listed (`--sweep-interval`); 0 for never.",
        "Nothing: it is a setting.",
    ),
    gauge(
        "sweep_age_seconds",
        "Time since the last complete listing of the grid; -1 before the first.",
        "Where it exceeds the interval by far, read `listing_refused` in the log.",
    ),
    gauge(
        "sweep_stopped",
        "Whether the addresses of nodes that are gone are kept for a reason.",
        "`cni-infoblox status` names the reason; `cni-infoblox verify` shows what is kept.",
    ),
    gauge(
        "sweep_unreadable",
        "Objects of the last listing that could not be read.",
        "`cni-infoblox verify` names them. While there are any, nothing is freed of nodes that are gone.",
    ),
    gauge(
        "cluster_fresh",
        "Whether the watch of Kubernetes' nodes is up to date; 0 also where there is none.",
        "See whether the coordinator reaches the API server. Meanwhile no node counts as gone.",
    ),
    gauge("cluster_nodes", "Nodes that Kubernetes knows.", "Nothing: compare it with `nodes_connected`."),
    gauge(
        "leader",
        "When the coordinator that leads began to, by its Lease, in seconds since 1970.",
        "A value that changes often is an election that does not come to rest: see both coordinators' logs.",
        "holder",
    ),
    gauge(
        "lease_valid",
        "Whether nobody else can have begun to lead; 0 also where none is elected.",
        "See whether the coordinator reaches the API server.",
    ),
    gauge(
        "connections",
        "Connections: keyless before their handshake, unknown while their key speaks for no node, known.",
        "Many keyless or unknown ones are strangers, or nodes with wrong keys: see `key_refused` in the log.",
        "standing",
        starts=("keyless", "known", "unknown"),
    ),
)

NETWORK_GAUGES: Final = (
    gauge("network_size", "Addresses that a network can give.", "Nothing: it is its size.", "view", "subnet"),
    gauge("network_allocations", "Objects of this cluster in a network.", _LOAD, "view", "subnet"),
    gauge(
        "network_ready",
        "Of these, those that connected nodes keep ready and no pod has (the reserve).",
        "`--reserve` says how many each node keeps.",
        "view",
        "subnet",
    ),
    gauge(
        "network_ready_wanted",
        "Allocations that nodes would keep ready.",
        "Where `network_ready` stays far below it, the network is nearly full, or the grid is slow.",
        "view",
        "subnet",
    ),
    gauge(
        "network_resting",
        "Allocations on their way out of the grid: they wait out the release delay, or the grid is away.",
        "Where they are many in a small network, lower `--release-delay`.",
        "view",
        "subnet",
    ),
    gauge(
        "network_others",
        "Addresses that somebody else uses, gateways included: the grid's own count of the last sweep.",
        "See the network in the grid. The count lags some minutes, and is coarse in large networks.",
        "view",
        "subnet",
    ),
    gauge(
        "network_in_ranges",
        "Addresses in DHCP ranges, of which no pod gets one: the grid's own count of the last sweep.",
        "Remove or shrink the ranges where pods need the addresses.",
        "view",
        "subnet",
    ),
    gauge(
        "network_free",
        "Addresses that pods may still get: the size without all of the above, as far as is known.",
        "Enlarge the network before it is 0, or free addresses in it; `cni-infoblox status` has a forecast.",
        "view",
        "subnet",
    ),
    gauge(
        "network_read_age_seconds",
        "Time since the grid's own count was read; absent before the first time.",
        "Where it exceeds the interval of the sweep by far, read `utilization_not_read` in the log.",
        "view",
        "subnet",
    ),
)
"""By network; the coordinator that leads has them, for the networks of the moment."""

METERS: Final[tuple[Described, ...]] = (
    info("build", "The running release, and the cluster's name.", "Compare the releases of both daemons."),
    *_GAUGES,
    *NETWORK_GAUGES,
    *_COUNTERS,
    *_HISTOGRAMS,
)
