"""The objects that the first generation of this plugin left in grids.

They carry the cluster's `Tenant ID` with `CMP Type`, their `VM ID` is the container ID or `N/A`; they have
no `VM Name`, no `Interface Name`, and no comment.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from gridsim.database.store import ZERO_MAC
from gridsim.model import Grid

UNKNOWN = "N/A"


@dataclass(frozen=True, slots=True)
class LegacyPod:
    """A pod as the first generation filed it; without MAC it became a reservation."""

    name: str
    container_id: str = UNKNOWN
    mac: str = ZERO_MAC


@dataclass(frozen=True, slots=True)
class LegacyCluster:
    """A cluster of the first generation: one network with its gateway and pods."""

    network: str = "172.18.0.0/16"
    gateway: str = "172.18.0.1"
    network_name: str = "ipam-test"
    tenant: str = "cluster-1"
    network_view: str = "default"
    pods: tuple[LegacyPod, ...] = ()


def create_legacy(grid: Grid, cluster: LegacyCluster) -> list[str]:
    """Create a cluster's objects; returns the references of network, gateway, then pods.

    Raises Refusal where the grid will not have them.
    """
    return [grid.create(kind, data) for kind, data in _objects(cluster)]


def _objects(cluster: LegacyCluster) -> Iterable[tuple[str, dict[str, Any]]]:
    where = {"network_view": cluster.network_view, "network": cluster.network}
    function = f"func:nextavailableip:{cluster.network},{cluster.network_view}"
    yield "network", {**where, "extattrs": _marks(cluster, {"Network Name": cluster.network_name})}
    gateway = LegacyPod("")
    for address, pod in [(cluster.gateway, gateway), *((function, pod) for pod in cluster.pods)]:
        yield (
            "fixedaddress",
            {
                **where,
                "ipv4addr": address,
                "mac": pod.mac,
                "name": pod.name,
                "extattrs": _marks(cluster, {"VM ID": pod.container_id}),
            },
        )


def _marks(cluster: LegacyCluster, more: dict[str, str]) -> dict[str, dict[str, str]]:
    marks = {"Cloud API Owned": "True", "CMP Type": "Kubernetes", "Tenant ID": cluster.tenant, **more}
    return {name: {"value": value} for name, value in marks.items()}
