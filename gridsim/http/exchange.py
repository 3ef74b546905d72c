"""The values of one HTTP exchange."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

CUT = 0
_HTML = "text/html; charset=iso-8859-1"


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """One HTTP request as it came, at a time of the monotonic clock; `client_gone`: has the client hung up?"""

    method: str
    path: str
    query: str
    body: bytes
    content_type: str
    client: str
    user_agent: str
    authorization: str | None
    cookies: str | None
    client_gone: Callable[[], bool]
    received_s: float

    @property
    def text(self) -> str:
        """The text in which `only_containing` is looked for."""
        return f"{unquote(self.path)}?{unquote(self.query)} {self.body.decode('utf-8', 'replace')}"


@dataclass(slots=True)
class HttpReply:
    """One HTTP reply; status 0 means that the connection is cut instead, `closes` that it ends afterwards."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    user: str = ""
    login: bool = False
    operations: tuple[tuple[str, str], ...] = ()
    closes: bool = False


def json_reply(status: int, body: Any) -> HttpReply:
    """Return a reply with a JSON body."""
    return HttpReply(status, json.dumps(body).encode())


_PHRASES = {
    HTTPStatus.OK: "Infoblox Grid Manager",
    HTTPStatus.UNAUTHORIZED: "Authorization Required",
    HTTPStatus.FORBIDDEN: "Forbidden",
}
_SENTENCES = {
    HTTPStatus.OK: '<meta http-equiv="refresh" content="0; url=/ui/">',
    HTTPStatus.FORBIDDEN: "You don't have permission to access /wapi/ on this server.",
}


def html_reply(status: HTTPStatus) -> HttpReply:
    """Return what the web server in front of the database says with that status."""
    title = _PHRASES.get(status, status.phrase)
    heading = title if status == HTTPStatus.OK else f"{status.value} {title}"
    page = (
        '<!DOCTYPE HTML PUBLIC "-//IETF//DTD HTML 2.0//EN">\n'
        f"<html><head><title>{heading}</title></head><body>\n<h1>{title}</h1>\n"
        f"<p>{_SENTENCES.get(status, '')}</p>\n</body></html>\n"
    )
    headers = {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Basic realm="InfoBlox ONE Platform"'
    if status == HTTPStatus.FORBIDDEN:
        headers["Connection"] = "close"
    return HttpReply(status.value, page.encode("iso-8859-1"), _HTML, headers)
