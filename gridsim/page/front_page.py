"""The front page, which shows a person what the grid holds."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from gridsim.calls_log import CallRecord
from gridsim.database.family import FIXED, NETWORKS, family_of
from gridsim.database.store import GridObject, Store
from gridsim.model import Grid
from gridsim.page.address_map import Use, address_map, use_of
from gridsim.page.style import STYLE

REFRESH_S = 2
ROWS_MAX = 200
NETWORKS_MAX = 20
_IDENTITY = ("VM Name", "VM ID", "Interface Name", "Location", "Tenant ID")
_ID_SHOWN = 12
_KINDS = {"RESERVED": "reservation", "MAC_ADDRESS": "MAC"}


def render(grid: Grid, calls: Sequence[CallRecord], received: int) -> str:
    """Return the page as HTML; everything in it is escaped."""
    every = (network for kind in NETWORKS for network in grid.store.of_kind(kind))
    networks = sorted(every, key=lambda network: (network.view, network.first))
    cards = [_network(grid.store, network) for network in networks[:NETWORKS_MAX]]
    if not networks:
        cards = ['<div class="card empty">No networks yet.</div>']
    if len(networks) > NETWORKS_MAX:
        cards.append(f"<p>{len(networks) - NETWORKS_MAX} more networks are not shown.</p>")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Simulated Infoblox grid</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<meta http-equiv="refresh" content="{REFRESH_S}"><style>{STYLE}</style></head><body><main>'
        f"<h1>Simulated Infoblox grid</h1>"
        f"<p>cni-infoblox-gridsim: an IP address database in memory that speaks the WAPI. "
        f"This page shows what is in it now.</p>"
        f"{_banner(grid.store)}{_tiles(grid, len(networks), received)}{''.join(cards)}{_calls(calls)}"
        f"</main></body></html>\n"
    )


def _banner(store: Store) -> str:
    return '<div class="card banner">Restart required: DHCP services</div>' if store.needs_restart else ""


def _tiles(grid: Grid, networks: int, received: int) -> str:
    uses = Counter(use_of(fixed) for kind in FIXED for fixed in grid.store.of_kind(kind))
    totals = (
        (networks, "networks"),
        (uses[Use.POD], "pod addresses"),
        (uses[Use.RESERVATION], "reservations"),
        (uses[Use.OTHER] + grid.store.count("record:host") + grid.store.count("discovered"), "held by others"),
        (received, "WAPI calls"),
    )
    tiles = (f'<div class="tile"><b>{number:,}</b><span>{words}</span></div>' for number, words in totals)
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _network(store: Store, network: GridObject) -> str:
    drawn = address_map(store, network)
    percent = 100 * drawn.used / max(1, drawn.hosts)
    cells = "".join(
        f'<i class="{_css(cell.use)}" title="{escape(f"{cell.address}: {cell.text}")}"></i>'
        for cell in drawn.cells
    )
    note = f"<p>{drawn.hidden:,} further addresses are not drawn.</p>" if drawn.hidden else ""
    comment = network.fields.get("comment") or ""
    return (
        f'<section class="card"><div class="head"><h2>{escape(network.fields["network"])}</h2>'
        f'<span class="soft">view {escape(network.fields["network_view"])}</span>'
        f'<span class="soft">{escape(comment)}</span>'
        f'<span class="right">{drawn.used:,} of {drawn.hosts:,} addresses in use</span></div>'
        f"{_chips(network)}"
        f'<div class="bar"><div style="width:{min(percent, 100):.2f}%"></div></div>'
        f'<div class="map">{cells}</div>{note}{_legend()}{_addresses(store, network)}</section>'
    )


def _chips(network: GridObject) -> str:
    chips = (
        f'<span class="chip"><i>{escape(name)}</i> {escape(str(value))}</span>'
        for name, value in sorted(network.extattrs.items())
    )
    return f'<div class="chips">{"".join(chips)}</div>' if network.extattrs else ""


def _legend() -> str:
    words = (f'<span><i class="{_css(use)}"></i>{use.value}</span>' for use in Use)
    return f'<div class="legend">{"".join(words)}</div>'


def _addresses(store: Store, network: GridObject) -> str:
    held = store.in_network(family_of(network.first).fixed, network)
    if not held:
        return ""
    head = ("Address", "MAC or DUID", "Type", "Name", *_IDENTITY, "Comment")
    shown = heapq.nsmallest(ROWS_MAX, held, key=lambda fixed: fixed.occupies)
    note = f"<p>{len(held) - ROWS_MAX:,} more are not listed.</p>" if len(held) > ROWS_MAX else ""
    return _table(head, (_address_row(fixed) for fixed in shown)) + note


def _address_row(fixed: GridObject) -> str:
    fields, use = fixed.fields, use_of(fixed)
    is_reservation = fields["match_client"] == "RESERVED"
    client = "" if is_reservation else fields.get("mac") or fields.get("duid") or ""
    kind = _KINDS.get(fields["match_client"], fields["match_client"])
    address = fields[family_of(fixed.occupies[0]).address]
    identity = "".join(_attribute_cell(name, fixed.extattrs.get(name, "")) for name in _IDENTITY)
    return (
        f'<tr><td><span class="dot {_css(use)}" title="{use.value}"></span>{escape(address)}</td>'
        f'<td class="mono">{escape(client)}</td><td>{escape(kind)}</td><td>{escape(fields["name"])}</td>'
        f'{identity}<td class="wide">{escape(fields.get("comment") or "")}</td></tr>'
    )


def _attribute_cell(name: str, value: Any) -> str:
    text = str(value)
    if name == "VM ID" and len(text) > _ID_SHOWN:
        return f'<td class="mono" title="{escape(text)}">{escape(text[:_ID_SHOWN])}…</td>'
    return f"<td>{escape(text)}</td>"


def _calls(calls: Sequence[CallRecord]) -> str:
    rows = (
        f'<tr><td class="number">{call.n}</td><td>{escape(call.method)}</td>'
        f"<td><code>{escape(call.path)}</code></td>"
        f'<td class="wide">{escape(_operations(call))}</td><td>{_status(call.status)}</td>'
        f'<td class="number">{call.duration_ms:.1f}</td></tr>'
        for call in calls
    )
    body = _table(("#", "Method", "Path", "Operations", "Status", "ms"), rows) if calls else "<p>None yet.</p>"
    return f'<section class="card"><div class="head"><h2>Last WAPI calls</h2></div>{body}</section>'


def _operations(call: CallRecord) -> str:
    counted = Counter(f"{method} {kind}" for method, kind in call.operations)
    return ", ".join(f"{number} × {words}" if number > 1 else words for words, number in counted.items())


def _status(status: int) -> str:
    is_good = 200 <= status < 300
    return f'<span class="status{"" if is_good else " bad"}">{status or "cut"}</span>'


def _table(head: Iterable[str], rows: Iterable[str]) -> str:
    numbers = {"#", "ms"}
    titles = "".join(f"<th{' class=number' if title in numbers else ''}>{escape(title)}</th>" for title in head)
    return f'<div class="scroll"><table><tr>{titles}</tr>{"".join(rows)}</table></div>'


def _css(use: Use) -> str:
    return use.name.lower()
