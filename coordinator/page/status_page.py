"""The whole page: a status goes in, HTML comes out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from coordinator.page.happenings import events_card, failures_card
from coordinator.page.markup import Html, element, join, table
from coordinator.page.networks import networks_card
from coordinator.page.style import ICON, STYLE
from coordinator.page.words import ago, count, duration, moment
from protocol.wire.status import AlarmStatus, CoordinatorStatus, GridStatus, NodeStatus

REFRESH_S: Final = 10
NODES_SHOWN_MAX: Final = 200
ALARMS_SHOWN_MAX: Final = 50


def render(status: CoordinatorStatus, now: datetime) -> str:
    """The page of this status; `now` is the time of day in UTC. Whatever is in the status is shown as text."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("title", f"{status.cluster}: cni-infoblox"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="refresh", content=REFRESH_S),
        element("link", rel="icon", href=ICON),
        element("style", Html(STYLE)),
    )
    main = element(
        "main",
        _header(status, now),
        _tiles(status),
        _alarms(status.alarms),
        networks_card(status.networks),
        _nodes(status.nodes),
        failures_card(status.failures),
        events_card(status.events),
    )
    return f"<!doctype html>\n{element('html', head, element('body', main), lang='en')}\n"


def _header(status: CoordinatorStatus, now: datetime) -> Html:
    built = f"cni-infoblox coordinator {status.release}, cluster id {status.cluster_id}"
    told = element("span", moment(f"{now:%Y-%m-%dT%H:%M:%SZ}"), " UTC", class_="right")
    return element(
        "header", element("h1", f"Cluster {status.cluster}"), element("span", built, class_="soft"), told
    )


def _tiles(status: CoordinatorStatus) -> Html:
    tiles = (
        _grid(status.grid),
        _leader(status),
        _lane(status),
        _node_tile(status.nodes),
        _addresses(status),
        _sweep(status),
    )
    return element("div", *tiles, class_="tiles")


def _tile(title: str, value: str, words: Iterable[str], level: str = "") -> Html:
    lines = [element("p", each) for each in words if each]
    return element(
        "section", element("h2", title), element("b", value, class_=level or "plain"), *lines, class_="tile"
    )


def _grid(grid: GridStatus) -> Html:
    is_ok = grid.state == "ok"
    since = f"for {duration(grid.since_s)}: {grid.reason}" if grid.reason else ""
    missing = f"missing attributes: {', '.join(grid.missing_definitions)}" if grid.missing_definitions else ""
    words = (since, missing, f"{count(grid.calls, 'call')}, mode {grid.mode}")
    return _tile("Grid", grid.state, words, "good" if is_ok and not missing else "bad")


def _leader(status: CoordinatorStatus) -> Html:
    why, lease = status.why_not_leading, status.lease
    if lease is None:
        return _tile("Leader", "follows" if why else "leads", (why or "no Lease: none is elected",), "")
    trouble = f"the Lease: {lease.trouble}" if lease.trouble else ""
    holder = f"{lease.holder or 'nobody'} since {lease.since.partition('.')[0] or 'ever'}"
    level = "bad" if trouble else "good" if why is None else ""
    return _tile(
        "Leader", "follows" if why else "leads", (f"this one is {lease.identity}", holder, trouble), level
    )


def _lane(status: CoordinatorStatus) -> Html:
    behind = [
        count(status.deletions_waiting, "deletion") + " waiting" if status.deletions_waiting else "",
        count(status.repairs_waiting, "repair") + " waiting" if status.repairs_waiting else "",
    ]
    words = (f"up to {count(status.lane.operations_max, 'operation')} a call", *behind)
    return _tile("Lane", count(status.lane.waiting, "task"), words)


def _node_tile(nodes: Sequence[NodeStatus]) -> Html:
    silent = sum(1 for each in nodes if each.connected_s is None)
    words = (f"{silent:,} of {count(len(nodes), 'agent')} silent" if silent else "",)
    return _tile(
        "Nodes", f"{len(nodes) - silent:,} connected", words, "warn" if silent else "good" if nodes else ""
    )


def _addresses(status: CoordinatorStatus) -> Html:
    held, ready = sum(each.held for each in status.nodes), sum(each.ready for each in status.nodes)
    words = (
        f"{held:,} held, {ready:,} kept ready",
        "" if status.listed else "the grid is not yet read to its end",
    )
    return _tile("Addresses in the grid", f"{status.allocations:,}", words)


def _sweep(status: CoordinatorStatus) -> Html:
    sweep, watch = status.sweep, status.kubernetes
    unreadable = f"{count(sweep.unreadable, 'object')} unreadable" if sweep.unreadable else ""
    kubernetes = f"{count(watch.nodes, 'node')} in Kubernetes" if watch else ""
    stale = "Kubernetes does not answer" if watch and not watch.fresh else ""
    words = (sweep.stopped, unreadable, kubernetes, stale)
    return _tile("Grid listed", ago(sweep.listed_s_ago), words, "bad" if sweep.stopped else "")


def _alarms(alarms: Sequence[AlarmStatus]) -> Html:
    if not alarms:
        return join(())
    lines = [
        element(
            "li",
            element("b", each.kind, class_="bad"),
            f" {each.node} " if each.node else " ",
            each.text,
            element("span", f" (for {duration(each.since_s)})", class_="soft"),
        )
        for each in alarms[:ALARMS_SHOWN_MAX]
    ]
    if len(alarms) > ALARMS_SHOWN_MAX:
        lines.append(element("li", f"and {len(alarms) - ALARMS_SHOWN_MAX:,} more", class_="soft"))
    title = element("h2", f"A person should look: {count(len(alarms), 'alarm')}")
    return element("section", title, element("ul", *lines), class_="card alarms")


def _nodes(nodes: Sequence[NodeStatus]) -> Html:
    order = sorted(nodes, key=lambda each: (each.connected_s is not None, each.node, each.driver))
    rows = [_node(each) for each in order[:NODES_SHOWN_MAX]]
    head = ("Node", "State", "Held#", "Ready#", "Driver", "Boot", "Release")
    more = len(nodes) - len(rows)
    body = (
        [table("The agents of the nodes", head, rows)] if rows else [element("p", "No agent has said hello yet.")]
    )
    if more:
        body.append(element("p", f"{more:,} more are connected and not shown."))
    return element("section", element("h2", "Nodes"), *body, class_="card")


def _node(node: NodeStatus) -> tuple[str, ...]:
    if node.connected_s is None:
        state = element("span", f"silent, heard {ago(node.heard_s_ago)}", class_="warn")
    else:
        state = element("span", f"connected for {duration(node.connected_s)}", class_="good")
    numbers = f"{node.held:,}", f"{node.ready:,}"
    return element("b", node.node), state, *numbers, node.driver, element("code", node.boot), node.release
