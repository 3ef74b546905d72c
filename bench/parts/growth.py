"""What grows with what there is: a coordinator's start with the grid, an agent's with its journal."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any, Final
from urllib.parse import parse_qsl

import requests
import zmq

from bench.books import check_books, compare_books, holders
from bench.load.closed_loop import ClosedLoop, Load
from bench.load.timed_exec import execute
from bench.load.wire_node import NETWORK_NAME, UNBOUNDED, WireNode, authorize, hear_until_welcome
from bench.process import usage
from bench.result import Panel, Result, Samples, Series, Table
from bench.run import Run, Wrong
from demo.cluster import CLUSTER_NAME, Cluster, Node, Plan
from demo.cni import Invocation
from demo.grid import PASSWORD
from protocol.cluster_id import CLUSTER_ID_FILE, read_cluster_id
from protocol.keys import KeyPair, load_public
from protocol.wire.allocation_id import Owner, hash_boot, hash_driver, hash_machine, hash_node

ALLOCATIONS: Final = (0, 1_000, 10_000, 100_000)
ATTACHMENTS: Final = (10, 250, 1_000)
CALLS: Final = 30
AT_ONCE: Final = 8
NODE: Final = "wire-0"
PATIENCE_MS: Final = 20_000
FIRST_SUBNET: Final = "10.69.0.0/16"
NETNS: Final = "/proc/self/ns/net"
QUIET_S: Final = 3.0
PER_SUBNET: Final = 62_500
HEADINGS: Final = (
    *("with", "first ADD s", "start s", "listing s", "plain loop s", "RSS MB", "kB each"),
    *("ADD ms", "without grid ms", "CHECK ms"),
)
COMPARED: Final = """\
The coordinator is started on a grid without latency that holds so many fixed addresses of its cluster, while a
node tries to connect every 0.1 s: time from exec until that node has its first address, from a network that is
in the grid. It is started again with nobody else there: time from exec until it has listed them, its memory then,
the ADDs of one node after that, one at a time on the wire (what the simulator itself takes longer in a full
network is in them). The plain loop is `requests` with a session, which reads the same pages with the query that
the coordinator sent; the listing is the coordinator's time without that of one that has nothing to list. The
agent is started with so many attachments in its journal: time from exec until it serves; then ADD, CHECK through
the static plugin, from exec to exit."""


def measure(run: Run) -> Result:
    """The coordinator with ever more allocations; the agent with ever more attachments."""
    samples: dict[str, Samples] = {}
    checks = [
        _coordinator(run, run.count(len(ALLOCATIONS), 3), samples),
        _agent(run, run.count(len(ATTACHMENTS), 1), samples),
    ]
    rows = [*_rows(samples, "allocations", "coordinator"), *_rows(samples, "attachments", "agent")]
    table = Table(HEADINGS, rows)
    return Result("growth", "Growth", COMPARED, table, _panels(samples), samples, checks)


def _coordinator(run: Run, steps: int, samples: dict[str, Samples]) -> str:
    stage = run.directory / "coordinator"
    pair = authorize(stage / "keys", [NODE])[NODE]
    living: dict[str, str] = {}
    with Cluster(stage, Plan(coordinator_flags=UNBOUNDED)) as cluster:
        cluster.grid.create_all("network", [{"network": f"10.{64 + number}.0.0/16"} for number in range(2)])
        for_pods = {"Network Name": {"value": NETWORK_NAME}}
        cluster.grid.create("network", {"network": FIRST_SUBNET, "extattrs": for_pods})
        owner, there = read_cluster_id(stage / "keys" / "coordinator" / CLUSTER_ID_FILE), 0
        for count in ALLOCATIONS[:steps]:
            cluster.grid.create_all("fixedaddress", [_allocation(owner, number) for number in range(there, count)])
            living.update({_container(number): _address(number) for number in range(there, count)})
            there = count
            first_s, first = _first_add(cluster, pair, f"first-{count}")
            living.update(first.addresses())
            samples[f"allocations.{count}.first_add"] = Samples("s", [first_s])
            _start_coordinator(cluster, count, samples)
            load = _adds(cluster, pair, f"10.{70 + len(str(count))}.0.0/16", f"wire-{count}", run.count(CALLS, 3))
            living.update(load.addresses())
            took_ms = [each.took_s * 1000 for each in load.measured]
            samples[f"allocations.{count}.add"] = Samples("ms", took_ms)
            here_ms = [(each.took_s - each.grid_s) * 1000 for each in load.measured]
            samples[f"allocations.{count}.add_without_grid"] = Samples("ms", here_ms)
            run.say(f"  coordinator with {count:,} allocations")
        _, found = _read_pages(cluster)
    return f"coordinator: {compare_books(holders(found), living)}"


def _first_add(cluster: Cluster, pair: KeyPair, prefix: str) -> tuple[float, Load]:
    """Seconds from a coordinator's exec until it has given its first address, and what it gave."""
    assert cluster.coordinator
    cluster.coordinator.stop()
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        node = _node(cluster, pair, context, stack)
        node.socket.setsockopt(zmq.RECONNECT_IVL_MAX, 0)
        node.socket.connect(cluster.endpoint)
        began_s = time.perf_counter()
        cluster.launch_coordinator()
        _greet(node)
        load = ClosedLoop([node], FIRST_SUBNET, prefix).serve(1, 1)
        return load.measured[0].at_s - began_s, load


def _node(cluster: Cluster, pair: KeyPair, context: zmq.Context[Any], stack: ExitStack) -> WireNode:
    node = WireNode(context, NODE, pair, load_public(cluster.keys / "coordinator" / "coordinator.key"))
    stack.callback(node.socket.close)
    return node


def _greet(node: WireNode) -> None:
    if not node.socket.poll(PATIENCE_MS, zmq.POLLOUT):
        raise Wrong("the coordinator let nobody connect")
    node.hello()
    hear_until_welcome([node], PATIENCE_MS)


def _start_coordinator(cluster: Cluster, count: int, samples: dict[str, Samples]) -> None:
    assert cluster.coordinator
    cluster.coordinator.stop()
    began_s = time.monotonic()
    coordinator = cluster.launch_coordinator()
    coordinator.wait_for("listed", timeout_s=300)
    took_s = time.monotonic() - began_s
    rss_mb = usage(coordinator.pid).rss_mb
    # It goes on to read what bears the cluster's name, which is no part of its start.
    cluster.grid.wait_until_left_alone(QUIET_S)
    plain_s, found = _read_pages(cluster)
    if len(found) < count:
        raise Wrong(f"the plain loop found {len(found)} of {count} addresses")
    samples[f"allocations.{count}.start"] = Samples("s", [took_s])
    if count:
        # What a coordinator without allocations takes is the start of its process, and the definitions.
        listing_s = took_s - samples["allocations.0.start"].values[0]
        samples[f"allocations.{count}.listing"] = Samples("s", [listing_s])
    samples[f"allocations.{count}.plain"] = Samples("s", [plain_s])
    samples[f"allocations.{count}.rss"] = Samples("MB", [rss_mb])


def _read_pages(cluster: Cluster) -> tuple[float, list[dict[str, Any]]]:
    """Seconds of a plain loop over the pages of the coordinator's own listing, and what it found."""
    listing = next(call for call in reversed(cluster.grid.calls()) if _is_own_listing(call["query"]))
    query = {name: value for name, value in parse_qsl(listing["query"]) if name != "_page_id"}
    found: list[dict[str, Any]] = []
    began_s = time.monotonic()
    with requests.Session() as session:
        session.trust_env, session.verify, session.auth = False, cluster.grid.certificate, ("admin", PASSWORD)
        while True:
            reply = session.get(f"{cluster.grid.url}{listing['path']}", params=query, timeout=60)
            reply.raise_for_status()
            page = reply.json()
            found += page["result"]
            if "next_page_id" not in page:
                return time.monotonic() - began_s, found
            query["_page_id"] = page["next_page_id"]


def _is_own_listing(query: str) -> bool:
    """Whether it reads pages of what bears this cluster's id; others read what bears its name."""
    return {"_paging", "*Allocation ID~"} <= dict(parse_qsl(query)).keys()


def _adds(cluster: Cluster, pair: KeyPair, subnet: str, prefix: str, count: int) -> Load:
    with ExitStack() as stack:
        context = stack.enter_context(zmq.Context())
        node = _node(cluster, pair, context, stack)
        node.socket.connect(cluster.endpoint)
        _greet(node)
        loop = ClosedLoop([node], subnet, prefix)
        first, load = loop.serve(1, 1), loop.serve(count, 1)
        return Load(load.took_s, load.measured, [*load.drained, *first.measured, *first.drained])


def _allocation(cluster_id: str, number: int) -> dict[str, Any]:
    """An address of a pod, as the grid holds it."""
    node = f"node-{number % 100}"
    owner = Owner(
        cluster_id, hash_node(node), hash_machine(node), hash_boot("boot"), hash_driver("infoblox"), "0badcafe"
    )
    eas = {
        "Allocation ID": str(owner.draw(f"{number:012x}")),
        "Tenant ID": CLUSTER_NAME,
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
        "VM ID": _container(number),
        "VM Name": f"shop/web-{number}",
        "Interface Name": "eth0",
        "Location": node,
        "Network Name": NETWORK_NAME,
    }
    return {
        "ipv4addr": _address(number),
        "match_client": "RESERVED",
        "name": f"web-{number}",
        "extattrs": {name: {"value": value} for name, value in eas.items()},
    }


def _container(number: int) -> str:
    return f"{number:064x}"


def _address(number: int) -> str:
    subnet, host = divmod(number, PER_SUBNET)
    return f"10.{64 + subnet}.{host // 250}.{host % 250 + 1}"


def _agent(run: Run, steps: int, samples: dict[str, Samples]) -> str:
    living: dict[str, str] = {}
    with (
        Cluster(run.directory / "agent", Plan(coordinator_flags=UNBOUNDED)) as cluster,
        ThreadPoolExecutor(AT_ONCE) as pool,
    ):
        node = cluster.node
        for count in ATTACHMENTS[:steps]:
            missing = [f"held-{number}" for number in range(len(living), count)]
            added = pool.map(lambda container: node.ipam(_invocation("ADD", container), _config(node)), missing)
            living.update({name: outcome.address for name, outcome in zip(missing, added, strict=True)})
            assert node.agent
            node.agent.stop()
            began_s = time.monotonic()
            node.launch_agent().wait_for("serving")
            samples[f"attachments.{count}.start"] = Samples("s", [time.monotonic() - began_s])
            cluster.wait_connected(node.name)
            samples[f"attachments.{count}.rss"] = Samples("MB", [usage(node.agent.pid).rss_mb])
            _calls(node, count, run.count(CALLS, 3), living, samples)
            run.say(f"  agent with {count:,} attachments")
        return f"agent: {check_books(cluster.grid, living)}"


def _calls(node: Node, count: int, calls: int, living: dict[str, str], samples: dict[str, Samples]) -> None:
    adds, looks = [], []
    for number in range(calls):
        container = f"more-{count}-{number}"
        times, output = execute([node.plugin], _invocation("ADD", container).environment(), _stdin(_config(node)))
        adds.append(times.took_ms)
        result = json.loads(output)
        living[container] = result["ips"][0]["address"].partition("/")[0]
        checked = _stdin({**_config(node), "prevResult": result})
        times, _ = execute([node.plugin], _invocation("CHECK", container).environment(), checked)
        looks.append(times.took_ms)
    samples[f"attachments.{count}.add"] = Samples("ms", adds)
    samples[f"attachments.{count}.check"] = Samples("ms", looks)


def _invocation(verb: str, container: str) -> Invocation:
    return Invocation(verb, container, "absent0", NETNS)


def _config(node: Node) -> dict[str, Any]:
    return node.config(subnet="10.60.0.0/16", gateway=None)


def _stdin(config: Mapping[str, Any]) -> bytes:
    return json.dumps(config).encode()


def _counts(samples: Mapping[str, Samples], what: str) -> list[int]:
    return [int(name.split(".")[1]) for name in samples if name.startswith(what) and name.endswith(".start")]


def bytes_each(samples: Mapping[str, Samples], count: int) -> float:
    """Memory of the coordinator per allocation, beyond what it takes without any."""
    rss_mb = samples[f"allocations.{count}.rss"].values[0] - samples["allocations.0.rss"].values[0]
    return rss_mb * 1e6 / count


def _rows(samples: Mapping[str, Samples], what: str, daemon: str) -> list[list[str]]:
    def shown(count: int, name: str, digits: int) -> str:
        found = samples.get(f"{what}.{count}.{name}")
        return f"{statistics.median(found.values):.{digits}f}" if found else ""

    rows = []
    for count in _counts(samples, what):
        each = f"{bytes_each(samples, count) / 1000:.2f}" if what == "allocations" and count else ""
        times = [shown(count, name, 2) for name in ("first_add", "start", "listing", "plain", "rss")]
        calls = [shown(count, name, 1) for name in ("add", "add_without_grid", "check")]
        rows.append([f"{daemon}, {count:,} {what}", *times, each, *calls])
    return rows


def _panels(samples: Mapping[str, Samples]) -> list[Panel]:
    def lines(what: str, labels: Mapping[str, str]) -> list[Series]:
        counts = [count for count in _counts(samples, what) if count]
        return [
            Series(
                label, counts, [statistics.median(samples[f"{what}.{count}.{name}"].values) for count in counts]
            )
            for name, label in labels.items()
        ]

    starts = {
        "first_add": "from exec until the first ADD",
        "start": "from exec until it has listed",
        "plain": "plain loop over the pages",
    }
    adds = {"add": "ADD on the wire", "add_without_grid": "without the grid's part"}
    calls = {"start": "start, s", "add": "ADD by exec, ms", "check": "CHECK by exec, ms"}
    return [
        Panel(
            "coordinator's start", "allocations", "s", lines("allocations", starts), is_log_x=True, is_log_y=True
        ),
        Panel("an ADD afterwards", "allocations", "ms", lines("allocations", adds), is_log_x=True),
        Panel("agent", "attachments", "s, ms", lines("attachments", calls), is_log_x=True),
    ]
