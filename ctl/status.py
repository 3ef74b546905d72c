"""`cni-infoblox status`: asks the daemons how they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests
from pydantic import BaseModel

from ctl import pages, screen
from ctl.terminal import output
from ctl.terminal.output import Output
from ctl.terminal.progress import Progress
from protocol.wire.status import AgentStatus, CoordinatorStatus

COORDINATOR_URL = "http://127.0.0.1:9510"
AGENT_URL = "http://127.0.0.1:9511"
EXIT_CODES: Final = {
    0: "all daemons that were asked answer, and each agent is connected to a coordinator",
    1: "one that was named did not answer, none did, or an agent is not connected",
    2: "the command line is wrong",
}


@dataclass(frozen=True)
class _Place:
    """Where a daemon is looked for. One that nobody named may be absent: few machines have both."""

    daemon: str
    url: str
    model: type[BaseModel]
    lines: Callable[[str, Any], list[str]]
    is_named: bool

    @property
    def flag(self) -> str:
        """What names another one."""
        return f"--{self.daemon}-status"


@dataclass(frozen=True)
class _Told:
    """What became of asking one daemon. `is_well` is None where there is none and none was named."""

    place: _Place
    status: BaseModel | None
    problem: str
    is_well: bool | None

    def document(self) -> dict[str, Any]:
        """For programs; `problem` is empty where it answered."""
        status = self.status.model_dump(mode="json") if self.status else None
        return {"url": self.place.url, "problem": self.problem, "status": status}

    def lines(self) -> list[str]:
        """For people."""
        daemon, url = self.place.daemon, self.place.url
        if self.status:
            return self.place.lines(url, self.status)
        if self.is_well is None:
            return [screen.absent_line(daemon, url)]
        remedy = f"is cni-infoblox-{daemon} running there (--status-listen)? See {self.place.flag}"
        return [screen.silent_line(daemon, url, self.problem, remedy)]


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
    output.add_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print all daemons; 1 when one that was named did not answer, none did, or an agent is not connected."""
    coordinators, agents = arguments.coordinator_status or [], arguments.agent_status or []
    places = [*_places("coordinator", COORDINATOR_URL, coordinators), *_places("agent", AGENT_URL, agents)]
    with pages.make_session() as session, Progress("asking the daemons"):
        told = [_ask(session, place) for place in places]
    document = {
        f"{daemon}s": [each.document() for each in told if each.place.daemon == daemon] for daemon in _DAEMONS
    }
    Output(arguments.output).show(document, [line for each in told for line in each.lines()])
    are_well = [each.is_well for each in told]
    return 0 if False not in are_well and True in are_well else 1


def _places(daemon: str, default: str, named: Sequence[str]) -> list[_Place]:
    model, lines = _DAEMONS[daemon]
    urls = [pages.checked(f"--{daemon}-status", url) for url in named] or [default]
    return [_Place(daemon, url, model, lines, is_named=bool(named)) for url in urls]


_DAEMONS: dict[str, tuple[type[BaseModel], Callable[[str, Any], list[str]]]] = {
    "coordinator": (CoordinatorStatus, screen.coordinator_lines),
    "agent": (AgentStatus, screen.agent_lines),
}


def _ask(session: requests.Session, place: _Place) -> _Told:
    """A daemon is well when it answers, an agent when it is connected, too."""
    try:
        status = pages.ask(session, place.url, place.model)
    except pages.NoStatus as problem:
        is_absent = isinstance(problem, pages.NobodyListens) and not place.is_named
        return _Told(place, None, str(problem), None if is_absent else False)
    return _Told(place, status, "", not isinstance(status, AgentStatus) or status.connected)
