"""Calls that a container runtime makes, in the words of the tests."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Mapping
from typing import Any

from demo.cluster import Cluster, Node
from demo.cni import Invocation, Outcome, pod_args

_numbers = itertools.count(1)


def a_mac() -> str:
    """A MAC that no other test uses."""
    number = next(_numbers)
    return f"02:00:00:{number >> 16 & 255:02x}:{number >> 8 & 255:02x}:{number & 255:02x}"


def a_container() -> str:
    """A container ID that no other test uses."""
    return secrets.token_hex(32)


def add(
    node: Node,
    container: str,
    netns: str,
    ifname: str = "eth0",
    config: Mapping[str, Any] | None = None,
    pod: str = "web-0",
) -> Outcome:
    """ADD of our plugin alone."""
    args = pod_args("shop", pod, container, f"uid-{container[:8]}")
    return node.ipam(Invocation("ADD", container, ifname, netns, args), config)


def delete(
    node: Node, container: str, ifname: str = "eth0", config: Mapping[str, Any] | bytes | None = None
) -> Outcome:
    """DEL with nothing but the attachment, as a runtime sends it when the namespace is gone."""
    return node.ipam(Invocation("DEL", container, ifname), config)


def grid_holds(cluster: Cluster, *containers: str, timeout_s: float = 20) -> bool:
    """Wait until the grid holds addresses of exactly these containers; `timeout_s` between two calls."""

    def holds() -> bool:
        found = cluster.grid.pods().values()
        return sorted(each["extattrs"]["VM ID"]["value"] for each in found) == sorted(containers)

    return cluster.grid.wait_until(holds, timeout_s)
