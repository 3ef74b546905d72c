"""`cni-infoblox explain`: tells what is known of an address, a pod, a container or an allocation's id.

The coordinator asks the grid. While that is away it answers from its index and from the nodes' journals, and says
what it did not ask.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from typing import Final

from ctl.admin.ask import add_argument, ask_for, make
from ctl.failures import Failed
from ctl.terminal import output
from ctl.terminal.output import Output
from protocol.admin.messages import Explain, Explained

EXIT_CODES: Final = {
    0: "something is known",
    1: "nothing is known of it",
    2: "the command line is wrong, or the coordinator could not be asked",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument("what", metavar="ADDRESS|[NAMESPACE/]POD|CONTAINER|ID", help="what it is about")
    output.add_argument(parser)
    add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print every story; 1 when nothing is known."""
    pages = list(ask_for(arguments.operator_socket, make(Explain, what=arguments.what), Explained))
    stories = [story.model_dump(mode="json") for page in pages for story in page.stories]
    unasked = [each for page in pages for each in page.unasked]
    Output(arguments.output).show({"stories": stories, "not_asked": unasked}, lines(pages))
    if not stories:
        raise Failed(_unknown(arguments.what, unasked))
    return 0


def lines(pages: Sequence[Explained]) -> Iterator[str]:
    """Each story under its title, then what was not asked."""
    for page in pages:
        for story in page.stories:
            yield story.title
            yield from (f"  {line}" for line in story.lines)
    for page in pages:
        yield from (f"not asked: {each}" for each in page.unasked)


def _unknown(what: str, unasked: Sequence[str]) -> str:
    if not unasked:
        return f"neither the grid nor a journal knows {what}"
    return f"what could be asked does not know {what}; that says nothing about the rest"
