"""`cni-infoblox verify`: compares the grid with the cluster, and prints where they differ.

Exit code 0: they agree; 1: they differ; 2: the coordinator could not be asked; 3: they agree as far as they could
be compared, which is not everything. With --repair, what two looks of the sweep have found orphaned is released,
and addresses of running pods that the grid has lost are put back.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Final

from ctl.failures import BadArgument
from ctl.operator_socket import add_argument, ask_for, new_id
from ctl.screen import CONTAINER_ID_SHOWN
from protocol.operator import Difference, DifferenceKind, Repair, Verified, Verify

CLEAN: Final = 0
DIFFERENCES: Final = 1
INCOMPLETE: Final = 3


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add_argument(parser)
    parser.add_argument("--repair", action="store_true", help="release and restore what is certain")
    parser.add_argument("--force", action="store_true", help="with --repair: however much of the cluster it is")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; 1 when any is left, 3 when there is none but not everything could be compared."""
    if arguments.force and not arguments.repair:
        raise BadArgument("--force: only has a meaning with --repair")
    repair = Repair.FORCED if arguments.force else Repair.CERTAIN if arguments.repair else Repair.NOTHING
    pages = list(ask_for(arguments.operator_socket, Verify(id=new_id(), repair=repair), Verified))
    print("\n".join(lines(pages)))
    if not all(each.is_settled for page in pages for each in page.differences):
        return DIFFERENCES
    return INCOMPLETE if pages[0].uncompared or pages[0].unreadable else CLEAN


def lines(pages: Sequence[Verified]) -> list[str]:
    """The three lists, with what could not be compared."""
    differences = [each for page in pages for each in page.differences]
    text = [f"cluster {pages[0].cluster}: {_coverage(pages[0])}; {_number(len(differences), 'difference')}"]
    for kind, title in (
        (DifferenceKind.GRID_ONLY, "in the grid, not in the cluster"),
        (DifferenceKind.CLUSTER_ONLY, "in the cluster, not in the grid"),
        (DifferenceKind.TWICE, "the same address twice"),
    ):
        group = [each for each in differences if each.kind is kind]
        text += [f"{title}: {len(group)}", *(f"  {_row(each)}" for each in group)]
    if pages[0].stopped:
        text.append(f"nothing is released: {pages[0].stopped}")
    return [*text, *(f"note: {remark}" for page in pages for remark in page.remarks)]


def _coverage(verified: Verified) -> str:
    """How much of what the grid lists was compared, such as: 31 compared, 1,170 not: 39 nodes are away."""
    compared = f"{verified.compared:,} compared"
    left_out = verified.uncompared + verified.unreadable
    if not left_out:
        return compared
    away = f"{_number(verified.nodes_away, 'node')} {'is' if verified.nodes_away == 1 else 'are'} away"
    unreadable = f"{verified.unreadable:,} cannot be read"
    reasons = [*([away] if verified.nodes_away else []), *([unreadable] if verified.unreadable else [])]
    return f"{compared}, {left_out:,} not: {', '.join(reasons)}"


def _number(count: int, noun: str) -> str:
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def _row(each: Difference) -> str:
    name = f" ({each.name})" if each.name else ""
    who = f"container {each.container_id[:CONTAINER_ID_SHOWN]}{name}, {each.ifname} on {each.node}"
    outcome = f" -> {each.outcome}" if each.outcome else ""
    return f"{each.address:<15} view {each.view}, {who}: {each.why}{outcome}"
