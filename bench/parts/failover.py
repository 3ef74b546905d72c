"""What the death of a coordinator costs: the time until a pod with nothing ready starts, and what others feel."""

from __future__ import annotations

import signal
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Final

from bench.books import check_books
from bench.load.candidates import IFNAME, NETNS, adds_of_new_containers
from bench.load.wire_node import UNBOUNDED
from bench.parts.reserve import SUBNET, cluster_on_tmpfs, stdin_of
from bench.parts.throughput import OPERATION_MS
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from bench.spread import percentile
from demo.cluster import Cluster, Plan
from demo.plugin_calls import PluginCalls
from nodeagent.link.failover import STEADY_S
from tests.kubernetes_stub import KubernetesStub

DEATHS: Final = 20
LEASE_DEATHS: Final = 20
"""Of a leader that does not give its Lease up: each takes 20 s, and only a thorough run has all of them."""
LATENCY_MS: Final = 20
RESERVE: Final = 50
ADDS_EACH: Final = 10
"""From the reserve, before and after each death."""
TRY_AGAIN: Final = 11
GIVE_UP_S: Final = 120.0
FOUND_S: Final = 90.0
ENDS: Final = {"killed": signal.SIGKILL, "ended": signal.SIGTERM}
LABELS: Final = {"killed": "SIGKILL", "ended": "SIGTERM"}
PAIRS: Final = {"several": "without Kubernetes", "lease": "with a Lease"}
COMPARED: Final = """\
Two coordinators, of which the node's agent knows both. *Without Kubernetes*: both serve (`--several`). *With a
Lease*: one leads (`--leader-elect`, with the timings of Kubernetes' own components), at a stand-in for the API
server. The one that serves the node is killed with SIGKILL, in other rows ended with SIGTERM, and a new container
that has nothing ready asks at once; the time counts from the signal to the address, with every try again. Then it
is started anew, and is the one that waits. *Ready*: 50 addresses are, without Kubernetes, and containers come one
after the other through the static plugin, ten before each death and ten from the moment of it. `THOROUGH=1` kills
the leader 20 times, too."""


def measure(run: Run) -> Result:
    """The first ADD after each death; the ADDs from what is ready, before and after."""
    samples: dict[str, Samples] = {}
    checks: list[str] = []
    for pair, name in product(PAIRS, ENDS):
        key = f"{pair}.{name}"
        with _pair(run, pair, name, reserve=0) as cluster:
            samples[f"{key}.first_add"] = Samples("s", _first_adds(cluster, ENDS[name], _deaths(run, key)))
            checks.append(f"{PAIRS[pair]}, {LABELS[name]}: {check_books(cluster.grid, {})}")
        longest_s = max(samples[f"{key}.first_add"].values)
        run.say(f"  {PAIRS[pair]}, {LABELS[name]}: first ADD after {longest_s:.2f} s at the latest")
    with _pair(run, "several", "ready", RESERVE) as cluster:
        usual, meanwhile = _from_reserve(run, cluster)
        checks.append(f"ready: {check_books(cluster.grid, {})}")
    samples["ready.usual"] = Samples("ms", usual)
    samples["ready.meanwhile"] = Samples("ms", meanwhile)
    panels = _panels(samples)
    return Result("failover", "A coordinator dies", COMPARED, _table(samples), panels, samples, checks)


def _deaths(run: Run, key: str) -> int:
    full = LEASE_DEATHS if key == "lease.killed" and not run.is_thorough else DEATHS
    return run.count(full, 2)


@contextmanager
def _pair(run: Run, pair: str, name: str, reserve: int) -> Iterator[Cluster]:
    place = run.directory / f"{pair}-{name}"
    (place / "api").mkdir(parents=True)
    with KubernetesStub(place / "api") as api:
        how = {
            "several": ("--several", "true"),
            "lease": (
                *("--leader-elect", "true"),
                *("--kubernetes-api", api.url, "--kubernetes-credentials", str(api.credentials)),
            ),
        }
        grid = ("--latency-ms", str(LATENCY_MS), "--op-latency-ms", str(OPERATION_MS))
        flags = ("--release-delay", "0", "--reserve", str(reserve), "--log-level", "info", *UNBOUNDED)
        plan = Plan(grid_flags=grid, coordinator_flags=(*flags, *how[pair]), beside=[()])
        with cluster_on_tmpfs(place / "cluster", plan) as cluster:
            yield cluster


def _first_adds(cluster: Cluster, end: signal.Signals, deaths: int) -> list[float]:
    """How long after each death the first ADD succeeded, in seconds."""
    plugin = PluginCalls(cluster.node, subnet=SUBNET, gateway="")
    _give(plugin, "warm", time.monotonic())
    took_s = []
    for number in range(deaths):
        with _without_the_serving_one(cluster, end) as began_s:
            took_s.append(_give(plugin, f"first-{number}", began_s))
    return took_s


def _give(plugin: PluginCalls, container: str, began_s: float) -> float:
    """How long it takes until an ADD succeeds; what it got goes again."""
    while not (outcome := plugin.add(container, IFNAME, NETNS)).ok:
        if outcome.code != TRY_AGAIN or time.monotonic() - began_s > GIVE_UP_S:
            raise Wrong(f"{container}: {outcome}")
    took_s = time.monotonic() - began_s
    if not plugin.delete(container, IFNAME).ok:
        raise Wrong(f"{container} could not be deleted")
    return took_s


def _from_reserve(run: Run, cluster: Cluster) -> tuple[list[float], list[float]]:
    """ADDs from what is ready, in milliseconds: as usual, and from the moment of a death on."""
    node, count = cluster.node, run.count(ADDS_EACH, 2)
    stdin = stdin_of(node)
    usual, meanwhile = (
        adds_of_new_containers(name, node.plugin, stdin, IFNAME) for name in ("usual", "meanwhile")
    )
    usual.call(-1)
    for death in range(run.count(DEATHS, 2)):
        node.wait_until_ready(count)
        numbers = range(death * count, (death + 1) * count)
        for number in numbers:
            usual.call(number)
        node.wait_until_ready(count)
        with _without_the_serving_one(cluster, signal.SIGKILL):
            for number in numbers:
                meanwhile.call(number)
    return usual.took_ms[1:], meanwhile.took_ms


@contextmanager
def _without_the_serving_one(cluster: Cluster, end: signal.Signals) -> Iterator[float]:
    """From the signal on, when that was; afterwards it is back, and the other one serves the node."""
    time.sleep(STEADY_S)  # a session of before that was shorter would be taken for one that never lasts
    agent, number = cluster.node.agent, cluster.serving(cluster.node.name)
    serving = cluster.replicas[number].daemon
    assert agent
    assert serving
    welcomes = agent.count("coordinator_reached")
    began_s = time.monotonic()
    serving.process.send_signal(end)
    yield began_s
    serving.wait_exit()
    cluster.start_coordinator(replica=number)
    agent.wait_for_count("coordinator_reached", welcomes + 1, timeout_s=FOUND_S)


def _table(samples: Mapping[str, Samples]) -> Table:
    rows = [
        _row(
            f"first ADD, none ready, {PAIRS[pair]}, {LABELS[name]}",
            samples[f"{pair}.{name}.first_add"].values,
            "s",
        )
        for pair, name in product(PAIRS, ENDS)
    ]
    rows += [
        _row(label, samples[f"ready.{name}"].values, "ms")
        for name, label in (("usual", "ADD, ready, as usual"), ("meanwhile", "ADD, ready, from the death on"))
    ]
    return Table(["what", "times", "median", "p95", "worst", "unit"], rows)


def _row(label: str, took: Sequence[float], unit: str) -> list[str]:
    figures = (statistics.median(took), percentile(took, 95), max(took))
    return [label, str(len(took)), *(f"{each:.2f}" for each in figures), unit]


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    waits = [
        Series(
            f"{PAIRS[pair]}, {LABELS[name]}",
            ["median", "worst"],
            _median_and_worst(samples, f"{pair}.{name}.first_add"),
            Mark.BAR,
        )
        for pair, name in product(PAIRS, ENDS)
    ]
    ready = [
        Series(label, ["median", "worst"], _median_and_worst(samples, f"ready.{name}"), Mark.BAR)
        for name, label in (("usual", "as usual"), ("meanwhile", "from the death on"))
    ]
    return [Panel("first ADD, none ready", "", "s", waits), Panel("ADD, ready", "", "ms", ready)]


def _median_and_worst(samples: Mapping[str, Samples], name: str) -> list[float]:
    took = samples[name].values
    return [statistics.median(took), max(took)]
