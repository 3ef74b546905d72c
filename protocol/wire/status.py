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
    """What the coordinator knows about the grid. `since_s` is how long it has been unavailable.

    `mode`: request, separate (single calls only), or unknown before the first call. `call_median_s` and
    `call_p95_s`: how long the newest 200 calls took that were answered, None before the first. `problem` is the
    error class behind `reason`. `certificate_ends` is an ISO time, empty where no certificate was verified.
    """

    state: str
    reason: str
    since_s: float
    calls: int
    mode: str
    missing_definitions: tuple[str, ...]
    call_median_s: float | None = None
    call_p95_s: float | None = None
    problem: str = ""
    certificate_ends: str = ""


class LaneStatus(_Part):
    """The lane of WAPI calls: tasks that wait, operations that a call may have."""

    waiting: int
    operations_max: int


class NodeStatus(_Part):
    """One agent that has said what it claims: a node has one for each driver, and for each boot.

    `connected_s` is None while it is silent. `held` counts adopted ones, too.
    """

    node: str
    driver: str
    boot: str
    release: str
    connected_s: float | None
    heard_s_ago: float
    held: int
    ready: int


class NetworkStatus(_Part):
    """A network with allocations of this cluster; all but its size are counts of addresses.

    `ready` are held by nobody yet, of `ready_wanted` that its nodes shall have; `resting` are on their way out of
    the grid; both are among the `allocations`. `others` are in use by somebody else, `in_ranges` lie in DHCP
    ranges: the grid's own count of `read_s_ago`, None before it was read. `free` is what is left as far as is
    known, and `days_left` when nothing will be, where that can be told.
    """

    view: str
    subnet: str
    allocations: int
    ready: int
    ready_wanted: int = 0
    resting: int
    size: int
    others: int | None = None
    in_ranges: int | None = None
    free: int | None = None
    read_s_ago: float | None = None
    days_left: float | None = None


class SweepStatus(_Part):
    """The listing of the grid. `stopped` is why nothing is freed of nodes that are gone, empty where it may be.

    `interval_s` is 0 where the grid is listed once, at the start.
    """

    listed_s_ago: float | None
    unreadable: int
    stopped: str
    interval_s: float = 0


class KubernetesStatus(_Part):
    """The watch of the Kubernetes API: whether it is up to date, how many nodes it shows."""

    fresh: bool
    nodes: int


class LeaseStatus(_Part):
    """The Lease that says which coordinator leads. `identity` is this one, `holder` the one that has it.

    `since` is when that one began to lead, by its own clock. `renewed_s_ago` is None where this one never had it.
    `valid`: nobody else can have taken it meanwhile. `trouble` is why it cannot be read or written.
    """

    identity: str
    holder: str
    since: str
    renewed_s_ago: float | None
    valid: bool
    trouble: str


class AlarmStatus(_Part):
    """What a person has to look at. `node` is empty where it concerns none; `since_s` is how long it is open."""

    kind: str
    node: str
    since_s: float
    text: str


class EventStatus(_Part):
    """Something that happened, as the coordinator's log has it, `times` times until `at` (ISO 8601, UTC)."""

    at: str
    event: str
    is_alarm: bool
    fields: Mapping[str, str]
    times: int = 1


class FailureStatus(_Part):
    """A request for an address that was declined, `times` times in all from `first_at` to `at` (ISO 8601, UTC).

    `pod` is NAMESPACE/NAME, `network` the subnet, `error` the kind of the failure. `request` is the id of the last
    request that met it, as the logs of agent and coordinator have it.
    """

    at: str
    first_at: str
    times: int
    pod: str
    node: str
    network: str
    code: int
    error: str
    reason: str
    remedy: str
    request: str


class CoordinatorStatus(_Part):
    """A coordinator. `cluster` is its name, `why_not_leading` is None for the one that leads.

    `oldest_label_s` is how long the label has waited that waits longest. `alarms` are open ones. `events` and
    `failures` are the last ones of this process, the last one first, without what happens all the time: addresses
    given and freed. `kubernetes` is None where it does not watch one, `lease` where none says who leads.
    `restart_costs`: what a restart would lose or delay now, nothing where it is harmless.
    """

    cluster: str
    cluster_id: str
    release: str
    why_not_leading: str | None
    allocations: int
    listed: bool
    deletions_waiting: int
    repairs_waiting: int
    lane: LaneStatus
    grid: GridStatus
    nodes: tuple[NodeStatus, ...]
    networks: tuple[NetworkStatus, ...]
    sweep: SweepStatus
    labels_waiting: int = 0
    oldest_label_s: float = 0
    alarms: tuple[AlarmStatus, ...] = ()
    kubernetes: KubernetesStatus | None = None
    lease: LeaseStatus | None = None
    restart_costs: tuple[str, ...] = ()
    events: tuple[EventStatus, ...] = ()
    failures: tuple[FailureStatus, ...] = ()


class AllocationCounts(_Part):
    """How many allocations of a journal are in which state. `lost` ones are held, but not in the grid any more."""

    asked: int
    ready: int
    held: int
    adopted: int
    let_go: int
    lost: int


class ReserveStatus(_Part):
    """What is kept ready of one network of a configuration."""

    network: str
    subnet: str
    wanted: int
    ready: int


class AgentStatus(_Part):
    """A node's agent. `unready` is why it is not ready; `heard_s_ago` is None before the coordinator was heard.

    `cluster_id` is None before the first welcome. `coordinator` is the address of the one that serves this node,
    None where none does. `journal_trouble` is why the journal cannot be written. `damaged_journal` is the file of
    a journal that was damaged, until a person removes it. `oldest_let_go_s` and `oldest_pending_s` are how long
    the oldest of what was let go, and of the plugin's files, has waited. `unlabelled` counts labels that the grid
    is not known to show. `notices` are what the coordinator has to tell this node's people, by kind. `namespaces`:
    how many of pods were seen how.
    """

    node: str
    driver: str
    release: str
    machine: str
    boot: str
    journal: str
    cluster_id: str | None
    unready: str | None
    socket_open: bool
    connected: bool
    why_not_connected: str | None
    heard_s_ago: float | None
    allocations: AllocationCounts
    reserve: tuple[ReserveStatus, ...]
    pending_files: int
    plugin_connections: int
    coordinator: str | None = None
    journal_trouble: str | None = None
    damaged_journal: str | None = None
    oldest_let_go_s: float = 0
    oldest_pending_s: float = 0
    unlabelled: int = 0
    notices: Mapping[str, str] = {}
    namespaces: Mapping[str, int] = {}
