"""What the demonstration shows: pods start on two nodes, reach each other, end, and the grid tells of it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address
from typing import Any, Final, Protocol

from demo.cni import Outcome
from demo.grid import GridControl, ea
from demo.table import table

PODS: Final = 12
MORE_PODS: Final = 8
"""Of which each node has two ready on the bridge's network at most."""
NODES: Final = ("node-1", "node-2")
NAMESPACE: Final = "shop"
AT_ONCE: Final = 6
LABELLED_TIMEOUT_S: Final = 20.0
_HEADINGS: Final = ("ADDRESS", "POD", "NODE", "CONTAINER", "MAC")
_ATTACHMENT_HEADINGS: Final = ("ADDRESS", "POD", "INTERFACE", "NETWORK", "MAC")


class DemoFailed(Exception):
    """Something that the demonstration promises did not happen."""


class ShownPod(Protocol):
    """A pod, wherever it is; its address is empty until it was added."""

    name: str
    config: Mapping[str, Any]
    address: str

    @property
    def node(self) -> Any: ...

    def add(self) -> Outcome: ...

    def delete(self) -> Outcome: ...

    def can_reach(self, address: str) -> bool: ...


def pod_name(number: int) -> str:
    """The name of the pod with this number."""
    return f"web-{number}"


def pod_config(number: int, make: Callable[..., dict[str, Any]], master: str) -> dict[str, Any]:
    """Two of three pods on a bridge, the third on macvlan, in a network of its own."""
    if number // len(NODES) % 3 < 2:
        return {**make("bridge"), "bridge": "cni0", "isGateway": True}
    edge = make("macvlan", subnet="10.56.0.0/24", gateway="10.56.0.1")
    return {**edge, "name": "edge", "master": master}


def storage_config(make: Callable[..., dict[str, Any]], master: str) -> dict[str, Any]:
    """A secondary network, as a NetworkAttachmentDefinition has it."""
    return {**make("macvlan", subnet="10.60.0.0/24", gateway=None), "name": "storage", "master": master}


def add_all(pods: Sequence[ShownPod]) -> None:
    """Start them, several at once. Raises `DemoFailed` where one does not start, or two have one address."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda pod: pod.add(), pods))
    for pod, outcome in zip(pods, outcomes, strict=True):
        if not outcome.ok:
            raise DemoFailed(f"{pod.name}: {outcome.stdout.decode()} {outcome.stderr.decode()}")
    if len({pod.address for pod in pods}) != len(pods):
        raise DemoFailed("two pods have one address")


def delete_all(pods: Sequence[ShownPod]) -> None:
    """End them, several at once. Raises `DemoFailed` after all of them, where one does not end."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        outcomes = list(pool.map(lambda pod: pod.delete(), pods))
    for pod, outcome in zip(pods, outcomes, strict=True):
        if not outcome.ok:
            raise DemoFailed(f"{pod.name} could not be deleted: {outcome.stdout.decode()}")


def grid_table(grid: GridControl, expected: int) -> str:
    """The pods that the grid holds, as a table. Raises `DemoFailed` where they do not become as many as expected.

    A pod that had an address ready was answered before the grid learnt its name.
    """
    grid.wait_until(lambda: len(grid.pods()) == expected, LABELLED_TIMEOUT_S)
    held = grid.pods()
    if len(held) != expected:
        raise DemoFailed(f"the grid holds {len(held)} pods, not {expected}: {', '.join(held)}")
    return table(_HEADINGS, [_row(held[address]) for address in sorted(held, key=IPv4Address)])


def attachments_table(grid: GridControl, pod: str, expected: int) -> str:
    """What the grid holds of one pod, as a table. Raises `DemoFailed` where it is not so many attachments."""

    def held() -> list[Mapping[str, Any]]:
        return [found for found in grid.pods().values() if ea(found, "VM Name") == pod]

    grid.wait_until(lambda: len(held()) == expected, LABELLED_TIMEOUT_S)
    if len(held()) != expected:
        raise DemoFailed(f"the grid holds {len(held())} attachments of {pod}, not {expected}")
    names = ("VM Name", "Interface Name", "Network Name")
    rows = [(found["ipv4addr"], *(ea(found, name) for name in names), found.get("mac") or "-") for found in held()]
    return table(_ATTACHMENT_HEADINGS, sorted(rows))


def ping(pods: Sequence[ShownPod]) -> str:
    """One pod reaches another on its node's bridge; the sentence that says so. Raises `DemoFailed`."""
    bridged = [pod for pod in pods if pod.config["type"] == "bridge"]
    one, other = [pod for pod in bridged if pod.node.name == bridged[0].node.name][:2]
    if not one.can_reach(other.address):
        raise DemoFailed(f"{one.name} cannot reach {other.name} at {other.address}")
    return f"{one.name} ({one.address}) pings {other.name} ({other.address}) on {one.node.name}: it answers."


def shown_status(argv: Sequence[str]) -> str:
    """What `cni-infoblox status` prints. Raises `DemoFailed` where it finds anything wrong."""
    done = subprocess.run(list(argv), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise DemoFailed(f"{' '.join(argv)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout.rstrip()


def _row(found: Mapping[str, Any]) -> tuple[str, ...]:
    mac = found.get("mac") or "-"
    return found["ipv4addr"], ea(found, "VM Name"), ea(found, "Location"), ea(found, "VM ID")[:12], mac
