"""Addresses per second with so many ADDs waiting, next to a client that makes the original's calls."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Final

import zmq

from bench.books import check_books
from bench.load.closed_loop import ClosedLoop, Load
from bench.load.plain_client import CALLS, PlainClient
from bench.load.wire_node import UNBOUNDED, WireNode, authorize, hear_until_welcome
from bench.result import Mark, Panel, Result, Samples, Series, Table
from bench.run import Run
from bench.spread import percentile
from demo.cluster import CLUSTER_NAME, Cluster, Plan
from protocol.keys import KeyPair, load_public

OPERATION_MS: Final = 5
LATENCIES_MS: Final = (20, 150)
NODES: Final = tuple(f"wire-{number}" for number in range(10))
WAITING: Final = (1, 10, 50, 200)
THREADS: Final = (1, 10, 50)
WELCOME_MS: Final = 20_000
ADDS: Final = 1000
WARM_UP: Final = 512
"""ADDs before the measured ones; by then the batch limit has grown to what this grid allows."""
SECONDS: Final = 12.0
"""What a cell may take about; where 1,000 ADDs would take longer there are fewer."""
COMPARED: Final = """\
Ten nodes on the agents' real wire (CURVE, ZeroMQ, the protocol's messages), without agents, plugin or pods
behind it, keep 1, 10, 50 or 200 ADDs waiting at one coordinator, one answered ADD being followed by the next at
once. The simulated grid takes 20 or 150 ms for a call and 5 ms more for each operation of it, and makes one
write at a time. The plain client has as many threads, each of which makes the original's six calls for an
address, in order. The first 512 ADDs, in which the limit of a batch grows, are not measured; where 1,000 would
take more than about 12 s there are fewer. Dashed: what a grid with one writer can do at all, 1 / (cost of an
operation), and the most of one lane with C waiting, C / (latency + C × cost)."""


@dataclass(frozen=True)
class Cell:
    """One client with one number of waiting ADDs at one latency."""

    client: str
    latency_ms: int
    waiting: int
    rate: float
    took_ms: Sequence[float]
    calls_per_add: float

    @property
    def name(self) -> str:
        """The prefix of its samples."""
        return f"{self.client}.{self.latency_ms}ms.{self.waiting}"


def lane_limit(latency_ms: float, waiting: int, operations_each: int = 1) -> float:
    """The most ADDs per second that one lane can do with so many waiting, each of so many operations."""
    return waiting * 1000 / (latency_ms + waiting * operations_each * OPERATION_MS)


def plain_limit(latency_ms: float, threads: int) -> float:
    """The most ADDs per second of the plain client: its threads wait for each call, and for the one writer."""
    return min(threads * 1000 / (CALLS * latency_ms + OPERATION_MS), 1000 / (latency_ms + OPERATION_MS))


def measure(run: Run) -> Result:
    """Every cell, at one latency after the other, each with a cluster of its own."""
    cells: list[Cell] = []
    checks: list[str] = []
    for latency_ms in LATENCIES_MS:
        stage = run.directory / str(latency_ms)
        pairs = authorize(stage / "keys", NODES)
        grid_flags = ("--latency-ms", str(latency_ms), "--op-latency-ms", str(OPERATION_MS))
        plan = Plan(grid_flags=grid_flags, coordinator_flags=("--log-level", "info", *UNBOUNDED))
        with ExitStack() as stack:
            cluster = stack.enter_context(Cluster(stage, plan))
            nodes = _connect(cluster, pairs, stack)
            found, living = _at_latency(run, cluster, nodes, latency_ms)
            cells += found
            checks.append(f"{latency_ms} ms: {check_books(cluster.grid, living)}")
    return _result(cells, checks)


def _connect(cluster: Cluster, pairs: Mapping[str, KeyPair], stack: ExitStack) -> list[WireNode]:
    context = stack.enter_context(zmq.Context())
    coordinator = load_public(cluster.keys / "coordinator" / "coordinator.key")
    nodes = [WireNode(context, name, pair, coordinator) for name, pair in pairs.items()]
    for node in nodes:
        stack.callback(node.socket.close)
        node.socket.connect(cluster.endpoint)
        node.hello()
    hear_until_welcome(nodes, patience_ms=WELCOME_MS)
    return nodes


def _at_latency(
    run: Run, cluster: Cluster, nodes: Sequence[WireNode], latency_ms: int
) -> tuple[list[Cell], Mapping[str, str]]:
    cells: list[Cell] = []
    living: dict[str, str] = {}

    def note(client: str, waiting: int, load: Load, calls: int) -> None:
        living.update(load.addresses())
        took_ms = [each.took_s * 1000 for each in load.measured]
        rate = len(load.measured) / load.took_s
        run.say(f"  {client:<5} {latency_ms:>4} ms {waiting:>4} waiting: {rate:6.1f} ADD/s")
        adds = len(load.measured) + len(load.drained)
        cells.append(Cell(client, latency_ms, waiting, rate, took_ms, calls / adds))

    for number, waiting in enumerate(WAITING):
        loop = ClosedLoop(nodes, f"10.{100 + number}.0.0/16", f"wire-{waiting}")
        living.update(loop.serve(_warm_up(run, waiting), waiting).addresses())
        calls = cluster.grid.call_count()
        load = loop.serve(_count(run, lane_limit(latency_ms, waiting), waiting), waiting)
        note("lane", waiting, load, cluster.grid.call_count() - calls)
    for number, threads in enumerate(THREADS):
        subnet = f"10.{120 + number}.0.0/16"
        cluster.grid.create("network", {"network": subnet})
        client = PlainClient(cluster.grid.url, cluster.grid.certificate, subnet, CLUSTER_NAME)
        calls = cluster.grid.call_count()
        load = client.create(_count(run, plain_limit(latency_ms, threads), threads), threads, f"plain-{threads}")
        note("plain", threads, load, cluster.grid.call_count() - calls)
    return cells, living


def _warm_up(run: Run, waiting: int) -> int:
    return min(run.count(WARM_UP, 2 * waiting), 10 * waiting)


def _count(run: Run, limit: float, waiting: int) -> int:
    full = min(ADDS, int(limit * SECONDS)) // waiting * waiting
    return run.count(max(full, waiting), 2 * waiting)


def _result(cells: Sequence[Cell], checks: Sequence[str]) -> Result:
    samples = {}
    for cell in cells:
        samples[f"{cell.name}.rate"] = Samples("ADD/s", [cell.rate], higher_is_better=True)
        samples[f"{cell.name}.took"] = Samples("ms", cell.took_ms)
        samples[f"{cell.name}.calls"] = Samples("calls per ADD", [cell.calls_per_add])
    return Result("throughput", "ADDs per second", COMPARED, _table(cells), _panels(cells), samples, checks)


def _table(cells: Sequence[Cell]) -> Table:
    rows = []
    for cell in cells:
        limit = lane_limit(cell.latency_ms, cell.waiting)
        rows.append(
            [
                {"lane": "cni-infoblox", "plain": "plain client"}[cell.client],
                str(cell.latency_ms),
                str(cell.waiting),
                str(len(cell.took_ms)),
                f"{cell.rate:.1f}",
                f"{cell.rate / limit:.0%}" if cell.client == "lane" else "",
                f"{statistics.median(cell.took_ms):.0f}",
                f"{percentile(cell.took_ms, 99):.0f}",
                f"{cell.calls_per_add:.2f}",
            ]
        )
    measured = ["ADD/s", "of the limit", "p50 ms", "p99 ms", "calls per ADD"]
    return Table(["client", "latency ms", "waiting", "ADDs", *measured], rows)


def _panels(cells: Sequence[Cell]) -> list[Panel]:
    panels = []
    for latency_ms in LATENCIES_MS:
        here = [cell for cell in cells if cell.latency_ms == latency_ms]
        clients = {"cni-infoblox": "lane", "plain client": "plain"}
        series = [
            Series(name, [c.waiting for c in here if c.client == key], [c.rate for c in here if c.client == key])
            for name, key in clients.items()
        ]
        waiting = [cell.waiting for cell in here if cell.client == "lane"]
        series += [
            Series(
                "one lane: C / (latency + C × cost)",
                waiting,
                [lane_limit(latency_ms, c) for c in waiting],
                Mark.LIMIT,
            ),
            Series("one writer: 1 / cost", waiting, [1000 / OPERATION_MS] * len(waiting), Mark.LIMIT),
        ]
        panels.append(Panel(f"{latency_ms} ms a call", "ADDs that wait", "ADD/s", series, is_log_x=True))
    return panels
