"""`cni-infoblox verify`: compares the grid with the cluster, and prints where they differ.

With --repair, what two looks of the sweep have found orphaned is released, and addresses of running pods that the
grid has lost are put back.
"""

from __future__ import annotations

import argparse
import secrets
from collections.abc import Iterator, Sequence
from pathlib import Path

from ctl.failures import BadArgument, Failed
from ctl.operator_socket import ask
from protocol.operator import OPERATOR_SOCKET, Difference, DifferenceKind, Repair, Verified, Verify

CONTAINER_ID_SHOWN = 12


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument(
        "--operator-socket",
        type=Path,
        default=OPERATOR_SOCKET,
        metavar="FILE",
        help="where the coordinator answers (%(default)s)",
    )
    parser.add_argument("--repair", action="store_true", help="release and restore what is certain")
    parser.add_argument("--force", action="store_true", help="with --repair: however much of the cluster it is")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences; 1 when any is left."""
    if arguments.force and not arguments.repair:
        raise BadArgument("--force: only has a meaning with --repair")
    repair = Repair.FORCED if arguments.force else Repair.CERTAIN if arguments.repair else Repair.NOTHING
    pages = list(_verified(arguments.operator_socket, repair))
    print("\n".join(lines(pages)))
    return 0 if all(each.is_settled for page in pages for each in page.differences) else 1


def _verified(path: Path, repair: Repair) -> Iterator[Verified]:
    for answer in ask(path, Verify(id=f"o-{secrets.token_hex(5)}", repair=repair)):
        if not isinstance(answer, Verified):
            raise Failed(f"the coordinator answers with {answer.type}: is it of the same release?")
        yield answer


def lines(pages: Sequence[Verified]) -> list[str]:
    """The three lists, with what could not be compared."""
    differences = [each for page in pages for each in page.differences]
    text = [
        f"cluster {pages[0].cluster}: {pages[0].compared} addresses in the grid, {len(differences)} differences"
    ]
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


def _row(each: Difference) -> str:
    name = f" ({each.name})" if each.name else ""
    who = f"container {each.container_id[:CONTAINER_ID_SHOWN]}{name}, {each.ifname} on {each.node}"
    outcome = f" -> {each.outcome}" if each.outcome else ""
    return f"{each.address:<15} view {each.view}, {who}: {each.why}{outcome}"
