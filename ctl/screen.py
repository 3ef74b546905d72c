"""Writes the daemons' answers as lines that fit on one screen."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.status import AgentStatus, CoordinatorStatus, NetworkStatus, NodeStatus

ROWS_MAX = 10
"""Of nodes or networks; a screen is no place for a thousand."""

CONTAINER_ID_SHOWN = 12
"""Of the 64 digits of a container ID."""


def coordinator_lines(url: str, coordinator: CoordinatorStatus) -> list[str]:
    """The coordinator, its grid, its networks, its nodes."""
    grid = coordinator.grid
    facts = [grid.state, grid.reason, grid.mode and f"mode {grid.mode}", f"{grid.calls} calls"]
    return [
        f"coordinator {url}: cluster {coordinator.cluster}, release {coordinator.release}",
        f"  grid         {', '.join(fact for fact in facts if fact)}",
        f"  allocations  {coordinator.allocations}, {_count(coordinator.releases_waiting, 'release')} waiting",
        *_rows("network", [_network(network) for network in coordinator.networks]),
        *_rows("node", [_node(node) for node in _absent_first(coordinator.nodes)]),
    ]


def agent_lines(url: str, agent: AgentStatus) -> list[str]:
    """One agent with what its journal holds."""
    heard = "nothing heard yet" if agent.heard_s_ago is None else f"heard {duration(agent.heard_s_ago)} ago"
    connection = "connected" if agent.connected else f"NOT CONNECTED ({agent.why_not_connected})"
    held, asked, releasing = agent.attachments.held, agent.attachments.asked, agent.attachments.releasing
    unready = [f"  NOT READY    {agent.unready}"] if agent.unready else []
    return [
        f"agent {url}: node {agent.node}, release {agent.release}",
        *unready,
        f"  coordinator  {connection}, {heard}",
        f"  attachments  {held} held, {asked} asked, {releasing} releasing",
        f"  pending      {_count(agent.pending_files, 'file')}",
        *([f"  journal      a DAMAGED one is kept as {agent.damaged_journal}"] if agent.damaged_journal else []),
    ]


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
    return f"{network.subnet} in view {network.view}: {_count(network.allocations, 'allocation')}"


def _node(node: NodeStatus) -> str:
    silent = f"NOT CONNECTED, heard {duration(node.heard_s_ago)} ago"
    connected = silent if node.connected_s is None else f"connected for {duration(node.connected_s)}"
    return f"{node.node}: {connected}, {_count(node.attachments, 'attachment')}"


def _absent_first(nodes: Sequence[NodeStatus]) -> list[NodeStatus]:
    return sorted(nodes, key=lambda node: (node.connected_s is not None, node.node))


def _rows(title: str, rows: Sequence[str]) -> list[str]:
    shown = [f"  {title:<12} {row}" for row in rows[:ROWS_MAX]]
    hidden = len(rows) - len(shown)
    return [*shown, f"  {'':<12} and {hidden} more"] if hidden else shown


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
