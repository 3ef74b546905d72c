"""What the system has promised of its speed, judged by the results of one run: ratios within it, not times."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bench.parts.failover import LABELS
from bench.parts.growth import ALLOCATIONS, bytes_each
from bench.parts.memory import RUNNING
from bench.parts.one_pod import LATENCIES_MS, OPERATION_MS
from bench.parts.reserve import WHEN, churn_limit
from bench.parts.throughput import THREADS, lane_limit
from bench.result import Result
from bench.spread import percentile

DEL_KINDS: Final = ("alone.del", "grid_down.del")


@dataclass(frozen=True)
class Verdict:
    """A target with what was measured; neither met nor missed where its part was not, or where it is only told."""

    what: str
    target: str
    measured: str = ""
    is_met: bool | None = None

    def row(self) -> tuple[str, str, str, str]:
        """As texts."""
        measured = self.measured or "not measured"
        met = "" if self.is_met is None else "met" if self.is_met else "**not met**"
        return self.what, self.target, measured, met


class Figures:
    """The samples of a run, by part and name."""

    def __init__(self, results: Sequence[Result]) -> None:
        self._results = {result.part: result for result in results}

    def values(self, part: str, name: str) -> Sequence[float]:
        """All samples. Raises KeyError where there are none."""
        return self._results[part].samples[name].values

    def median(self, part: str, name: str) -> float:
        """Their median."""
        return statistics.median(self.values(part, name))

    def bytes_each(self, count: int) -> float:
        """What the coordinator's memory grows by with each of so many allocations."""
        return bytes_each(self._results["growth"].samples, count)


Measured = tuple[str, bool | None]


def verdicts(results: Sequence[Result]) -> list[Verdict]:
    """All targets, in order."""
    figures = Figures(results)
    return [_verdict(what, target, measure, figures) for (what, target), measure in TARGETS.items()]


def _verdict(what: str, target: str, measure: Callable[[Figures], Measured], figures: Figures) -> Verdict:
    try:
        measured, is_met = measure(figures)
    except KeyError:
        return Verdict(what, target)
    return Verdict(what, target, measured, is_met)


def _exec(figures: Figures) -> Measured:
    ours, theirs = figures.median("exec", "add.took"), figures.median("exec", "host_local_add.took")
    return f"{ours / theirs:.2f} × ({ours:.1f} ms to {theirs:.1f} ms)", ours <= 2 * theirs


def _from_reserve(figures: Figures) -> Measured:
    worst = [
        max(
            figures.median("reserve", f"{when}.add") / figures.median("reserve", f"{when}.{other}")
            for when in WHEN
        )
        for other in ("version", "host_local")
    ]
    text = f"{worst[0]:.2f} × our VERSION, {worst[1]:.2f} × host-local's ADD at most"
    return text, worst[0] <= 1.5 and worst[1] <= 1.1


def _churn(figures: Figures) -> Measured:
    limit = churn_limit()
    shares = {ready: figures.median("reserve", f"churn.{ready}.rate") / limit for ready in (0, 2, 50)}
    text = ", ".join(f"{share:.1%} with {ready} ready" for ready, share in shares.items())
    return f"{text}, of the lane's limit", shares[0] - min(shares.values()) <= 0.05


def _warm_add(figures: Figures) -> Measured:
    took_ms = figures.median("one_pod", "20ms.alone.add")
    calls = max(figures.values("one_pod", "20ms.alone.wapi_calls"))
    beyond_ms = took_ms - 20 - OPERATION_MS
    return f"{calls:.0f} call, grid time + {beyond_ms:.1f} ms", calls <= 1 and beyond_ms <= 15


def _against_original(figures: Figures) -> Measured:
    ours, plain = figures.median("one_pod", "150ms.alone.add"), figures.median("one_pod", "150ms.plain.add")
    return f"{plain / ours:.2f} × ({plain:.0f} ms to {ours:.0f} ms)", plain >= 5 * ours


def _deletions(figures: Figures) -> Measured:
    ratios = {
        f"{latency_ms} ms{', grid down' if kind == 'grid_down.del' else ''}": figures.median(
            "one_pod", f"{latency_ms}ms.{kind}"
        )
        / figures.median("one_pod", f"{latency_ms}ms.again.add")
        for latency_ms in LATENCIES_MS
        for kind in DEL_KINDS
    }
    worst = max(ratios, key=lambda name: ratios[name])
    return f"{ratios[worst]:.2f} × at most (at {worst})", ratios[worst] <= 2


def _lane_share(figures: Figures) -> Measured:
    shares = {
        latency_ms: figures.median("throughput", f"lane.{latency_ms}ms.200.rate") / lane_limit(latency_ms, 200)
        for latency_ms in (20, 150)
    }
    text = ", ".join(f"{share:.1%} at {latency_ms} ms" for latency_ms, share in shares.items())
    return text, min(shares.values()) >= 0.9


def _against_plain(figures: Figures) -> Measured:
    ratios = {}
    for latency_ms in (20, 150):
        plain = max(figures.median("throughput", f"plain.{latency_ms}ms.{n}.rate") for n in THREADS)
        ratios[latency_ms] = figures.median("throughput", f"lane.{latency_ms}ms.200.rate") / plain
    text = ", ".join(f"{ratio:.1f} × at {latency_ms} ms" for latency_ms, ratio in ratios.items())
    return text, ratios[20] >= 3 and ratios[150] >= 18


def _p99(figures: Figures) -> Measured:
    ratios = {
        latency_ms: percentile(figures.values("throughput", f"lane.{latency_ms}ms.50.took"), 99)
        / (latency_ms + 50 * OPERATION_MS)
        for latency_ms in (20, 150)
    }
    text = ", ".join(f"{ratio:.2f} × at {latency_ms} ms" for latency_ms, ratio in ratios.items())
    return text, max(ratios.values()) <= 3


def _storm(figures: Figures) -> Measured:
    seconds, peak_mb = figures.median("storm", "5000.all_served"), figures.median("storm", "5000.memory")
    given = figures.median("storm", "5000.addresses")
    return f"all {given:,.0f} given after {seconds:.0f} s, {peak_mb:.0f} MB", peak_mb < 500


def _first_add(figures: Figures) -> Measured:
    worst = {label: max(figures.values("failover", f"several.{name}.first_add")) for name, label in LABELS.items()}
    text = ", ".join(f"{worst_s:.1f} s after {label}" for label, worst_s in worst.items())
    return f"{text} at the latest", max(worst.values()) < 5


def _first_add_with_lease(figures: Figures) -> Measured:
    took_s = figures.values("failover", "lease.killed.first_add")
    text = f"median {statistics.median(took_s):.1f} s, worst of {len(took_s)} {max(took_s):.1f} s"
    return text, max(took_s) < 20


def _first_add_with_lease_given_up(figures: Figures) -> Measured:
    took_s = figures.values("failover", "lease.ended.first_add")
    text = f"median {statistics.median(took_s):.1f} s, worst of {len(took_s)} {max(took_s):.1f} s"
    return text, max(took_s) < 5


def _ready_meanwhile(figures: Figures) -> Measured:
    usual, meanwhile = (figures.values("failover", f"ready.{name}") for name in ("usual", "meanwhile"))
    ratios = [ratio(meanwhile) / ratio(usual) for ratio in (statistics.median, max)]
    return f"none failed; median {ratios[0]:.2f} ×, slowest {ratios[1]:.2f} × of usual", ratios[0] <= 1.1


def _memory_each(figures: Figures) -> Measured:
    each = figures.bytes_each(100_000)
    return f"{each / 1000:.2f} kB", each < 1500


def _after_start(figures: Figures) -> Measured:
    took_s = {count: figures.median("growth", f"allocations.{count}.first_add") for count in ALLOCATIONS}
    text = ", ".join(f"{each_s:.2f} s with {count:,}" for count, each_s in took_s.items())
    return text, max(took_s.values()) <= 1


def _listing(figures: Figures) -> Measured:
    ours, plain = (figures.median("growth", f"allocations.100000.{name}") for name in ("listing", "plain"))
    return f"{ours / plain:.2f} × ({ours:.1f} s to {plain:.1f} s)", ours <= 1.5 * plain


def _growth(figures: Figures) -> Measured:
    grown = {}
    for what, (few, many) in {"allocations": (10_000, 100_000), "attachments": (10, 1_000)}.items():
        starts = [figures.median("growth", f"{what}.{count}.start") for count in (few, many)]
        grown[f"{many // few} × the {what}"] = (starts[1] / starts[0], many / few)
    text = ", ".join(f"{times:.1f} × for {data}" for data, (times, _) in grown.items())
    return text, all(times <= data for times, data in grown.values())


def _idle_memory(figures: Figures) -> Measured:
    rss_mb, unique_mb = (figures.median("memory", f"{RUNNING}.{kind}") for kind in ("rss", "unique"))
    return f"{rss_mb:.1f} MB, {unique_mb:.1f} of them its own", None


def _idle_processor(figures: Figures) -> Measured:
    share = statistics.mean(figures.values("idle", "agent.cpu"))
    return f"{share:.3f} %", share < 0.2


def _idle_calls(figures: Figures) -> Measured:
    calls = figures.median("idle", "wapi_calls")
    return f"{calls:.0f}", calls == 0


TARGETS: Final[Mapping[tuple[str, str], Callable[[Figures], Measured]]] = {
    ("installed plugin, ADD from the journal, against host-local's ADD", "at most 2 ×"): _exec,
    (
        "ADD from the reserve, at any latency, and with grid and coordinator down",
        "at most 1.5 × our VERSION, 1.1 × host-local's ADD in /run",
    ): _from_reserve,
    ("pods that come and go, what a reserve of 2 or 50 costs", "at most 5 % of the lane's limit"): _churn,
    ("ADD through the exec at 20 ms (+ 5 ms an operation)", "1 call, at most grid time + 15 ms"): _warm_add,
    ("the same at 150 ms, against the original's six calls", "at least 5 × faster"): _against_original,
    ("DEL at any latency, grid down too, against our ADD from the journal", "at most 2 ×"): _deletions,
    ("throughput with 200 waiting, of C / (latency + C × 5 ms)", "at least 90 %"): _lane_share,
    ("the same against the plain client's best", "at least 3 × at 20 ms, 18 × at 150 ms"): _against_plain,
    ("p99 of an ADD with 50 waiting, against one full batch", "at most 3 ×"): _p99,
    ("5,000 agents reconnect, without a reserve", "all served, no ADD lost, under 500 MB"): _storm,
    ("one of two coordinators without Kubernetes dies, first ADD with none ready", "under 5 s"): _first_add,
    ("the leader by a Lease is killed, the same", "under 20 s"): _first_add_with_lease,
    ("it ends in an orderly way, the same", "under 5 s"): _first_add_with_lease_given_up,
    ("ADDs from the reserve meanwhile", "none fails, none slower than usual"): _ready_meanwhile,
    ("coordinator with 100,000 allocations, memory each", "under 1.5 kB"): _memory_each,
    ("the same, its listing, against a plain loop over the pages", "at most 1.5 ×"): _listing,
    ("first ADD after the coordinator's start, however much there is to list", "within 1 s"): _after_start,
    ("start of coordinator and agent", "grows no faster than the data"): _growth,
    ("idle agent, memory", "reported"): _idle_memory,
    ("idle agent, processor", "under 0.2 % of a core"): _idle_processor,
    ("idle cluster, WAPI calls in a minute", "0"): _idle_calls,
}
