"""`cni-infoblox history`: tells who had an address when, and which addresses a pod had.

It tells what the coordinator that is asked has recorded.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.admin.tenures import Tenure, at, tenures
from ctl.failures import BadArgument
from ctl.screen import CONTAINER_ID_SHOWN
from ctl.terminal import output
from ctl.terminal.output import Output
from protocol.admin.history import HistoryTold, TellHistory

NOTHING: Final = 1
EXIT_CODES: Final = {
    0: "something is known",
    NOTHING: "nothing is recorded of it",
    2: "the command line is wrong, or the coordinator could not be asked",
}

_HEADINGS: Final = ("ADDRESS", "VIEW", "FROM", "UNTIL", "HOLDER", "INTERFACE", "NODE", "CONTAINER", "REMARK")
_NOW: Final = "now"
_UNKNOWN: Final = "not known"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("what", metavar="ADDRESS|[NAMESPACE/]POD|CONTAINER|ID", help="what it is about")
    parser.add_argument(
        "--at", default="", metavar="TIME", help="only who had it then, such as 2026-11-30T03:12 (UTC, or +01:00)"
    )
    output.add_argument(parser)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print who had what when; 1 where nothing is known."""
    time = _utc(arguments.at) if arguments.at else ""
    request = make(TellHistory, what=arguments.what, at=time)
    pages = list(ask_for(arguments.operator_socket, request, HistoryTold))
    found = tenures(change for page in pages for change in page.changes)
    shown = at(found, time) if time else found
    nothing = f"nothing is recorded of {arguments.what}" + (f" at {time}" if time else "")
    lines = [*(_table(shown) if shown else [nothing]), *_witness_lines(pages[0])]
    Output(arguments.output).show(_document(pages[0], shown), lines)
    return 0 if shown else NOTHING


def _utc(text: str) -> str:
    """As records have it. Raises `BadArgument`."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadArgument(f"--at {text[:40]!r}: must be a time such as 2026-11-30T03:12 or 2026-11-30") from None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _document(told: HistoryTold, shown: Sequence[Tenure]) -> dict[str, object]:
    witness = told.model_dump(exclude={"v", "id", "type", "changes", "last"})
    return {**witness, "tenures": [asdict(each) for each in shown]}


def _table(shown: Sequence[Tenure]) -> list[str]:
    rows = [_HEADINGS, *(_row(each) for each in shown)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _row(tenure: Tenure) -> tuple[str, ...]:
    until = tenure.ended or tenure.free or (_NOW if tenure.is_present else _UNKNOWN)
    begun = tenure.held or ("" if tenure.was_held else tenure.ready)
    return (
        tenure.address,
        tenure.view,
        _shown(begun) or _UNKNOWN,
        _shown(until),
        _holder(tenure),
        tenure.ifname or "-",
        tenure.node or "-",
        tenure.container[:CONTAINER_ID_SHOWN] or "-",
        _remark(tenure),
    )


def _holder(tenure: Tenure) -> str:
    if tenure.pod:
        return tenure.pod
    if tenure.was_held:
        return "a pod without a name"
    return "reserve" if tenure.ready else _UNKNOWN


def _remark(tenure: Tenure) -> str:
    if tenure.lost_to:
        return f"lost to {tenure.lost_to}"
    if tenure.free and tenure.ended:
        return f"free at {_shown(tenure.free)}"
    if tenure.free:
        return tenure.why or "freed without a DEL"
    if tenure.ended:
        return "the grid still has it" if tenure.is_present else ""
    return "" if tenure.is_present else "the grid has it no more"


def _shown(time: str) -> str:
    """To the second, as people read it; what is no time comes back unchanged."""
    return f"{time[:10]} {time[11:19]}Z" if time.endswith("Z") else time


def _witness_lines(told: HistoryTold) -> list[str]:
    kept = f"files in {told.directory}" if told.directory else "its memory alone (--history-dir keeps it in files)"
    lines = [f"told by coordinator {told.coordinator}, from {kept}, since {_shown(told.since)}"]
    if told.leader:
        lines.append(f"note: coordinator {told.leader} leads and records what happens now: ask it, too")
    if told.several:
        lines.append("note: another coordinator serves nodes of this cluster (--several): ask it, too")
    if told.lost:
        lines.append(f"note: {told.lost} changes could not be recorded")
    if told.unreadable:
        lines.append(f"note: {told.unreadable} lines could not be read")
    if told.left_out:
        lines.append("note: older changes are left out; --at finds them")
    return lines
