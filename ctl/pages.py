"""Fetches the page on which a daemon tells how it is."""

from __future__ import annotations

from typing import Final, TypeVar

import requests
from pydantic import BaseModel, ValidationError

from ctl.failures import BadArgument
from protocol.host_port import BadHostPort, HostPort
from protocol.texts import parse_json

PORTS: Final = {"http": 80, "https": 443}
CONNECT_LIMIT_S = 2
ANSWER_LIMIT_S = 5

Answer = TypeVar("Answer", bound=BaseModel)


class NoStatus(Exception):
    """A daemon gave no usable answer; the text says why."""


class NobodyListens(NoStatus):
    """There is no daemon at that address."""


def make_session() -> requests.Session:
    """A session for daemons of this node or cluster; a proxy for the outside world does not lead there."""
    session = requests.Session()
    session.trust_env = False
    return session


def checked(flag: str, url: str) -> str:
    """The address without its page. Raises `BadArgument`."""
    scheme, _, rest = url.partition("://")
    if scheme not in PORTS:
        raise BadArgument(f"{flag} {url}: must begin with http:// or https://")
    place, slash, path = rest.partition("/")
    try:
        at = HostPort.parse(place, PORTS[scheme])
    except BadHostPort:
        at = None
    if at is None or not at.is_peer:
        raise BadArgument(f"{flag} {url}: must be of the form {scheme}://HOST:PORT, an IPv6 address in brackets")
    return f"{scheme}://{at}{slash}{path}".rstrip("/").removesuffix("/status")


def ask(session: requests.Session, url: str, model: type[Answer]) -> Answer:
    """What the daemon says. Raises `NoStatus`."""
    try:
        response = session.get(f"{url}/status", timeout=(CONNECT_LIMIT_S, ANSWER_LIMIT_S), allow_redirects=False)
    except requests.ConnectionError:
        raise NobodyListens("nobody listens") from None
    except requests.Timeout:
        raise NoStatus(f"nothing within {ANSWER_LIMIT_S} s") from None
    except requests.RequestException as error:
        raise NoStatus(f"the address is unusable ({type(error).__name__})") from None
    if response.status_code != requests.codes.ok:
        raise NoStatus(f"HTTP status {response.status_code}")
    try:
        fields = parse_json(response.content)
    except (ValueError, RecursionError):
        raise NoStatus("its answer is not a status (JSON)") from None
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"]))
        raise NoStatus(f"its answer is not a status ({field or 'JSON'}: {first['msg']})") from None
