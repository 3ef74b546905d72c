"""`cni-infoblox node replace`: says that a machine or boot is gone for good, so that its addresses go.

A machine that is rebuilt under its old name gets fresh addresses at once. What the old one left stays taken, since
nobody can know from afar that it does not run any more: you do.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.failures import BadArgument
from ctl.terminal import output
from ctl.terminal.output import Output
from protocol.admin.messages import NodeReplaced, ReplaceNode
from protocol.wire.allocation_id import hash_boot

EXIT_CODES: Final = {
    0: "the other boots are over",
    1: "it failed, standard error says why",
    2: "the command line is wrong, or the coordinator could not be asked or declined: nothing was changed",
}
_BOOT: Final = re.compile(r"[0-9a-f]{8}")
_KERNELS_BOOT_ID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    subcommands = parser.add_subparsers(required=True, metavar="replace")
    replace = subcommands.add_parser("replace", help="all boots of a node are over but the connected agent's")
    replace.add_argument("node", metavar="NAME", help="the node, by the name that its agent gives")
    replace.add_argument(
        "--boot",
        default="",
        metavar="BOOT",
        help="the boot that stays, where that is in doubt: as 'status' shows it, or the kernel's boot ID",
    )
    output.add_argument(replace)
    add_argument(replace)
    replace.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Say which boots are over by that."""
    request = make(ReplaceNode, node=arguments.node, boot=_boot(arguments.boot))
    (answer,) = ask_for(arguments.operator_socket, request, NodeReplaced)
    document = answer.model_dump(mode="json", include={"node", "kept", "over"})
    Output(arguments.output).show(document, _lines(answer))
    return 0


def _lines(answer: NodeReplaced) -> Iterator[str]:
    yield f"node {answer.node}: boot {answer.kept} stays"
    for each in answer.over:
        yield f"over: boot {each.boot} of machine {each.machine}, {_addresses(each.allocations)} freed"
    if not answer.over:
        yield "no other boot of it was known"


def _boot(text: str) -> str:
    """As ids name it. Raises `BadArgument`."""
    if _KERNELS_BOOT_ID.fullmatch(text):
        return hash_boot(text)
    if text and not _BOOT.fullmatch(text):
        raise BadArgument(f"--boot {text[:80]}: is neither 8 hexadecimal digits nor a kernel's boot ID")
    return text


def _addresses(count: int) -> str:
    return f"{count} address" if count == 1 else f"{count} addresses"
