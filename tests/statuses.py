"""Statuses of both daemons for tests, as the models want them; a test says what is of interest to it."""

from __future__ import annotations

from typing import Any

from protocol.status import (
    AgentStatus,
    AttachmentCounts,
    CoordinatorStatus,
    GridStatus,
    LaneStatus,
    NetworkStatus,
    NodeStatus,
    SweepStatus,
)


def a_grid(**changes: Any) -> GridStatus:
    known = {"state": "ok", "reason": "", "since_s": 0, "calls": 7, "mode": "request", "missing_definitions": ()}
    return GridStatus(**{**known, **changes})


def a_node(node: str, connected_s: float | None = 5, heard_s_ago: float = 1, attachments: int = 0) -> NodeStatus:
    return NodeStatus(
        node=node,
        release="0.1.0",
        connected_s=connected_s,
        heard_s_ago=heard_s_ago,
        attachments=attachments,
    )


def a_network(subnet: str, allocations: int) -> NetworkStatus:
    return NetworkStatus(
        view="default",
        subnet=subnet,
        allocations=allocations,
        delayed=0,
        size=254,
        listed=allocations,
        reserved=1,
    )


def a_coordinator(**changes: Any) -> CoordinatorStatus:
    known = {
        "cluster": "prod-1",
        "release": "0.1.0",
        "allocations": 21,
        "listed": True,
        "releases_waiting": 1,
        "lane": LaneStatus(waiting=0, operations_max=256),
        "grid": a_grid(),
        "nodes": (),
        "networks": (),
        "sweep": SweepStatus(
            looked_s_ago=None,
            compared=0,
            grid_only=0,
            cluster_only=0,
            twice=0,
            unclaimed=0,
            unknown=0,
            stopped="",
        ),
        "kubernetes": None,
    }
    return CoordinatorStatus(**{**known, **changes})


def an_agent(node: str = "node-a", **changes: Any) -> AgentStatus:
    known = {
        "node": node,
        "release": "0.1.0",
        "boot_id": "b",
        "journal_id": "j",
        "unready": None,
        "socket_open": True,
        "reached_since_start": True,
        "connected": True,
        "why_not_connected": None,
        "heard_s_ago": 3.2,
        "attachments": AttachmentCounts(asked=1, held=20, releasing=2, released=0),
        "namespaces": {},
        "releases_waiting": 0,
        "pending_files": 1,
        "plugin_connections": 0,
        "damaged_journal": None,
    }
    return AgentStatus(**{**known, **changes})
