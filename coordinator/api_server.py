"""One exchange with the Kubernetes API server, as the pod's service account lets us.

Each exchange has a connection of its own, and reads token and authority anew: they are rotated while we run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import requests

from protocol.texts import scrub

CONNECT_TIMEOUT_S: Final = 3.0
CAUSE_LENGTH_MAX: Final = 300


class NoAnswer(Exception):
    """There is no answer that can be used; `cause` says why, `code` is the HTTP status where there was one."""

    def __init__(self, cause: str, code: int = 0) -> None:
        super().__init__(cause)
        self.cause = scrub(cause)[:CAUSE_LENGTH_MAX]
        self.code = code


class ApiServer:
    """The API server at `url`; `credentials` holds our `token` and its `ca.crt`."""

    def __init__(self, url: str, credentials: Path) -> None:
        self._url = url
        self._credentials = credentials

    @contextmanager
    def exchange(
        self,
        method: str,
        path: str,
        read_timeout_s: float,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
    ) -> Iterator[requests.Response]:
        """The reply, whatever its status; its content is read within the context. Raises `NoAnswer`.

        `read_timeout_s` is the longest silence, not the longest reply.
        """
        try:
            with requests.Session() as session:
                session.trust_env = False
                request = self._request(method, path, query, body, accept)
                with session.send(
                    session.prepare_request(request),
                    verify=str(self._credentials / "ca.crt"),
                    timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
                    allow_redirects=False,
                    stream=True,
                ) as reply:
                    yield reply
        except (requests.RequestException, OSError, UnicodeError) as error:
            raise NoAnswer(_cause(error)) from None

    def _request(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, accept: str
    ) -> requests.Request:
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": accept}
        return requests.Request(method, self._url + path, headers=headers, params=query, json=body)

    def _token(self) -> str:
        path = self._credentials / "token"
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise NoAnswer(f"{path} cannot be read") from None


def check(reply: requests.Response) -> None:
    """Raises `NoAnswer` with the server's words where it refuses."""
    if reply.status_code not in (requests.codes.ok, requests.codes.created):
        raise NoAnswer(f"HTTP {reply.status_code}: {_message(reply)}", reply.status_code)


def _message(reply: requests.Response) -> str:
    try:
        return str(reply.json()["message"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return reply.reason or ""


def _cause(error: Exception) -> str:
    if isinstance(error, requests.exceptions.SSLError):
        return "its certificate is not of the authority in ca.crt"
    if isinstance(error, requests.Timeout) or "Read timed out" in str(error):
        return "no reply in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "its reply was cut off"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"
