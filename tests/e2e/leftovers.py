"""What is left behind in the grid of a real cluster, for a coordinator that sweeps within seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from plans import NO_REST
from runtime_calls import a_mac, add

from demo.cluster import CLUSTER_NAME, Cluster

SWEEPS_SOON = (*NO_REST, "--sweep-interval", "1", "--sweep-apart", "1", "--node-gone-after", "1")


def plant(
    cluster: Cluster, address: str, container: str, node: str, comment: str, more: Mapping[str, str] | None = None
) -> None:
    """An object of this cluster that is in no journal. `more`: further attributes."""
    eas = {
        "VM ID": container,
        "Interface Name": "eth0",
        "Location": node,
        "Tenant ID": CLUSTER_NAME,
        "CMP Type": "Kubernetes",
        "Cloud API Owned": "True",
        **(more or {}),
    }
    data = {"ipv4addr": address, "match_client": "RESERVED", "comment": comment}
    cluster.grid.create("fixedaddress", {**data, "extattrs": {key: {"value": text} for key, text in eas.items()}})


def end_second_agent(cluster: Cluster, make_netns: Callable[..., str]) -> tuple[str, str]:
    """Kill the second node's agent, with a pod on each of both nodes. Returns the pods' addresses."""
    one, two = cluster.nodes.values()
    stays, goes = add(one, "stays", make_netns(a_mac())), add(two, "goes", make_netns(a_mac()))
    assert stays.ok
    assert goes.ok
    assert two.agent
    two.agent.kill()
    return stays.address, goes.address
