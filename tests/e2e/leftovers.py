"""What is left behind in the grid of a real cluster, for a coordinator that sweeps within seconds."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from plans import NO_REST
from runtime_calls import a_mac, add

from demo.cluster import CLUSTER_NAME, Cluster
from demo.grid import ea
from protocol.cluster_id import CLUSTER_ID_FILE
from protocol.wire.allocation_id import AllocationId, Owner, hash_boot, hash_driver, hash_machine, hash_node

SWEEPS_SOON: Final = (*NO_REST, "--sweep-interval", "1", "--node-gone-after", "1")


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


def an_id(cluster: Cluster, node: str) -> Mapping[str, str]:
    """For `plant`: an id that a journal of this node has drawn, on a machine and in a boot that nobody knows."""
    ours = (cluster.keys / "coordinator" / CLUSTER_ID_FILE).read_text().strip()
    home = (hash_node(node), hash_machine("lost"), hash_boot("lost"), hash_driver("infoblox"))
    owner = Owner(ours, *home, secrets.token_hex(4))
    return {"Allocation ID": str(owner.draw(secrets.token_hex(6)))}


def beside(cluster: Cluster, held: str, node: str, changes: Mapping[str, str]) -> Mapping[str, str]:
    """For `plant`: an id of `node` that the journal of address `held` drew, but for these parts of its owner."""
    drawer = AllocationId.parse(ea(cluster.grid.pods()[held], "Allocation ID")).owner
    owner = replace(drawer, **{"node": hash_node(node), **changes})
    return {"Allocation ID": str(owner.draw(secrets.token_hex(6)))}


def end_second_agent(cluster: Cluster, make_netns: Callable[..., str]) -> tuple[str, str]:
    """Kill the second node's agent, with a pod on each of both nodes. Returns the pods' addresses."""
    one, two = cluster.nodes.values()
    stays, goes = add(one, "stays", make_netns(a_mac())), add(two, "goes", make_netns(a_mac()))
    assert stays.ok
    assert goes.ok
    assert two.agent
    two.agent.kill()
    return stays.address, goes.address
