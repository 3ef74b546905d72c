"""`cni-infoblox explain`: tells what is known of an address, a pod or a container."""

from __future__ import annotations

import argparse

from ctl.admin.ask import add_argument, ask_for, new_id
from ctl.failures import Failed
from protocol.admin.messages import Explain, Explained


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("what", metavar="ADDRESS|[NAMESPACE/]POD|CONTAINER|ID", help="what it is about")
    add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print every story; 1 when nothing is known."""
    answers = ask_for(arguments.operator_socket, Explain(id=new_id(), what=arguments.what), Explained)
    stories = [story for answer in answers for story in answer.stories]
    if not stories:
        raise Failed(f"neither the grid nor a journal knows {arguments.what}")
    for story in stories:
        print("\n".join([story.title, *(f"  {line}" for line in story.lines)]))
    return 0
