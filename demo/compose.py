"""The demonstration on the nodes of docker-compose.yml: twelve pods come and go, the grid's table tells of it."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from demo.cluster import network_config
from demo.cni import Outcome
from demo.grid import GridControl
from demo.runtime import ORDERS, Order, give
from demo.scenes import (
    NAMESPACE,
    NODES,
    PODS,
    DemoFailed,
    add_all,
    delete_all,
    grid_table,
    ping,
    pod_config,
    pod_name,
)

GRID_URL: Final = "https://gridsim:8443"
GRID_CERTIFICATE: Final = "/grid/cert.pem"
RELEASE_LIMIT_S: Final = 30


@dataclass(frozen=True)
class ContainerNode:
    """A node whose runtime takes orders."""

    name: str
    orders: Path = ORDERS


@dataclass
class ContainerPod:
    """A pod on such a node."""

    node: ContainerNode
    name: str
    config: Mapping[str, Any]
    container_id: str = field(default_factory=lambda: secrets.token_hex(32))
    address: str = ""

    def add(self) -> Outcome:
        """Have it started."""
        outcome = self._order("add")
        if outcome.ok:
            self.address = outcome.address
        return outcome

    def delete(self) -> Outcome:
        """Have it ended."""
        return self._order("delete")

    def can_reach(self, address: str) -> bool:
        """Whether an address answers the pod's ping."""
        return self._order("reach", address).ok

    def _order(self, verb: str, address: str = "") -> Outcome:
        order = Order(verb, NAMESPACE, self.name, self.container_id, self.config, address)
        return give(self.node.orders, self.node.name, order)


def main() -> int:
    """Run it; exit code 0 when everything that it promises has been seen."""
    grid = GridControl(GRID_URL, GRID_CERTIFICATE)
    try:
        show(grid, [ContainerNode(name) for name in NODES])
    except (DemoFailed, OSError, EOFError) as failed:
        sys.stderr.write(f"demo: {failed}\n")
        return 1
    finally:
        grid.close()
    return 0


def show(grid: GridControl, nodes: list[ContainerNode]) -> None:
    """Pods come, the grid is shown, they go, the grid is shown. Raises `DemoFailed`."""
    pods = [_pod(nodes[number % len(nodes)], number) for number in range(PODS)]
    try:
        add_all(pods)
        _say(f"{PODS} pods started on {len(nodes)} nodes. The grid holds:\n\n{grid_table(grid, expected=PODS)}")
        _say(f"\n{ping(pods)}\n")
    finally:
        delete_all(pods)
    grid.wait_until(lambda: not grid.pods(), RELEASE_LIMIT_S)
    _say(f"The pods are gone, and the grid holds none any more:\n\n{grid_table(grid, expected=0)}")


def _pod(node: ContainerNode, number: int) -> ContainerPod:
    return ContainerPod(node, pod_name(number), pod_config(number, network_config, master="eth0"))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
