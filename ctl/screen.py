"""Writes the daemons' answers as lines that fit on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.wire.status import (
    AgentStatus,
    AlarmStatus,
    CoordinatorStatus,
    GridStatus,
    LeaseStatus,
    NetworkStatus,
    NodeStatus,
)

ROWS_MAX = 10
"""Of nodes or networks; a screen is no place for a thousand."""

CONTAINER_ID_SHOWN = 12
"""Of the 64 digits of a container ID."""


def coordinator_lines(url: str, coordinator: CoordinatorStatus) -> list[str]:
    """The coordinator, what a person has to look at, its grid, its networks, its nodes."""
    grid, cluster = coordinator.grid, f"{coordinator.cluster} ({coordinator.cluster_id})"
    facts = [grid.state, grid.reason, grid.mode and f"mode {grid.mode}", f"{grid.calls} calls", _times(grid)]
    facts += [f"certificate until {grid.certificate_ends[:10]}"] if grid.certificate_ends else []
    waiting = [_count(coordinator.deletions_waiting, "deletion"), _count(coordinator.repairs_waiting, "repair")]
    stopped = [f"  sweep        STOPPED, {coordinator.sweep.stopped}"] if coordinator.sweep.stopped else []
    not_leading = [f"  NOT LEADING  {coordinator.why_not_leading}"] if coordinator.why_not_leading else []
    return [
        f"coordinator {url}: cluster {cluster}, release {coordinator.release}",
        *not_leading,
        *([_lease(coordinator.lease)] if coordinator.lease else []),
        *_rows("ALARM", [_alarm(alarm) for alarm in coordinator.alarms]),
        f"  grid         {', '.join(fact for fact in facts if fact)}",
        f"  allocations  {coordinator.allocations}, {', '.join(waiting)} waiting",
        *stopped,
        *_rows("restart", _restart(coordinator)),
        *_rows("network", [_network(network) for network in coordinator.networks]),
        *_rows("node", [_node(node) for node in _absent_first(coordinator.nodes)]),
    ]


def agent_lines(url: str, agent: AgentStatus) -> list[str]:
    """One agent with what its journal holds."""
    heard = "nothing heard yet" if agent.heard_s_ago is None else f"heard {duration(agent.heard_s_ago)} ago"
    connected = f"connected to {agent.coordinator or 'a coordinator'}"
    connection = connected if agent.connected else f"NOT CONNECTED ({agent.why_not_connected})"
    states = agent.allocations.model_dump()
    kept = [f"{states.pop('held')} held", f"{states.pop('ready')} ready"]
    others = [f"{count} {state.replace('_', ' ')}" for state, count in states.items() if count]
    ready = [f"{each.ready} of {each.wanted} of {each.network} ({each.subnet})" for each in agent.reserve]
    return [
        f"agent {url}: node {agent.node}, driver {agent.driver}, release {agent.release}, boot {agent.boot}",
        *([f"  NOT READY    {agent.unready}"] if agent.unready else []),
        *_rows("NOTICE", [text for _, text in sorted(agent.notices.items())]),
        f"  coordinator  {connection}, {heard}",
        f"  allocations  {', '.join([*kept, *others])}",
        *_rows("reserve", ready),
        f"  pending      {_count(agent.pending_files, 'file')}",
        *([f"  journal      CANNOT BE WRITTEN: {agent.journal_trouble}"] if agent.journal_trouble else []),
        *([f"  journal      a DAMAGED one is kept as {agent.damaged_journal}"] if agent.damaged_journal else []),
    ]


def _times(grid: GridStatus) -> str:
    if grid.call_median_s is None or grid.call_p95_s is None:
        return ""
    return f"a call takes {_milliseconds(grid.call_median_s)}, 5 % take {_milliseconds(grid.call_p95_s)} or more"


def _milliseconds(time_s: float) -> str:
    return f"{time_s * 1000:.0f} ms" if time_s < 10 else f"{time_s:.0f} s"


def _restart(coordinator: CoordinatorStatus) -> Sequence[str]:
    """Whether it may be restarted now."""
    if coordinator.why_not_leading:
        return ["harmless, another one leads"]
    if coordinator.restart_costs:
        return ["COSTS SOMETHING NOW", *coordinator.restart_costs]
    return ["harmless now: nodes say again what they hold, and the grid is listed again"]


def _lease(lease: LeaseStatus) -> str:
    held = f"held by {lease.holder} since {lease.since}" if lease.holder else "held by nobody"
    own = ", which is this one" if lease.holder == lease.identity else f"; this one is {lease.identity}"
    trouble = f"; NOT REACHED: {lease.trouble}" if lease.trouble else ""
    return f"  lease        {held}{own}{trouble}"


def silent_line(daemon: str, url: str, why: str, remedy: str) -> str:
    """A daemon that gave no usable answer."""
    return f"{daemon} {url}: NO ANSWER, {why}; {remedy}"


def absent_line(daemon: str, url: str) -> str:
    """A daemon that does not run on this machine."""
    return f"{daemon} {url}: none here; --{daemon}-status URL asks another machine"


def duration(time_s: float) -> str:
    """A time in the unit in which people would say it."""
    for unit, size_s in (("d", 86400), ("h", 3600), ("min", 60)):
        if time_s >= 2 * size_s:
            return f"{time_s / size_s:.0f} {unit}"
    return f"{time_s:.0f} s"


def _network(network: NetworkStatus) -> str:
    used = f"{_count(network.allocations, 'allocation')} of {network.size}"
    facts = [used, f"{network.ready} ready", f"{network.resting} resting"]
    if network.others is not None and network.in_ranges is not None:
        facts += [f"{network.others} of others", f"{network.in_ranges} in DHCP ranges"]
    facts += [] if network.free is None else [f"{network.free} free"]
    facts += [] if network.days_left is None else [f"empty in {duration(network.days_left * 86_400)}"]
    return f"{network.subnet} in view {network.view}: {', '.join(facts)}"


def _node(node: NodeStatus) -> str:
    silent = f"NOT CONNECTED, heard {duration(node.heard_s_ago)} ago"
    connected = silent if node.connected_s is None else f"connected for {duration(node.connected_s)}"
    who = f"{node.node} ({node.driver}, boot {node.boot})"
    return f"{who}: {connected}, {node.held} held, {node.ready} ready"


def _alarm(alarm: AlarmStatus) -> str:
    return f"{alarm.kind} for {duration(alarm.since_s)}: {alarm.text}"


def _absent_first(nodes: Sequence[NodeStatus]) -> list[NodeStatus]:
    return sorted(nodes, key=lambda node: (node.connected_s is not None, node.node))


def _rows(title: str, rows: Sequence[str]) -> list[str]:
    shown = [f"  {title:<12} {row}" for row in rows[:ROWS_MAX]]
    hidden = len(rows) - len(shown)
    return [*shown, f"  {'':<12} and {hidden} more"] if hidden else shown


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
