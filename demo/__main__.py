"""The demonstration: twelve pods on two nodes get their addresses from a simulated grid, then give them back."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

from demo.cluster import Cluster, Node, Plan, Pod
from demo.daemons import DaemonFailed
from demo.grid import ea
from demo.links import Underlay, can_ping
from demo.table import table

PODS: Final = 12
NODES: Final = ("node-1", "node-2")
RELEASE_DELAY_S: Final = 2
AT_ONCE: Final = 6


class DemoFailed(Exception):
    """Something that the demonstration promises did not happen."""


def main() -> int:
    """Run it; exit code 0 when everything that it promises has been seen."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    if os.geteuid() != 0:
        return _fail("network namespaces need root: run it with sudo")
    directory = Path(tempfile.mkdtemp(prefix="cni-infoblox-demo-"))
    signal.signal(signal.SIGTERM, _terminator(os.getpid()))
    try:
        with Underlay("demo", "198.18.55") as underlay:
            flags = ("--release-delay", str(RELEASE_DELAY_S))
            plan = Plan(NODES, ("--latency-ms", "20"), flags, underlay)
            with Cluster(directory, plan) as cluster:
                _show(cluster, keep_running=keep)
    except (DaemonFailed, DemoFailed) as failed:
        return _fail(str(failed))
    except KeyboardInterrupt:
        _say("\nEverything is taken down.")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _terminator(own_pid: int) -> Callable[[int, object], None]:
    """Clean up on SIGTERM, but not in a process that was forked for a namespace and is ended by its parent."""

    def end(*_: object) -> None:
        if os.getpid() != own_pid:
            os._exit(1)
        sys.exit(1)

    return end


def _show(cluster: Cluster, *, keep_running: bool) -> None:
    nodes = list(cluster.nodes.values())
    _say(f"A simulated Infoblox grid (20 ms a call), a coordinator, agents on {len(nodes)} nodes are running.")
    _say(f"The grid's page: {cluster.grid.page}\n")
    calls_before = cluster.grid.call_count()
    pods = [_pod(nodes[number % len(nodes)], number) for number in range(PODS)]
    try:
        started_s = time.monotonic()
        _add_all(pods)
        took_s = time.monotonic() - started_s
        calls = cluster.grid.call_count() - calls_before
        _say(f"{PODS} pods started through the plugins bridge and macvlan in {took_s:.1f} s. The grid holds:\n")
        _say(_grid_table(cluster))
        _say(f"\nThat took {calls} WAPI calls, two networks with their gateways included.")
        _ping(pods)
        if keep_running:
            _stay(cluster)
    finally:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            deleted = list(pool.map(Pod.delete, pods))
    if not all(outcome.ok for outcome in deleted):
        raise DemoFailed("a pod could not be deleted")
    _wait_until_released(cluster)


def _pod(node: Node, number: int) -> Pod:
    """Two of three pods on a bridge, the third on macvlan, in a network of its own."""
    if number // len(NODES) % 3 < 2:
        config = {**node.config("bridge"), "bridge": "cni0", "isGateway": True}
    else:
        config = {**node.config("macvlan", subnet="10.56.0.0/24", gateway="10.56.0.1"), "master": "eth1"}
        config["name"] = "edge"
    return Pod(node, f"web-{number}", config, namespace="shop")


def _add_all(pods: list[Pod]) -> None:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(Pod.add, pods))
    for pod, outcome in zip(pods, outcomes, strict=True):
        if not outcome.ok:
            raise DemoFailed(f"{pod.name}: {outcome.stdout.decode()} {outcome.stderr.decode()}")
    if len({pod.address for pod in pods}) != len(pods):
        raise DemoFailed("two pods have one address")


def _grid_table(cluster: Cluster) -> str:
    held = cluster.grid.pods()
    rows = [_row(held[address]) for address in sorted(held, key=lambda text: [int(x) for x in text.split(".")])]
    if len(rows) != PODS:
        raise DemoFailed(f"the grid holds {len(rows)} pods, not {PODS}")
    return table(("ADDRESS", "POD", "NODE", "CONTAINER", "MAC"), rows)


def _row(found: dict[str, Any]) -> tuple[str, ...]:
    mac = found.get("mac") or "-"
    return found["ipv4addr"], ea(found, "VM Name"), ea(found, "Location"), ea(found, "VM ID")[:12], mac


def _ping(pods: list[Pod]) -> None:
    bridged = [pod for pod in pods if pod.config["type"] == "bridge"]
    one, other = [pod for pod in bridged if pod.node is bridged[0].node][:2]
    if not can_ping(one.netns_name, other.address):
        raise DemoFailed(f"{one.name} cannot reach {other.name} at {other.address}")
    _say(f"{one.name} ({one.address}) pings {other.name} ({other.address}) on {one.node.name}: it answers.\n")


def _wait_until_released(cluster: Cluster) -> None:
    assert cluster.coordinator
    cluster.coordinator.wait_for_count("released", PODS)
    left = cluster.grid.pods()
    if left:
        raise DemoFailed(f"the grid still holds {', '.join(left)}")
    _say(f"The pods are gone; {RELEASE_DELAY_S} s later the grid holds no pod any more:\n")
    _say(table(("ADDRESS", "POD", "NODE", "CONTAINER", "MAC"), []))
    _say(f"\n{cluster.grid.call_count()} WAPI calls in all, since the coordinator's start.")


def _stay(cluster: Cluster) -> None:
    node = cluster.node
    config = {**node.config("bridge"), "bridge": "cni0", "isGateway": True}
    path = cluster.directory / "bridge.json"
    path.write_text(json.dumps(config, indent=2))
    _say(f"""
Left running until Ctrl-C. The grid's page, refreshed by itself: {cluster.grid.page}

Add a pod by hand on {node.name}:

  ip netns add mypod
  export CNI_CONTAINERID=mypod CNI_NETNS=/run/netns/mypod CNI_IFNAME=eth0 CNI_PATH={node.bin_dir}
  export CNI_ARGS='K8S_POD_NAMESPACE=default;K8S_POD_NAME=mypod'
  CNI_COMMAND=ADD nsenter --net=/run/netns/{node.namespace} {node.bin_dir}/bridge < {path}

and remove it:

  CNI_COMMAND=DEL nsenter --net=/run/netns/{node.namespace} {node.bin_dir}/bridge < {path}
  ip netns del mypod
""")
    signal.pause()


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _fail(text: str) -> int:
    sys.stderr.write(f"demo: {text}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
