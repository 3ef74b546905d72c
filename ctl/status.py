"""`cni-infoblox status`: asks the daemons how they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import requests
from pydantic import BaseModel

from ctl import pages, screen
from protocol.wire.status import AgentStatus, CoordinatorStatus

COORDINATOR_URL = "http://127.0.0.1:9510"
AGENT_URL = "http://127.0.0.1:9511"


@dataclass(frozen=True)
class _Place:
    """Where a daemon is looked for. One that nobody named may be absent: few machines have both."""

    daemon: str
    url: str
    model: type[BaseModel]
    lines: Callable[[str, Any], list[str]]
    is_named: bool


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument(
        "--coordinator-status",
        action="append",
        metavar="URL",
        help=f"where a coordinator answers (default: {COORDINATOR_URL}, if it runs there); repeat",
    )
    parser.add_argument(
        "--agent-status",
        action="append",
        metavar="URL",
        help=f"where an agent does (default: {AGENT_URL}, if it runs there); repeat",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all daemons; 1 when one that was named did not answer, none did, or an agent is not connected."""
    coordinators, agents = arguments.coordinator_status or [], arguments.agent_status or []
    with pages.make_session() as session:
        are_well = [
            _show(session, place)
            for place in (
                *_places("coordinator", COORDINATOR_URL, coordinators),
                *_places("agent", AGENT_URL, agents),
            )
        ]
    return 0 if False not in are_well and True in are_well else 1


def _places(daemon: str, default: str, named: Sequence[str]) -> list[_Place]:
    model, lines = _DAEMONS[daemon]
    urls = [pages.checked(f"--{daemon}-status", url) for url in named] or [default]
    return [_Place(daemon, url, model, lines, is_named=bool(named)) for url in urls]


_DAEMONS: dict[str, tuple[type[BaseModel], Callable[[str, Any], list[str]]]] = {
    "coordinator": (CoordinatorStatus, screen.coordinator_lines),
    "agent": (AgentStatus, screen.agent_lines),
}


def _show(session: requests.Session, place: _Place) -> bool | None:
    """Whether the daemon answered, and an agent is connected; None where there is none and none was named."""
    try:
        answer = pages.ask(session, place.url, place.model)
    except pages.NoStatus as problem:
        if isinstance(problem, pages.NobodyListens) and not place.is_named:
            print(screen.absent_line(place.daemon, place.url))
            return None
        remedy = f"is cni-infoblox-{place.daemon} running there (--status-listen)? See --{place.daemon}-status"
        print(screen.silent_line(place.daemon, place.url, str(problem), remedy))
        return False
    print("\n".join(place.lines(place.url, answer)))
    return not isinstance(answer, AgentStatus) or answer.connected
