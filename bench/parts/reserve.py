"""What addresses that a node has ready are worth: the time of an ADD, pods per second while they come and go."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from bench.books import check_books
from bench.load.candidates import (
    HOST_LOCAL,
    IFNAME,
    NETNS,
    Candidate,
    adds_of_new_containers,
    call_in_turn,
    host_local_config,
    of_new_containers,
)
from bench.load.wire_node import UNBOUNDED
from bench.parts.throughput import OPERATION_MS, lane_limit
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from demo.cluster import Cluster, Node, Plan
from demo.plugin_calls import PluginCalls

LATENCIES_MS: Final = (0, 20, 150)
RESERVE: Final = 50
ADDS: Final = 100
ADDS_ALONE: Final = 40
"""Of what is ready when nobody can refill it."""

RESERVES: Final = (0, 2, 50)
CHURN_LATENCY_MS: Final = 20
AT_ONCE: Final = 64
SECONDS: Final = 12.0
WARM_UP_S: Final = 3.0
SUBNET: Final = "10.61.0.0/16"
OTHERS: Final = "10.62.0.0/16"
"""Where host-local has its addresses."""
CALLED: Final = {"add": "ADD, ready", "version": "VERSION", "host_local": "host-local ADD"}
WHEN: Final = {f"{latency_ms}ms": f"{latency_ms} ms" for latency_ms in LATENCIES_MS} | {"down": "all down"}
"""The latencies, and when grid and coordinator are both gone."""
COMPARED: Final = """\
A node keeps 50 addresses ready. New containers come one after the other through the static plugin, from exec to
exit, in turn with our own VERSION and with the ADD of `host-local`, whose directory is in `/run`; each is deleted
again, untimed. The grid takes 0, 20 or 150 ms for a call and 5 ms more for each operation; then grid and
coordinator are both gone. *Churn*: 64 containers at once on one node come and go through the agent's socket, at
20 ms a call, with 0, 2 and 50 ready; a pod takes an operation to create, one to delete, and one for the label
where its address was ready before. The lane's limit is that of two operations a pod in full batches."""


def measure(run: Run) -> Result:
    """The time of an ADD at each latency and with nobody to ask; then the churn."""
    samples: dict[str, Samples] = {}
    checks: list[str] = []
    for latency_ms in LATENCIES_MS:
        with _cluster(run, f"at-{latency_ms}", latency_ms, RESERVE) as cluster:
            samples |= _adds(run, cluster, latency_ms)
            checks.append(f"{latency_ms} ms: {check_books(cluster.grid, {})}")
        run.say(f"  {latency_ms} ms")
    for reserve in RESERVES:
        with _cluster(run, f"churn-{reserve}", CHURN_LATENCY_MS, reserve) as cluster:
            rate = _churn(cluster, run.count(int(SECONDS), 3))
            checks.append(f"churn, {reserve} ready: {check_books(cluster.grid, {})}")
        samples[f"churn.{reserve}.rate"] = Samples("pods/s", [rate], higher_is_better=True)
        run.say(f"  churn with {reserve} ready: {rate:.0f} pods a second")
    return Result("reserve", "From the reserve", COMPARED, _table(samples), _panels(samples), samples, checks)


@contextmanager
def _cluster(run: Run, name: str, latency_ms: int, reserve: int) -> Iterator[Cluster]:
    grid = ("--latency-ms", str(latency_ms), "--op-latency-ms", str(OPERATION_MS))
    flags = ("--release-delay", "0", "--reserve", str(reserve), "--log-level", "info", *UNBOUNDED)
    with cluster_on_tmpfs(run.directory / name, Plan(grid_flags=grid, coordinator_flags=flags)) as cluster:
        yield cluster


@contextmanager
def cluster_on_tmpfs(place: Path, plan: Plan) -> Iterator[Cluster]:
    """A cluster of one node, with its journal on a tmpfs and its agent logging as on a real one."""
    with (
        TemporaryDirectory(prefix="cni-infoblox-bench-", dir="/run") as directory,
        Cluster(place, plan) as cluster,
    ):
        node = cluster.node
        assert node.agent
        node.agent.stop()
        node.run_dir = Path(directory) / "agent"
        node.start_agent("--log-level", "info")
        cluster.wait_connected(node.name)
        yield cluster


def _adds(run: Run, cluster: Cluster, latency_ms: int) -> dict[str, Samples]:
    with TemporaryDirectory(prefix="cni-infoblox-bench-", dir="/run") as directory:
        candidates = _candidates(cluster.node, f"{latency_ms}", Path(directory))
        candidates[0].call(-1)
        for number in range(run.count(ADDS, 5)):
            cluster.node.wait_until_ready(1)
            call_in_turn(candidates, number)
        del candidates[0].times[0]
        samples = _samples(f"{latency_ms}ms", candidates)
        if latency_ms == LATENCIES_MS[-1]:
            samples |= _adds_alone(cluster, run.count(ADDS_ALONE, 3), Path(directory))
    return samples


def _adds_alone(cluster: Cluster, count: int, directory: Path) -> dict[str, Samples]:
    """The same on a node that reaches nobody."""
    assert cluster.coordinator
    cluster.node.wait_until_ready(count)
    cluster.coordinator.kill()
    cluster.grid.set_faults(status_503=-1)
    candidates = _candidates(cluster.node, "down", directory)
    for number in range(count):
        call_in_turn(candidates, number)
    cluster.grid.set_faults(status_503=0)
    cluster.start_coordinator()
    return _samples("down", candidates)


def _candidates(node: Node, when: str, directory: Path) -> list[Candidate]:
    """Our ADD, our VERSION and host-local's ADD, of a container each; `when` makes their names differ."""
    version = of_new_containers("VERSION", f"version-{when}", IFNAME)
    config = host_local_config(OTHERS, directory)
    return [
        adds_of_new_containers(f"add-{when}", node.plugin, stdin_of(node), IFNAME),
        Candidate("version", "", node.plugin, version, stdin_of(node)),
        adds_of_new_containers(f"host-local-{when}", HOST_LOCAL, config, IFNAME),
    ]


def _samples(when: str, candidates: Sequence[Candidate]) -> dict[str, Samples]:
    named = zip(CALLED, candidates, strict=True)
    return {f"{when}.{name}": Samples("ms", each.took_ms) for name, each in named}


def _churn(cluster: Cluster, seconds: float) -> float:
    """Pods that came and went in a second, after a while in which batches grow."""
    plugin = PluginCalls(cluster.node, subnet=SUBNET, gateway="")
    end_s = time.monotonic() + WARM_UP_S + seconds

    def live(loop: int) -> list[float]:
        ended: list[float] = []
        while time.monotonic() < end_s:
            container = f"churn-{loop}-{len(ended)}"
            for outcome in (plugin.add(container, IFNAME, NETNS), plugin.delete(container, IFNAME)):
                if not outcome.ok:
                    raise Wrong(f"{container}: {outcome}")
            ended.append(time.monotonic())
        return ended

    with ThreadPoolExecutor(AT_ONCE) as pool:
        ended = [each for loop in pool.map(live, range(AT_ONCE)) for each in loop]
    return sum(end_s - seconds <= each < end_s for each in ended) / seconds


def stdin_of(node: Node) -> bytes:
    """What our plugin is given on this node."""
    return json.dumps(node.config(subnet=SUBNET, gateway=None)).encode()


def churn_limit() -> float:
    """The most pods per second of one lane, of which each takes a creation and a deletion."""
    return lane_limit(CHURN_LATENCY_MS, AT_ONCE, operations_each=2)


def _table(samples: Mapping[str, Samples]) -> Table:
    rows = []
    for when, words in WHEN.items():
        for name, label in CALLED.items():
            rows.append(_row(f"{label}, {words}", samples[f"{when}.{name}"].values))
    rows += [
        [f"churn, {reserve} ready", "", "", f"{samples[f'churn.{reserve}.rate'].values[0]:.0f}"]
        for reserve in RESERVES
    ]
    rows.append(["the lane's limit", "", "", f"{churn_limit():.0f}"])
    return Table(["what", "median ms", "p95 ms", "pods/s"], rows)


def _row(label: str, took_ms: Sequence[float]) -> list[str]:
    return [label, f"{statistics.median(took_ms):.2f}", f"{percentile(took_ms, 95):.2f}", ""]


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    at = list(WHEN.values())
    times = [
        Series(label, at, [statistics.median(samples[f"{when}.{name}"].values) for when in WHEN], Mark.BAR)
        for name, label in CALLED.items()
    ]
    rates = [samples[f"churn.{reserve}.rate"].values[0] for reserve in RESERVES]
    ready = [f"{reserve} ready" for reserve in RESERVES]
    churn = [
        Series("pods that come and go", ready, rates, Mark.BAR),
        Series("the lane's limit", ready, [churn_limit()] * len(ready), Mark.LIMIT),
    ]
    return [Panel("from exec to exit", "", "ms", times), Panel("churn", "", "pods/s", churn)]
