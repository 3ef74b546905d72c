"""The demonstration: pods on two nodes get addresses from a simulated grid, though a coordinator is killed."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from demo.cluster import Cluster, Node, Plan, Pod
from demo.daemons import DaemonFailed, command
from demo.ending import exit_on_sigterm
from demo.links import Underlay, inside
from demo.scenes import (
    MORE_PODS,
    NAMESPACE,
    NODES,
    PODS,
    DemoFailed,
    add_all,
    attachments_table,
    delete_all,
    grid_table,
    ping,
    pod_config,
    pod_name,
    shown_status,
    storage_config,
)

RELEASE_DELAY_S: Final = 2
ATTACHMENTS: Final = 2
"""Of the pod with a secondary network."""


def main() -> int:
    """Run it; exit code 0 when everything that it promises has been seen."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave everything running until Ctrl-C")
    keep = parser.parse_args().keep
    if os.geteuid() != 0:
        return _fail("network namespaces need root: run it with sudo")
    directory = Path(tempfile.mkdtemp(prefix="cni-infoblox-demo-"))
    exit_on_sigterm()
    try:
        with Underlay("demo", "198.18.55") as underlay:
            flags = ("--release-delay", str(RELEASE_DELAY_S), "--several", "true")
            plan = Plan(NODES, ("--latency-ms", "20"), flags, underlay, beside=[()])
            with Cluster(directory, plan) as cluster:
                _show(cluster, keep_running=keep)
    except (DaemonFailed, DemoFailed) as failed:
        return _fail(str(failed))
    except KeyboardInterrupt:
        _say("\nEverything is taken down.")
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    return 0


def _show(cluster: Cluster, *, keep_running: bool) -> None:
    nodes = list(cluster.nodes.values())
    _say(f"A simulated Infoblox grid (20 ms a call), two coordinators, agents on {len(nodes)} nodes are running.")
    _say(f"The grid's page: {cluster.grid.page}\n")
    calls_before = cluster.grid.call_count()
    pods = [_pod(nodes[number % len(nodes)], number) for number in range(PODS)]
    more = [_pod(nodes[number % len(nodes)], number) for number in range(PODS, PODS + MORE_PODS)]
    database = _pod_with_two_interfaces(nodes[0])
    try:
        started_s = time.monotonic()
        add_all(pods)
        took_s = time.monotonic() - started_s
        calls = cluster.grid.call_count() - calls_before
        _say(f"{PODS} pods started through the plugins bridge and macvlan in {took_s:.1f} s. The grid holds:\n")
        _say(grid_table(cluster.grid, expected=PODS))
        _say(f"\nThat took {calls} WAPI calls, two networks with their gateways included.")
        _say(f"{ping(pods)}\n")
        _say(f"{_attach_twice(cluster, database)}\n")
        _say(f"So says cni-infoblox status:\n\n{_status(cluster)}\n")
        _say(f"{_kill_while_pods_start(cluster, more, held=PODS + ATTACHMENTS)}\n")
        if keep_running:
            _stay(cluster)
    finally:
        delete_all([*pods, *more, database])
    _wait_until_released(cluster)


def _attach_twice(cluster: Cluster, pod: Pod) -> str:
    """A pod with two interfaces, as Multus makes it; what the grid shows of it."""
    add_all([pod])
    shown = attachments_table(cluster.grid, f"{NAMESPACE}/{pod.name}", expected=ATTACHMENTS)
    return f"A pod with a secondary network, as Multus attaches it, has an object for each interface:\n\n{shown}"


def _kill_while_pods_start(cluster: Cluster, pods: Sequence[Pod], held: int) -> str:
    """Pods start, and the coordinator that serves their nodes is killed; the sentence that says so.

    `held` is how many addresses the grid holds for pods before.
    """
    victim = cluster.replicas[cluster.serving(cluster.node.name)].daemon
    assert victim
    started_s = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        starting = pool.submit(add_all, pods)
        victim.kill()
        starting.result()
    took_s = time.monotonic() - started_s
    grid_table(cluster.grid, expected=held + len(pods))
    return (
        f"{len(pods)} more pods started in {took_s:.1f} s, while the coordinator that served them was killed: "
        "what was ready went out at once, the other coordinator gave the rest."
    )


def _pod(node: Node, number: int) -> Pod:
    return Pod(node, pod_name(number), pod_config(number, node.config, master="eth1"), NAMESPACE)


def _pod_with_two_interfaces(node: Node) -> Pod:
    primary = {**node.config("bridge"), "bridge": "cni0", "isGateway": True}
    return Pod(node, "db-0", primary, NAMESPACE, secondary={"net1": storage_config(node.config, master="eth1")})


def _status(cluster: Cluster) -> str:
    """What the coordinator says, and on its node each agent."""
    assert cluster.coordinator
    port = cluster.coordinator.wait_for("started")["status_port"]
    shown = [
        shown_status([*command("cni-infoblox"), "status", "--coordinator-status", f"http://127.0.0.1:{port}"])
    ]
    for node in cluster.nodes.values():
        assert node.agent
        assert node.namespace
        port = node.agent.wait_for("status_listening")["port"]
        argv = [*command("cni-infoblox"), "status", "--agent-status", f"http://127.0.0.1:{port}"]
        shown.append(shown_status(inside(node.namespace, argv)))
    return "\n".join(line for text in shown for line in text.splitlines() if "none here" not in line)


def _wait_until_released(cluster: Cluster) -> None:
    empty = grid_table(cluster.grid, expected=0)
    _say(f"The pods are gone; {RELEASE_DELAY_S} s later the grid holds no pod any more:\n\n{empty}\n")
    _say("What it still holds, each node keeps ready: its next pods start without waiting for the grid.")
    _say(f"\n{cluster.grid.call_count()} WAPI calls in all, by the two coordinators.")


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
  export CNI_ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=mypod'
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
