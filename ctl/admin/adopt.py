"""`cni-infoblox adopt`: takes over the addresses that the original plugin gave to pods that still live.

It shows what bears this cluster's name and no id, with the node on which each address was found, asks, and has the
coordinator write the ids: from then on the agent of that node owns them. Until then nothing releases them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.failures import BadArgument, Failed
from ctl.screen import CONTAINER_ID_SHOWN
from ctl.terminal import output
from protocol.admin.messages import (
    Adopt,
    Adopted,
    AdoptionResult,
    Finding,
    ListUnadopted,
    Unadopted,
    UnadoptedAddress,
)

EXIT_CODES: Final = {
    0: "all that was to be adopted is, or there was nothing to adopt",
    1: "an address could not be adopted, or the answer was not yes",
    2: "the command line is wrong, or the coordinator could not be asked",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    add_argument(parser)
    parser.add_argument("--driver", default="", metavar="NAME", help="the agent's, where a node has two")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--dry-run", action="store_true", help="only show what would be adopted")
    choice.add_argument("--yes", action="store_true", help="do not ask")
    output.add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Show, ask, adopt; 1 when an address could not be adopted."""
    is_json = arguments.output == output.JSON
    if is_json and not (arguments.yes or arguments.dry_run):
        raise BadArgument("--output json: asks nobody, so it needs --dry-run or --yes")
    path: Path = arguments.operator_socket
    listed = list(ask_for(path, make(ListUnadopted, driver=arguments.driver), Unadopted))
    addresses = [address for page in listed for address in page.addresses]
    remarks = [remark for page in listed for remark in page.remarks]
    if not is_json:
        print("\n".join(list_lines(listed[0].cluster, addresses, remarks)))
    to_adopt = [each for each in addresses if each.finding is Finding.ADOPT]
    results: list[AdoptionResult] = []
    if to_adopt and not arguments.dry_run:
        if not arguments.yes and not _is_agreed(len(to_adopt)):
            raise Failed("nothing was changed")
        adopted = ask_for(path, make(Adopt, proposal=listed[0].proposal), Adopted)
        results = [result for page in adopted for result in page.results]
        if not is_json:
            print("\n".join(result_lines(results)))
    if is_json:
        print(output.json_text(_document(listed[0].cluster, addresses, remarks, results)))
    return 1 if any(each.why for each in results) else 0


def _document(
    cluster: str,
    addresses: Sequence[UnadoptedAddress],
    remarks: Sequence[str],
    results: Sequence[AdoptionResult],
) -> dict[str, Any]:
    return {
        "cluster": cluster,
        "addresses": [each.model_dump(mode="json") for each in addresses],
        "remarks": list(remarks),
        "results": [each.model_dump(mode="json") for each in results],
    }


def _is_agreed(count: int) -> bool:
    print(f"Adopt {_addresses(count)}? Answer yes: ", end="", flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print()
        raise Failed("nothing was changed: nobody can answer here; use --yes, or 'kubectl exec -it'")
    return answer.strip().lower() == "yes"


def list_lines(cluster: str, addresses: Sequence[UnadoptedAddress], remarks: Sequence[str]) -> list[str]:
    """What the original left, by what is to be done about it."""
    if not addresses:
        return [f"cluster {cluster}: every address of it in the grid has an id", *_remarks(remarks)]
    lines = [f"cluster {cluster}: {_addresses(len(addresses))} without an id"]
    for finding, title in (
        (Finding.ADOPT, "to be adopted"),
        (Finding.GATEWAY, "gateways, which stay as they are"),
        (Finding.LEAVE, "left alone"),
    ):
        group = [each for each in addresses if each.finding is finding]
        if group:
            lines += [f"{title}: {len(group)}", *(f"  {_row(each)}" for each in group)]
    return [*lines, *_remarks(remarks)]


def result_lines(results: Sequence[AdoptionResult]) -> list[str]:
    """What became of it."""
    failed = [each for each in results if each.why]
    lines = [f"adopted {_addresses(len(results) - len(failed))}"]
    return [*lines, *(f"not adopted: {each.address} in view {each.view}: {each.why}" for each in failed)]


def _row(address: UnadoptedAddress) -> str:
    where = f"{address.address:<15} view {address.view}"
    if address.finding is Finding.GATEWAY:
        return where
    who = f"container {address.container_id[:CONTAINER_ID_SHOWN]}" + (f" ({address.name})" if address.name else "")
    home = f"{address.ifname} on {address.node}" if address.node else address.why
    return f"{where}, {who}: {home}"


def _remarks(remarks: Sequence[str]) -> list[str]:
    return [f"note: {remark}" for remark in remarks]


def _addresses(count: int) -> str:
    return f"{count} address" if count == 1 else f"{count} addresses"
