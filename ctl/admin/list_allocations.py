"""`cni-infoblox list`: which addresses this cluster has, by network, node, namespace, pod or state.

The coordinator answers from what it knows: the grid is not asked.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network
from typing import Any, Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.failures import BadArgument
from ctl.screen import CONTAINER_ID_SHOWN
from ctl.terminal import output
from ctl.terminal.columns import columns
from ctl.terminal.output import Output
from protocol.admin.messages import ListAllocations, Listed, ListedAllocation, ListedState

EXIT_CODES: Final = {
    0: "the list is printed, be it empty",
    1: "it could not be printed",
    2: "the command line is wrong, or the coordinator could not be asked",
}
FORMATS: Final = ("table", "wide", output.JSON, "csv")
_COLUMNS: Final = {
    "ADDRESS": "address",
    "NETWORK": "network",
    "NODE": "node",
    "NAMESPACE": "namespace",
    "POD": "pod",
    "STATE": "state",
}
_WIDE_COLUMNS: Final = {
    **_COLUMNS,
    "VIEW": "view",
    "SUBNET": "subnet",
    "INTERFACE": "ifname",
    "MAC": "mac",
    "CONTAINER": "container_id",
    "ALLOCATION": "allocation",
}
_FIELDS: Final = tuple(ListedAllocation.model_fields)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add = parser.add_argument
    add("--network", default="", metavar="NAME|SUBNET", help="only of this network, such as 10.55.0.0/16")
    add("--node", default="", metavar="NAME", help="only of this node")
    add("-n", "--namespace", default="", metavar="NAME", help="only of pods of this namespace")
    add("--pod", default="", metavar="[NAMESPACE/]POD", help="only of this pod")
    add(
        "--state",
        action="append",
        default=[],
        choices=[str(state) for state in ListedState],
        help=f"only in this state, one of {', '.join(ListedState)}; repeat",
    )
    add("--no-headers", action="store_true", help="without the first line of table, wide or csv")
    output.add_argument(parser, FORMATS)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the rows in the order of their addresses; what may be missing goes to standard error."""
    request = make(
        ListAllocations,
        network=_network(arguments.network),
        node=arguments.node,
        namespace=arguments.namespace,
        pod=arguments.pod,
        states=[ListedState(state) for state in arguments.state],
    )
    pages = list(ask_for(arguments.operator_socket, request, Listed))
    rows = sorted((row for page in pages for row in page.allocations), key=_place)
    remarks = [remark for page in pages for remark in page.remarks]
    if arguments.output == "csv":
        _write_csv(rows, has_headers=not arguments.no_headers)
    else:
        document = {
            "cluster": pages[0].cluster,
            "remarks": remarks,
            "allocations": [row.model_dump(mode="json") for row in rows],
        }
        fields = _WIDE_COLUMNS if arguments.output == "wide" else _COLUMNS
        Output(arguments.output).show(document, table(rows, fields)[1 if arguments.no_headers else 0 :])
    for remark in remarks:
        print(f"note: {remark}", file=sys.stderr)
    return 0


def table(rows: Sequence[ListedAllocation], fields: dict[str, str]) -> list[str]:
    """The rows under the titles of their columns."""
    return columns([_cells(row, fields) for row in rows], list(fields))


def _cells(row: ListedAllocation, fields: dict[str, str]) -> dict[str, str]:
    cells = {title: str(getattr(row, field)) for title, field in fields.items()}
    if "CONTAINER" in cells:
        cells["CONTAINER"] = cells["CONTAINER"][:CONTAINER_ID_SHOWN]
    return cells


def _write_csv(rows: Iterable[ListedAllocation], *, has_headers: bool) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if has_headers:
        writer.writerow(_FIELDS)
    writer.writerows(_values(rows))


def _values(rows: Iterable[ListedAllocation]) -> Iterator[list[Any]]:
    for row in rows:
        yield list(row.model_dump(mode="json").values())


def _place(row: ListedAllocation) -> tuple[str, int, str]:
    try:
        return row.view, int(IPv4Address(row.address)), row.allocation
    except ValueError:
        return row.view, 0, row.address


def _network(text: str) -> str:
    """A name, or a subnet as the grid writes it. Raises `BadArgument` for an address within one."""
    try:
        subnet = str(IPv4Network(text, strict=False))
    except ValueError:
        return text
    if "/" in text and text != subnet:
        raise BadArgument(f"--network {text}: is an address in {subnet}, which is the network")
    return text
