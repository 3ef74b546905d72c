"""Describes metrics: from one description come the metric in the registry and its row in docs/metrics.md."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Kind(StrEnum):
    """The types of Prometheus that are used here."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"
    INFO = "info"


SUFFIXES: Final = {Kind.COUNTER: "_total", Kind.INFO: "_info"}
"""What is added to a name where Prometheus reads it."""


@dataclass(frozen=True)
class Described:
    """One metric. `name` lacks the daemon's prefix, `remedy` is what a person does about it.

    `starts` are the values of its labels that exist from the start, at 0: Prometheus sees no increase of a counter
    that appears with its first event.
    """

    kind: Kind
    name: str
    means: str
    remedy: str
    labels: tuple[str, ...] = ()
    starts: tuple[tuple[str, ...], ...] = ()
    buckets: tuple[float, ...] = ()

    @property
    def shown_name(self) -> str:
        """The name without the prefix, as Prometheus reads it."""
        return self.name + SUFFIXES.get(self.kind, "")


def counter(name: str, means: str, remedy: str, **starts: Iterable[str]) -> Described:
    """A counter, by at most one label: `label=(values that are there from the start)`."""
    values = tuple((value,) for each in starts.values() for value in each)
    return Described(Kind.COUNTER, name, means, remedy, tuple(starts), values)


def gauge(name: str, means: str, remedy: str, *labels: str, starts: Iterable[str] = ()) -> Described:
    """A gauge; `starts` are the first values of its only label."""
    return Described(Kind.GAUGE, name, means, remedy, labels, tuple((value,) for value in starts))


def histogram(name: str, means: str, remedy: str, buckets: tuple[float, ...], *labels: str) -> Described:
    """A histogram with these upper bounds."""
    return Described(Kind.HISTOGRAM, name, means, remedy, labels, (), buckets)


def info(name: str, means: str, remedy: str) -> Described:
    """Facts about the process, as labels of a metric that is always 1."""
    return Described(Kind.INFO, name, means, remedy)


def internal_errors(places: Iterable[str]) -> Described:
    """The counter of what a border caught; `places` are the borders of this daemon."""
    return counter(
        "internal_errors",
        "What no code expected, by place.",
        "Report it with the line `internal_error` of the log: it is a defect of cni-infoblox.",
        place=places,
    )


def bounded(bounds: Iterable[str]) -> Described:
    """The counter of what limits kept out; `bounds` are the limits of this daemon."""
    return counter(
        "bounded",
        "What a limit has kept out, by the name of the limit.",
        "`docs/security.md` lists the limits; the log line `bound_reached` says who ran into one.",
        bound=bounds,
    )


LOG_LINES_LOST: Final = counter(
    "log_lines_lost",
    "Log lines that standard error did not take.",
    "See whether the runtime's log is on a full disk, or its reader is stuck.",
)

PROCESS: Final = (
    counter("process_cpu_seconds", "CPU time of the process.", "Compare it with the limit of the container."),
    gauge(
        "process_resident_memory_bytes",
        "Memory of the process that is in RAM.",
        "Compare it with the limit of the container; `k8s/README.md` says how it grows with the cluster.",
    ),
    gauge("process_virtual_memory_bytes", "Address space of the process.", "Nothing: it says little."),
    gauge("process_open_fds", "Open file descriptors.", "See `process_max_fds`."),
    gauge(
        "process_max_fds",
        "How many file descriptors the process may open.",
        "Raise the limit where `process_open_fds` comes near it: a connection takes one.",
    ),
    gauge(
        "process_start_time_seconds",
        "When the process began, in seconds since 1970.",
        "A value that changes often is a process that is restarted: see the end of its log.",
    ),
)
"""What every daemon has besides, under the usual names; prometheus_client collects it."""
