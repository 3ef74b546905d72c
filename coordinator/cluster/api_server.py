"""One exchange with the Kubernetes API server, as the pod's service account lets us.

Each exchange has a connection of its own, and reads token and authority anew: they are rotated while we run.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import requests
from urllib3.exceptions import HTTPError

from coordinator.grid.certificates import causes, fault_of
from coordinator.grid.reply_bounds import REPLY_BYTES_MAX, BadReply, ReplyBounds
from protocol.texts import scrub

CONNECT_TIMEOUT_S: Final = 3.0
CAUSE_LENGTH_MAX: Final = 300
MERGE_PATCH: Final = "application/merge-patch+json"
OBJECT_BYTES_MAX: Final = 4 * 1024 * 1024
"""Twice what an object may have in etcd, since JSON takes more room than its form there."""


class NoAnswer(Exception):
    """There is no answer that can be used; `cause` says why, `code` is the HTTP status where there was one."""

    def __init__(self, cause: str, code: int = 0) -> None:
        super().__init__(cause)
        self.cause = scrub(cause)[:CAUSE_LENGTH_MAX]
        self.code = code


class Reply:
    """A reply of which only the head is there; its body is read within the context of the exchange."""

    def __init__(self, response: requests.Response, bounds: ReplyBounds) -> None:
        self._response = response
        self._bounds = bounds

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        return self._response.status_code

    def content(self) -> bytes:
        """The whole body."""
        return self._bounds.content(self._response)

    def lines(self, silence_s: float, line_bytes_max: int) -> Iterator[bytes]:
        """The body as it comes; the bounds are those of each line."""
        return self._bounds.lines(self._response, silence_s, line_bytes_max)

    def shut_down(self) -> None:
        """Make a read in another thread end."""
        with suppress(OSError, RuntimeError, ValueError):  # it may end by itself at this very moment
            self._response.raw.shutdown()

    def check(self) -> None:
        """Raises `NoAnswer` with the server's words where it refuses."""
        if self.status_code not in (requests.codes.ok, requests.codes.created):
            raise NoAnswer(f"HTTP {self.status_code}: {self._message()}", self.status_code)

    def _message(self) -> str:
        try:
            return str(json.loads(self.content())["message"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return self._response.reason or ""


class ApiServer:
    """The API server at `url`; `credentials` holds our `token` and its `ca.crt`. `clock` counts seconds,
    `user_agent` says who asks."""

    def __init__(self, url: str, credentials: Path, clock: Callable[[], float], user_agent: str) -> None:
        self._url = url
        self._credentials = credentials
        self._clock = clock
        self._user_agent = user_agent

    @contextmanager
    def exchange(
        self,
        method: str,
        path: str,
        silence_s: float,
        *,
        query: Mapping[str, str] | None = None,
        body: Any = None,
        accept: str = "application/json",
        bytes_max: int = REPLY_BYTES_MAX,
    ) -> Iterator[Reply]:
        """The reply, whatever its status, within the bounds of `ReplyBounds`. Raises `NoAnswer`, also later."""
        bounds = ReplyBounds(self._clock)
        try:
            with bounds.session(verify=str(self._credentials / "ca.crt")) as session:
                request = self._request(method, path, query, body, accept)
                bounds.begin(silence_s, bytes_max)
                with session.send(
                    session.prepare_request(request),
                    timeout=(CONNECT_TIMEOUT_S, silence_s),
                    allow_redirects=False,
                    stream=True,
                ) as response:
                    yield Reply(response, bounds)
        except (OSError, HTTPError, UnicodeError) as error:
            raise NoAnswer(_cause(error)) from None

    def _request(
        self, method: str, path: str, query: Mapping[str, str] | None, body: Any, accept: str
    ) -> requests.Request:
        login = f"Bearer {self._token()}"
        headers = {"Authorization": login, "Accept": accept, "User-Agent": self._user_agent}
        if method == "PATCH":
            headers["Content-Type"] = MERGE_PATCH
        return requests.Request(method, self._url + path, headers=headers, params=query, json=body)

    def _token(self) -> str:
        path = self._credentials / "token"
        try:
            return path.read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            raise NoAnswer(f"{path} cannot be read") from None


def _cause(error: Exception) -> str:
    if fault := fault_of(error):
        return f"its certificate is not accepted: {fault.value} (ca.crt)"
    root = [*causes(error)][-1]
    if isinstance(root, BadReply):
        return str(root)
    if isinstance(error, requests.Timeout) or isinstance(root, TimeoutError):
        return "no reply in time"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "its reply was cut off, or is no HTTP"
    if isinstance(error, requests.ConnectionError):
        return "no connection"
    return f"{type(error).__name__}: {error}"
