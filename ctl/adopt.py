"""`cni-infoblox adopt`: takes over the addresses that the original plugin gave to pods that still live.

It shows what the original left in the grid with the node on which each address was found, asks, and has the
coordinator add what the original did not write: the node and the interface. Until then nothing releases them.
"""

from __future__ import annotations

import argparse
import secrets
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from ctl.failures import Failed
from ctl.operator_socket import ask
from protocol.operator import (
    OPERATOR_SOCKET,
    Adopt,
    Adopted,
    AdoptionResult,
    Finding,
    LegacyAddress,
    ListUnadopted,
    Unadopted,
)

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
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--dry-run", action="store_true", help="only show what would be adopted")
    choice.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """Show, ask, adopt; 1 when an address could not be adopted."""
    listed = list(_listed(arguments.operator_socket))
    addresses = [address for page in listed for address in page.addresses]
    remarks = [remark for page in listed for remark in page.remarks]
    print("\n".join(list_lines(listed[0].cluster, addresses, remarks)))
    to_adopt = [each for each in addresses if each.finding is Finding.ADOPT]
    if not to_adopt or arguments.dry_run:
        return 0
    if not arguments.yes and not _is_agreed(len(to_adopt)):
        raise Failed("nothing was changed")
    results = list(_adopted(arguments.operator_socket, listed[0].proposal))
    print("\n".join(result_lines(results)))
    return 1 if any(each.why for each in results) else 0


def _listed(path: Path) -> Iterator[Unadopted]:
    for answer in ask(path, ListUnadopted(id=_new_id())):
        if not isinstance(answer, Unadopted):
            raise Failed(f"the coordinator answers with {answer.type}: is it of the same release?")
        yield answer


def _adopted(path: Path, proposal: str) -> Iterator[AdoptionResult]:
    for answer in ask(path, Adopt(id=_new_id(), proposal=proposal)):
        if not isinstance(answer, Adopted):
            raise Failed(f"the coordinator answers with {answer.type}: is it of the same release?")
        yield from answer.results


def _new_id() -> str:
    return f"o-{secrets.token_hex(5)}"


def _is_agreed(count: int) -> bool:
    print(f"Adopt {_addresses(count)}? Answer yes: ", end="", flush=True)
    answer = sys.stdin.readline()
    if not answer:
        print()
        raise Failed("nothing was changed: nobody can answer here; use --yes, or 'kubectl exec -it'")
    return answer.strip().lower() == "yes"


def list_lines(cluster: str, addresses: Sequence[LegacyAddress], remarks: Sequence[str]) -> list[str]:
    """What the original left, by what is to be done about it."""
    if not addresses:
        return [f"cluster {cluster}: the original plugin left no address in the grid", *_remarks(remarks)]
    lines = [f"cluster {cluster}: the original plugin left {_addresses(len(addresses))}"]
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


def _row(address: LegacyAddress) -> str:
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
