"""`cni-infoblox explain`: tells what is known of an address, a pod, a container or an allocation's id.

Of a pod it also tells for what its requests for an address were declined: why it does not start.

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
from protocol.admin.messages import Explain, Explained, FailedRequest

_ASKED: Final = "has its node's agent asked? See 'cni-infoblox status', and the events of the pod"
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
    failures = [failure.model_dump(mode="json") for page in pages for failure in page.failures]
    document = {"stories": stories, "failures": failures, "not_asked": unasked}
    Output(arguments.output).show(document, lines(pages))
    if not (stories or failures):
        raise Failed(_unknown(arguments.what, unasked))
    return 0


def lines(pages: Sequence[Explained]) -> Iterator[str]:
    """Each story under its title, then what a pod was declined for, then what was not asked."""
    for page in pages:
        for story in page.stories:
            yield story.title
            yield from (f"  {line}" for line in story.lines)
    for page in pages:
        for failure in page.failures:
            yield from _failure_lines(failure)
    for page in pages:
        yield from (f"not asked: {each}" for each in page.unasked)


def _failure_lines(failure: FailedRequest) -> Iterator[str]:
    often = f", {failure.times} times since {failure.first_at}" if failure.times > 1 else ""
    yield f"pod {failure.pod} on {failure.node} got no address at {failure.at}{often}"
    yield f"  error: {failure.code}, {failure.reason}"
    if failure.remedy:
        yield f"  details: {failure.remedy}"
    yield f"  network: {failure.network or 'by default'}"
    yield f"  request: {failure.request}, as the logs of agent and coordinator have it"


def _unknown(what: str, unasked: Sequence[str]) -> str:
    if not unasked:
        told = f"neither the grid nor a journal knows {what}"
        return f"{told}, and no request of it has failed here: {_ASKED}" if "/" in what else told
    return f"what could be asked does not know {what}; that says nothing about the rest"
