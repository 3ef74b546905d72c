"""The rolling restart: pods start at a steady rate while one daemon after the other is replaced by a new one."""

from __future__ import annotations

import statistics
import threading
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from itertools import cycle
from pathlib import Path
from queue import SimpleQueue
from typing import Final

from demo.cluster import Cluster, Plan, Replica
from demo.cni import Invocation, Outcome, pod_args
from demo.daemons import Daemon
from demo.grid import ea
from tests.kubernetes_stub import KubernetesStub
from tests.soak.books import Books
from tests.soak.pod_place import IFNAME, PodPlace

PLACES: Final = 200
"""As many pods can live and wait at once: at 20 a second, those of eight seconds beside the living."""

LIVING: Final = 40
REPLACE_EVERY_S: Final = 1.5
GRID_LATENCY_MS: Final = 20
READY_TIMEOUT_S: Final = 60.0
QUIET_TIMEOUT_S: Final = 60.0


class Coordinators(StrEnum):
    """One, two that serve side by side, or two of which a Lease lets one lead, as in the manifests."""

    ONE = "one"
    SEVERAL = "several"
    LEASE = "lease"

    @property
    def count(self) -> int:
        """How many there are."""
        return 1 if self is Coordinators.ONE else 2


@dataclass(frozen=True)
class Report:
    """What came of it. `took_s` has each ADD's time, from when it was due to its answer."""

    answers: dict[str, int]
    failures: list[str]
    took_s: list[float]
    replaced: dict[str, int]
    wrong: list[str]

    def __str__(self) -> str:
        half_s, longest_s = statistics.median(self.took_s), max(self.took_s)
        replaced = ", ".join(f"{daemon} {count} times" for daemon, count in sorted(self.replaced.items()))
        return (
            f"{len(self.took_s)} ADDs, {len(self.failures)} failed; half of them within {half_s:.3f} s, "
            f"the longest took {longest_s:.2f} s; replaced: {replaced}"
        )


class Rolling:
    """`adds` ADDs, so many a second. What is late does not delay the next. All daemons are replaced in turn."""

    def __init__(self, directory: Path, adds: int, adds_per_s: float, coordinators: Coordinators) -> None:
        self._directory = directory
        self._coordinators = coordinators
        self._adds_per_s = adds_per_s
        self._books = Books()
        self._books.target = adds
        self._free: SimpleQueue[PodPlace] = SimpleQueue()
        self._living: deque[_Pod] = deque()
        self._failures: list[str] = []
        self._took_s: list[float] = []
        self._replaced: Counter[str] = Counter()

    def run(self) -> Report:
        """Carry it out, then wait until the grid holds what lives and nothing else."""
        with self._cluster() as cluster, self._places(), ThreadPoolExecutor(PLACES + 1) as pool:
            replacing = pool.submit(self._replace_daemons, cluster)
            pods = list(self._start_pods(pool, cluster))
            for each in [*pods, replacing]:
                each.result()
            self._expect_quiet(cluster)
        return Report(
            dict(self._books.answers), self._failures, self._took_s, dict(self._replaced), self._books.wrong
        )

    @contextmanager
    def _cluster(self) -> Iterator[Cluster]:
        api_directory = self._directory / "api"
        api_directory.mkdir(parents=True)
        with KubernetesStub(api_directory) as api:
            asks = ("--kubernetes-api", api.url, "--kubernetes-credentials", str(api.credentials))
            how = {
                Coordinators.ONE: (),
                Coordinators.SEVERAL: ("--several", "true"),
                Coordinators.LEASE: ("--leader-elect", "true", *asks),
            }
            plan = Plan(
                grid_flags=("--latency-ms", str(GRID_LATENCY_MS)),
                coordinator_flags=("--release-delay", "0", *how[self._coordinators]),
                beside=[()] * (self._coordinators.count - 1),
            )
            with Cluster(self._directory / "cluster", plan) as cluster:
                yield cluster

    @contextmanager
    def _places(self) -> Iterator[None]:
        with ExitStack() as stack:
            for _ in range(PLACES):
                self._free.put(stack.enter_context(PodPlace()))
            yield

    def _start_pods(self, pool: ThreadPoolExecutor, cluster: Cluster) -> Iterator[Future[None]]:
        started_s, clock = time.monotonic(), threading.Event()
        while (number := self._books.next_number()) is not None:
            due_s = started_s + number / self._adds_per_s
            clock.wait(max(0.0, due_s - time.monotonic()))
            yield pool.submit(self._live, cluster, number, due_s)

    def _live(self, cluster: Cluster, number: int, due_s: float) -> None:
        """Start a pod, then stop the one that has lived longest."""
        place, container = self._free.get(), f"c{number}"
        place.set_mac(number)
        outcome = self._call(cluster, "ADD", container, place.path)
        took_s = time.monotonic() - due_s
        self._took_s.append(took_s)
        address = ""
        if self._books.noted("ADD", container, outcome):
            address = outcome.address
            self._books.holds(container, address)
        else:
            self._failures.append(f"{container} after {took_s:.1f} s: {outcome.result}")
        self._living.append(_Pod(container, address, place))
        if len(self._living) > LIVING:
            self._stop(cluster, self._living.popleft())

    def _stop(self, cluster: Cluster, pod: _Pod) -> None:
        if pod.address:
            self._books.goes(pod.container, pod.address)
        self._books.noted("DEL", pod.container, self._call(cluster, "DEL", pod.container))
        self._free.put(pod.place)

    def _call(self, cluster: Cluster, verb: str, container: str, netns: str | None = None) -> Outcome:
        args = pod_args("rolling", container, container, f"u-{container}")
        config = cluster.node.config(subnet="10.56.0.0/20", gateway="0.0.0.1")
        return cluster.node.ipam(Invocation(verb, container, IFNAME, netns, args), config)

    def _replace_daemons(self, cluster: Cluster) -> None:
        """What a DaemonSet and a Deployment do: the old one ends, a new one starts; when it is ready, the next."""
        pods_between = int(self._adds_per_s * REPLACE_EVERY_S)
        for replica in cycle([None, *range(self._coordinators.count)]):
            if not self._books.wait_done(self._books.done + pods_between):
                return
            if replica is None:
                self._end("agent", cluster.node.agent)
                cluster.node.start_agent().wait_for("coordinator_reached", timeout_s=READY_TIMEOUT_S)
            else:
                self._replace(cluster, replica)

    def _replace(self, cluster: Cluster, replica: int) -> None:
        """One coordinator is replaced; where it served the node, until the node has found who serves it now."""
        agent, place = cluster.node.agent, cluster.replicas[replica]
        assert agent
        welcomes = agent.count("coordinator_reached") + (cluster.serving(cluster.node.name) == replica)
        self._end(place.log_path.stem, place.daemon)
        cluster.start_coordinator(replica=replica)
        self._wait_until_ready(place)
        agent.wait_for_count("coordinator_reached", welcomes, timeout_s=READY_TIMEOUT_S)

    def _wait_until_ready(self, place: Replica) -> None:
        """As the kubelet does: one of two that are elected is ready when it leads, or knows who does."""
        assert place.daemon
        if self._coordinators is Coordinators.LEASE:
            place.daemon.wait_until(
                lambda line: line.get("event") in ("leader_gained", "leader_seen"), "leader", READY_TIMEOUT_S
            )

    def _end(self, name: str, daemon: Daemon | None) -> None:
        assert daemon
        if code := daemon.stop():
            self._books.wrong.append(f"the {name} ended with {code}")
        self._replaced[name] += 1

    def _expect_quiet(self, cluster: Cluster) -> None:
        def held() -> dict[str, str]:
            return {address: ea(found, "VM ID") for address, found in cluster.grid.pods().items()}

        if not cluster.grid.wait_until(lambda: held() == self._books.living(), QUIET_TIMEOUT_S):
            self._books.wrong.append(f"the grid holds {held()}, while there live {self._books.living()}")


@dataclass(frozen=True)
class _Pod:
    """A pod that lives; without an address where its ADD failed."""

    container: str
    address: str
    place: PodPlace
