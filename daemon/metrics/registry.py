"""The metrics of one daemon, made from their descriptions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from daemon.metrics.described import Described, Kind


class MetricRegistry:
    """Any thread may use it. A name that is not described raises KeyError."""

    def __init__(self, prefix: str, described: Iterable[Described]) -> None:
        # Prometheus knows when a process began; a series more for each counter would only double the page.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters: dict[str, Counter] = {}
        self._gauges: dict[str, Gauge] = {}
        self._histograms: dict[str, Histogram] = {}
        self._infos: dict[str, Info] = {}
        for each in described:
            self._add(prefix + each.name, each)

    def counter(self, name: str) -> Counter:
        """A counter, by its name without prefix and `_total`."""
        return self._counters[name]

    def gauge(self, name: str) -> Gauge:
        """A gauge, by its name without prefix."""
        return self._gauges[name]

    def histogram(self, name: str) -> Histogram:
        """A histogram, by its name without prefix."""
        return self._histograms[name]

    def tell(self, name: str, facts: Mapping[str, str]) -> None:
        """Set the facts of an info metric."""
        self._infos[name].info(dict(facts))

    def text(self) -> bytes:
        """All of them, as Prometheus reads them."""
        return generate_latest(self._registry)

    def _add(self, name: str, each: Described) -> None:
        common: dict[str, Any] = {"labelnames": each.labels, "registry": self._registry}
        made: MetricWrapperBase
        if each.kind is Kind.COUNTER:
            made = self._counters[each.name] = Counter(name, each.means, **common)
        elif each.kind is Kind.GAUGE:
            made = self._gauges[each.name] = Gauge(name, each.means, **common)
        elif each.kind is Kind.HISTOGRAM:
            made = self._histograms[each.name] = Histogram(name, each.means, buckets=each.buckets, **common)
        else:
            made = self._infos[each.name] = Info(name, each.means, **common)
        for values in each.starts:
            made.labels(*values)
