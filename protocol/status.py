"""What the daemons tell about themselves on `/status`: one model each, built by them, read by people's commands.

A field is never taken away, and a later one has a default: then the command of one release reads the daemon of
another.
"""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class GridStatus(_Part):
    """What the coordinator knows about the grid. `since_s` is how long it has been unavailable."""

    state: str
    reason: str
    since_s: float
    calls: int
    mode: str
    missing_definitions: tuple[str, ...]


class LaneStatus(_Part):
    """The lane of WAPI calls: pieces of work that wait, operations that a call may have."""

    waiting: int
    operations_max: int


class NodeStatus(_Part):
    """A node that has connected since the coordinator's start; `connected_s` is None while its agent is silent."""

    node: str
    release: str
    connected_s: float | None
    heard_s_ago: float
    attachments: int


class NetworkStatus(_Part):
    """A network with allocations of this cluster; all but its size are counts of addresses."""

    view: str
    subnet: str
    allocations: int
    delayed: int
    size: int
    listed: int
    reserved: int


class SweepStatus(_Part):
    """What the last sweep found; `stopped` is why it could release nothing, empty where it could."""

    looked_s_ago: float | None
    compared: int
    grid_only: int
    cluster_only: int
    twice: int
    unclaimed: int
    unknown: int
    stopped: str


class KubernetesStatus(_Part):
    """The watch of the Kubernetes API: whether it is up to date, how many objects it shows."""

    fresh: bool
    nodes: int
    pods: int


class CoordinatorStatus(_Part):
    """The cluster's coordinator. `kubernetes` is None where it does not watch one."""

    cluster: str
    release: str
    allocations: int
    listed: bool
    releases_waiting: int
    lane: LaneStatus
    grid: GridStatus
    nodes: tuple[NodeStatus, ...]
    networks: tuple[NetworkStatus, ...]
    sweep: SweepStatus
    kubernetes: KubernetesStatus | None


class AttachmentCounts(_Part):
    """How many attachments of a node are in which state of the journal."""

    asked: int
    held: int
    releasing: int
    released: int


class AgentStatus(_Part):
    """A node's agent. `unready` is why it is not ready; `heard_s_ago` is None before the coordinator was heard.

    `damaged_journal` is the file of a journal that was damaged, until a person removes it.
    """

    node: str
    release: str
    boot_id: str
    journal_id: str
    unready: str | None
    socket_open: bool
    reached_since_start: bool
    connected: bool
    why_not_connected: str | None
    heard_s_ago: float | None
    attachments: AttachmentCounts
    namespaces: Mapping[str, int]
    releases_waiting: int
    pending_files: int
    plugin_connections: int
    damaged_journal: str | None
