"""One pod at a time: ADD and DEL through real main plugins and by our plugin alone, at several latencies."""

from __future__ import annotations

import json
import secrets
import shutil
import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from bench.books import check_books
from bench.load.hops import Hops, Trail
from bench.load.plain_client import PlainClient
from bench.load.timed_exec import execute
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from demo.cluster import CLUSTER_NAME, Cluster, Node, Plan
from demo.cni import Invocation
from demo.links import Underlay, add_namespace, inside, remove_namespace

LATENCIES_MS: Final = (0, 20, 150)
OPERATION_MS: Final = 5
RELEASE_DELAY_S: Final = 10
PODS: Final = 30
PLAIN_ADDS: Final = 10
HOPS: Final = {
    "execs": "execs (main plugin, ours)",
    "agent": "agent (checks, MAC, journal twice)",
    "wire": "wire (ZeroMQ, CURVE)",
    "lane": "lane (coordinator)",
    "grid": "grid (one call)",
}
KINDS: Final = {"bridge": "bridge", "macvlan": "macvlan", "alone": "our plugin alone"}
SUBNETS: Final = {"bridge": "10.55.0.0/16", "macvlan": "10.56.0.0/16", "alone": "10.57.0.0/16"}
COMPARED: Final = """\
Pods come one after the other on one node, through Debian's `bridge` and `macvlan` (entered with nsenter, about
1 ms), which execute our plugin, and through our plugin alone; then they go. The grid takes 0, 20 or 150 ms for
a call and 5 ms more for each operation. Time by hop is from the log lines of agent and coordinator that carry
the request's id; the clock of the agent alone tells what the wire took. *Again* is an ADD that the agent's
journal answers. Released addresses rest for 10 s (30 by default), so that their deletion competes with no DEL
that is measured. For *grid down* the grid answers every call with 503. The plain client makes the original's
six calls."""


@dataclass
class BenchPod:
    """A pod to be: its namespace, the plugin that adds it."""

    kind: str
    node: Node
    container: str = field(default_factory=lambda: secrets.token_hex(32))
    address: str = ""

    def make_namespace(self) -> None:
        """Without which there is no ADD."""
        self._netns = add_namespace(f"bench-{self.container[:12]}")

    def add(self) -> float:
        """Milliseconds of its ADD."""
        took_ms, output = self._execute("ADD")
        self.address = json.loads(output)["ips"][0]["address"].partition("/")[0]
        return took_ms

    def delete(self) -> float:
        """Milliseconds of its DEL; then its namespace goes, too."""
        took_ms, _ = self._execute("DEL")
        remove_namespace(f"bench-{self.container[:12]}")
        return took_ms

    def _execute(self, verb: str) -> tuple[float, bytes]:
        invocation = Invocation(verb, self.container, "eth0", self._netns, path=self.node.cni_path)
        argv = [self.node.plugin]
        if self.kind != "alone":
            assert self.node.namespace
            enter, *rest = inside(self.node.namespace, [str(self.node.bin_dir / self.kind)])
            argv = [shutil.which(enter) or enter, *rest]
        times, output = execute(argv, invocation.environment(), json.dumps(self._config()).encode())
        return times.took_ms, output

    def _config(self) -> Mapping[str, Any]:
        subnet = SUBNETS[self.kind]
        kind = "bridge" if self.kind == "alone" else self.kind
        config = {**self.node.config(kind, subnet=subnet, gateway=None), "name": self.kind}
        return config | ({"master": "eth1"} if kind == "macvlan" else {"bridge": "cni0"})


def measure(run: Run) -> Result:
    """At each latency with a cluster of its own."""
    samples: dict[str, Samples] = {}
    hops: dict[tuple[int, str], Sequence[Hops]] = {}
    checks = []
    for latency_ms in LATENCIES_MS:
        with ExitStack() as stack:
            underlay = stack.enter_context(_underlay())
            flags = ("--latency-ms", str(latency_ms), "--op-latency-ms", str(OPERATION_MS))
            delay = ("--release-delay", str(RELEASE_DELAY_S), "--reserve", "0")
            plan = Plan(grid_flags=flags, coordinator_flags=delay, underlay=underlay)
            cluster = stack.enter_context(Cluster(run.directory / str(latency_ms), plan))
            stage = _Stage(run, cluster, stack)
            took = stage.play()
            checks.append(f"{latency_ms} ms: {check_books(cluster.grid, stage.living())}")
        for name, values in took.items():
            samples[f"{latency_ms}ms.{name}"] = Samples("ms", values)
        for kind, found in stage.hops.items():
            hops[latency_ms, kind] = found
            for hop in (*HOPS, "wapi_calls"):
                unit = "calls" if hop == "wapi_calls" else "ms"
                samples[f"{latency_ms}ms.{kind}.{hop}"] = Samples(unit, [getattr(one, hop) for one in found])
        run.say(f"  {latency_ms:>3} ms: ADD by our plugin alone {statistics.median(took['alone.add']):.1f} ms")
    return Result("one_pod", "One pod", COMPARED, _table(samples), _panels(samples), samples, checks)


def _underlay() -> Underlay:
    """By chance, so that what a killed run has left is not in the way."""
    return Underlay(secrets.token_hex(3), f"198.18.{100 + secrets.randbelow(100)}")


class _Stage:
    """The pods of one latency."""

    def __init__(self, run: Run, cluster: Cluster, stack: ExitStack) -> None:
        self._run = run
        self._cluster = cluster
        self._stack = stack
        self._pods = run.count(PODS, 3)
        self._living: dict[str, str] = {}
        self.hops: dict[str, Sequence[Hops]] = {}

    def living(self) -> Mapping[str, str]:
        """The addresses of pods that were not deleted."""
        return self._living

    def play(self) -> Mapping[str, Sequence[float]]:
        """Milliseconds by what was done."""
        took: dict[str, list[float]] = {}
        for kind in KINDS:
            self._living[(first := self._pod(kind)).container] = ""
            first.add()
            self._living[first.container] = first.address
        pods: dict[str, list[BenchPod]] = {kind: [self._pod(kind) for _ in range(self._pods)] for kind in KINDS}
        lasting = [self._pod("alone") for _ in range(self._pods)]
        for number in range(self._pods):
            for kind in KINDS:
                took.setdefault(f"{kind}.add", []).append(pods[kind][number].add())
            took.setdefault("again.add", []).append(pods["alone"][number].add())
        self._follow(pods, took)
        for pod in lasting:
            pod.add()
        for number in range(self._pods):
            for kind in KINDS:
                took.setdefault(f"{kind}.del", []).append(pods[kind][number].delete())
        self._cluster.grid.set_faults(status_503=-1)
        took["grid_down.del"] = [pod.delete() for pod in lasting]
        self._cluster.grid.set_faults(status_503=0)
        took["plain.add"] = self._plain()
        return took

    def _pod(self, kind: str) -> BenchPod:
        pod = BenchPod(kind, self._cluster.node)
        pod.make_namespace()
        self._stack.callback(remove_namespace, f"bench-{pod.container[:12]}")
        return pod

    def _follow(self, pods: Mapping[str, Sequence[BenchPod]], took: Mapping[str, Sequence[float]]) -> None:
        agent, coordinator = self._cluster.node.agent, self._cluster.coordinator
        assert agent
        assert coordinator
        last = pods["alone"][-1].container
        told = agent.wait_for("allocated", lambda line: bool(line["container"] == last))
        coordinator.wait_for("allocated", lambda line: bool(line["request"] == told["request"]))
        trail = Trail(agent.lines, coordinator.lines)
        for kind in KINDS:
            each = zip(pods[kind], took[f"{kind}.add"], strict=True)
            self.hops[kind] = [trail.hops(pod.container, took_ms) for pod, took_ms in each]

    def _plain(self) -> list[float]:
        grid = self._cluster.grid
        if not grid.wait_until(lambda: grid.pods().keys() == set(self._living.values()), timeout_s=60):
            raise Wrong("what was deleted while the grid was down is still there")
        subnet = "10.58.0.0/16"
        grid.create("network", {"network": subnet})
        client = PlainClient(grid.url, grid.certificate, subnet, CLUSTER_NAME)
        load = client.create(self._run.count(PLAIN_ADDS, 2), 1, "plain")
        self._living.update(load.addresses())
        return [each.took_s * 1000 for each in load.measured]


def _median(samples: Mapping[str, Samples], name: str) -> float:
    return statistics.median(samples[name].values)


def _table(samples: Mapping[str, Samples]) -> Table:
    rows = []
    for latency_ms in LATENCIES_MS:
        for name, label in _doings():
            took = samples[f"{latency_ms}ms.{name}"].values
            kind = name.removesuffix(".add")
            parts = [
                f"{_median(samples, f'{latency_ms}ms.{kind}.{hop}'):.1f}" if kind in KINDS else "" for hop in HOPS
            ]
            calls = f"{_median(samples, f'{latency_ms}ms.{kind}.wapi_calls'):.0f}" if kind in KINDS else ""
            row = [f"{label}, {latency_ms} ms", f"{statistics.median(took):.1f}", f"{percentile(took, 95):.1f}"]
            rows.append([*row, *parts, calls])
    return Table(["what, latency", "median ms", "p95 ms", *HOPS, "WAPI calls"], rows)


def _doings() -> list[tuple[str, str]]:
    adds = [(f"{kind}.add", f"ADD, {label}") for kind, label in KINDS.items()]
    deletions = [(f"{kind}.del", f"DEL, {label}") for kind, label in KINDS.items()]
    again, down = (
        ("again.add", "ADD again, our plugin alone"),
        ("grid_down.del", "DEL, our plugin alone, grid down"),
    )
    return [*adds, again, *deletions, down, ("plain.add", "plain client")]


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    bars = [(latency_ms, kind) for latency_ms in LATENCIES_MS for kind in KINDS]
    names = [f"{KINDS[kind]}, {latency_ms} ms" for latency_ms, kind in bars]
    series = [
        Series(
            label, names, [_median(samples, f"{latency_ms}ms.{kind}.{hop}") for latency_ms, kind in bars], Mark.BAR
        )
        for hop, label in HOPS.items()
    ]
    deletions = [(f"{kind}.del", label) for kind, label in KINDS.items()]
    deletions += [("grid_down.del", "alone, grid down"), ("again.add", "for comparison: ADD again")]
    gone = [
        Series(
            f"{latency_ms} ms",
            [label for _, label in deletions],
            [_median(samples, f"{latency_ms}ms.{name}") for name, _ in deletions],
            Mark.BAR,
        )
        for latency_ms in LATENCIES_MS
    ]
    return [
        Panel("ADD by hop, median", "", "ms", series, is_stacked=True),
        Panel("DEL, median", "", "ms", gone),
    ]
