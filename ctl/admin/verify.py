"""`cni-infoblox verify`: lists the grid now, and prints where it differs from what the nodes' journals say.

What differs is mended by every listing; --repair waits until it is.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any, Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.failures import BadArgument
from ctl.terminal import output
from ctl.terminal.output import Output
from protocol.admin.messages import Difference, DifferenceKind, Uncompared, Verified, Verify

CLEAN: Final = 0
DIFFERENCES: Final = 1
INCOMPLETE: Final = 3
EXIT_CODES: Final = {
    CLEAN: "they agree",
    DIFFERENCES: "they differ",
    2: "the command line is wrong, or the coordinator could not be asked",
    INCOMPLETE: "they agree as far as they could be compared, which is not everything",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add_argument(parser)
    output.add_argument(parser)
    parser.add_argument("--repair", action="store_true", help="wait up to a minute for what differs to be mended")
    parser.add_argument("--force", action="store_true", help="with --repair: however many nodes are gone")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; 1 when any is left, 3 when there is none but not everything could be compared."""
    if arguments.force and not arguments.repair:
        raise BadArgument("--force: only has a meaning with --repair")
    request = make(Verify, repair=arguments.repair, force=arguments.force)
    pages = list(ask_for(arguments.operator_socket, request, Verified))
    Output(arguments.output).show(_document(pages), lines(pages))
    if not all(each.is_settled for page in pages for each in page.differences):
        return DIFFERENCES
    return INCOMPLETE if any(each.is_ours for page in pages for each in page.uncompared) else CLEAN


def _document(pages: Sequence[Verified]) -> dict[str, Any]:
    said = [page.model_dump(mode="json") for page in pages]
    lists = ("differences", "uncompared", "remarks")
    return {
        "cluster": pages[0].cluster,
        "compared": pages[0].compared,
        **{name: [each for page in said for each in page[name]] for name in lists},
    }


def lines(pages: Sequence[Verified]) -> list[str]:
    """The three lists, then what was not compared and why."""
    differences = [each for page in pages for each in page.differences]
    uncompared = [each for page in pages for each in page.uncompared]
    text = [f"cluster {pages[0].cluster}: {_coverage(pages[0], uncompared)}; {_number(len(differences))}"]
    for kind, title in (
        (DifferenceKind.GRID_ONLY, "in the grid, not in the cluster"),
        (DifferenceKind.CLUSTER_ONLY, "in the cluster, not in the grid"),
        (DifferenceKind.TWICE, "the same address twice"),
    ):
        group = [each for each in differences if each.kind is kind]
        text += [f"{title}: {len(group)}", *(f"  {_row(each)}" for each in group)]
    for title, is_ours in (("not compared", True), ("besides", False)):
        text += [f"{title}: {_group(each)}" for each in uncompared if each.is_ours is is_ours]
    return [*text, *(f"note: {remark}" for page in pages for remark in page.remarks)]


def _coverage(verified: Verified, uncompared: Sequence[Uncompared]) -> str:
    """How much of what the grid lists was compared, such as: 31 compared, 1,170 not."""
    left_out = sum(each.count for each in uncompared if each.is_ours)
    return f"{verified.compared:,} compared" + (f", {left_out:,} not" if left_out else "")


def _group(each: Uncompared) -> str:
    examples = f" ({', '.join(each.examples)})" if each.examples else ""
    return f"{each.count:,} {each.why}{examples}" + (f"; {each.remedy}" if each.remedy else "")


def _number(count: int) -> str:
    return f"{count:,} difference" if count == 1 else f"{count:,} differences"


def _row(each: Difference) -> str:
    name = f", {each.name}" if each.name else ""
    outcome = f" -> {each.outcome}" if each.outcome else ""
    return f"{each.address:<15} view {each.view}, node {each.node or 'unknown'}{name}: {each.why}{outcome}"
