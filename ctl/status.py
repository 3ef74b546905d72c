"""`cni-infoblox status`: asks the daemons how they are."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TypeVar

import requests
from pydantic import BaseModel, ValidationError

from ctl import screen
from ctl.answers import Agent, Coordinator
from ctl.failures import BadArgument

COORDINATOR_URL = "http://127.0.0.1:9510"
AGENT_URL = "http://127.0.0.1:9511"
CONNECT_LIMIT_S = 2
ANSWER_LIMIT_S = 5

Answer = TypeVar("Answer", bound=BaseModel)


class NoStatus(Exception):
    """A daemon gave no usable answer; the text says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags of this subcommand."""
    parser.add_argument(
        "--coordinator-status", metavar="URL", help=f"where the coordinator answers (default: {COORDINATOR_URL})"
    )
    parser.add_argument(
        "--agent-status",
        action="append",
        metavar="URL",
        help=f"where an agent does (default: {AGENT_URL}); repeat",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print all daemons; 1 when one of them did not answer."""
    coordinator_url = _checked("--coordinator-status", arguments.coordinator_status or COORDINATOR_URL)
    agent_urls = [_checked("--agent-status", url) for url in arguments.agent_status or [AGENT_URL]]
    with requests.Session() as session:
        session.trust_env = False  # a proxy for the outside world does not lead to this node
        answered = [_show(session, "coordinator", coordinator_url, Coordinator, screen.coordinator_lines)]
        answered += [_show(session, "agent", url, Agent, screen.agent_lines) for url in agent_urls]
    return 0 if all(answered) else 1


def _checked(flag: str, url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise BadArgument(f"{flag} {url}: must begin with http:// or https://")
    return url.rstrip("/").removesuffix("/status")


def _show(
    session: requests.Session,
    daemon: str,
    url: str,
    model: type[Answer],
    lines: Callable[[str, Answer], list[str]],
) -> bool:
    try:
        answer = _ask(session, url, model)
    except NoStatus as problem:
        remedy = f"is cni-infoblox-{daemon} running there (--status-listen)? See --{daemon}-status"
        print(screen.silent_line(daemon, url, str(problem), remedy))
        return False
    print("\n".join(lines(url, answer)))
    return True


def _ask(session: requests.Session, url: str, model: type[Answer]) -> Answer:
    try:
        response = session.get(f"{url}/status", timeout=(CONNECT_LIMIT_S, ANSWER_LIMIT_S), allow_redirects=False)
    except requests.ConnectionError:
        raise NoStatus("nobody listens") from None
    except requests.Timeout:
        raise NoStatus(f"nothing within {ANSWER_LIMIT_S} s") from None
    except requests.RequestException as error:
        raise NoStatus(f"the address is unusable ({type(error).__name__})") from None
    if response.status_code != requests.codes.ok:
        raise NoStatus(f"HTTP status {response.status_code}")
    try:
        return model.model_validate_json(response.content)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise NoStatus(f"its answer is not a status ({field or 'JSON'}: {first['msg']})") from None
