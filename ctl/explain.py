"""`cni-infoblox explain`: tells what is known of an address, a pod or a container."""

from __future__ import annotations

import argparse
import secrets
from pathlib import Path

from ctl.failures import Failed
from ctl.operator_socket import ask
from protocol.operator import OPERATOR_SOCKET, Explain, Explained, Story


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("what", metavar="ADDRESS|[NAMESPACE/]POD|CONTAINER", help="what it is about")
    parser.add_argument(
        "--operator-socket",
        type=Path,
        default=OPERATOR_SOCKET,
        metavar="FILE",
        help="where the coordinator answers (%(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print every story; 1 when nothing is known."""
    stories: list[Story] = []
    for answer in ask(arguments.operator_socket, Explain(id=f"o-{secrets.token_hex(5)}", what=arguments.what)):
        if not isinstance(answer, Explained):
            raise Failed(f"the coordinator answers with {answer.type}: is it of the same release?")
        stories += answer.stories
    if not stories:
        raise Failed(f"neither the grid nor a journal knows {arguments.what}")
    for story in stories:
        print("\n".join([story.title, *(f"  {line}" for line in story.lines)]))
    return 0
