"""Which agent of a node may have what a person's command gives it: the one that surely is this node."""

from __future__ import annotations

from coordinator.nodes.boots import Boot, Boots
from coordinator.nodes.sessions import Session, Sessions


def find_adopter(sessions: Sessions, boots: Boots, node: str, driver: str, now_s: float) -> Session | str:
    """The session of the node's agent, or why there is none. `driver` is empty where none was named."""
    connected = [each for each in sessions.of_node(node) if not each.is_silent(now_s)]
    if not connected:
        return f"the agent of {node} is not connected"
    of_boot = {Boot.of(each.owner) for each in connected}
    if len(of_boot) > 1 or boots.has_two_machines(node) or boots.has_heard_another(node, next(iter(of_boot))):
        return f"another boot or machine of {node} was heard: see 'cni-infoblox node replace {node}'"
    chosen = [each for each in connected if driver in ("", each.driver)]
    drivers = ", ".join(sorted(each.driver for each in connected))
    if not chosen:
        return f"{node} has no agent of driver {driver}, but of {drivers}"
    if len(chosen) > 1:
        return f"{node} has several agents: name one with --driver ({drivers})"
    return chosen[0]
