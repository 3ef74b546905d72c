"""Statuses of both daemons for tests, as the models want them; a test says what is of interest to it."""

from __future__ import annotations

from typing import Any

from protocol.wire.status import (
    AgentStatus,
    AllocationCounts,
    CoordinatorStatus,
    GridStatus,
    LaneStatus,
    NetworkStatus,
    NodeStatus,
    ReserveStatus,
    SweepStatus,
)


def a_grid(**changes: Any) -> GridStatus:
    known = {"state": "ok", "reason": "", "since_s": 0, "calls": 7, "mode": "request", "missing_definitions": ()}
    return GridStatus(**{**known, **changes})


def a_node(node: str, connected_s: float | None = 5, heard_s_ago: float = 1, held: int = 0) -> NodeStatus:
    return NodeStatus(
        node=node,
        driver="infoblox",
        boot="3" * 8,
        release="0.1.0",
        connected_s=connected_s,
        heard_s_ago=heard_s_ago,
        held=held,
        ready=2,
    )


def a_network(subnet: str, allocations: int) -> NetworkStatus:
    return NetworkStatus(
        view="default", subnet=subnet, allocations=allocations, ready=2, ready_wanted=4, resting=1, size=254
    )


def a_coordinator(**changes: Any) -> CoordinatorStatus:
    known = {
        "cluster": "prod-1",
        "cluster_id": "c0ffee000000",
        "release": "0.1.0",
        "why_not_leading": None,
        "allocations": 21,
        "listed": True,
        "deletions_waiting": 1,
        "repairs_waiting": 0,
        "lane": LaneStatus(waiting=0, operations_max=256),
        "grid": a_grid(),
        "nodes": (),
        "networks": (),
        "sweep": SweepStatus(listed_s_ago=None, unreadable=0, stopped=""),
    }
    return CoordinatorStatus(**{**known, **changes})


def an_agent(node: str = "node-a", **changes: Any) -> AgentStatus:
    known = {
        "node": node,
        "driver": "infoblox",
        "release": "0.1.0",
        "machine": "2" * 8,
        "boot": "3" * 8,
        "journal": "5" * 8,
        "cluster_id": "c0ffee000000",
        "unready": None,
        "socket_open": True,
        "connected": True,
        "coordinator": "tcp://10.0.0.5:5510",
        "why_not_connected": None,
        "heard_s_ago": 3.2,
        "allocations": AllocationCounts(asked=1, ready=2, held=20, adopted=0, let_go=2, lost=0),
        "reserve": (ReserveStatus(network="pods", subnet="10.55.0.0/16", wanted=2, ready=2),),
        "pending_files": 1,
        "plugin_connections": 0,
    }
    return AgentStatus(**{**known, **changes})
